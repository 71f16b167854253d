-- Two window queries over one source, written as a statement set to two tables that are read afterwards.
CREATE TABLE bids (ts TIMESTAMP(3), k STRING, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
CREATE TABLE totals (k STRING, e TIMESTAMP(3), s INT) WITH ('connector' = 'filesystem', 'path' = '${OUT}/totals', 'format' = 'json');
CREATE TABLE counts (e TIMESTAMP(3), n BIGINT) WITH ('connector' = 'filesystem', 'path' = '${OUT}/counts', 'format' = 'csv');
EXECUTE STATEMENT SET BEGIN
  INSERT INTO totals SELECT k, window_end, SUM(price) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECONDS)) GROUP BY k, window_start, window_end;
  INSERT INTO counts SELECT window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
END;
SELECT * FROM totals;
SELECT * FROM counts;
