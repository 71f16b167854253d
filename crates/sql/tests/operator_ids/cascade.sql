-- A window over windowed results of a union; metadata; equal aggregations; a HOP in columns.
CREATE TABLE a (k STRING, n DECIMAL(10, 2), made TIMESTAMP_LTZ(3) METADATA FROM 'timestamp', WATERMARK FOR made AS made)
WITH ('connector' = 'kafka', 'topic' = 'a', 'format' = 'json', 'scan.bounded.mode' = 'latest-offset');
CREATE TABLE b (ts TIMESTAMP(3), k STRING, n INT, WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = 'b', 'format' = 'json');
CREATE TABLE daily (k STRING, n DECIMAL(38, 2), e TIMESTAMP(3)) WITH ('connector' = 'print');
CREATE TABLE lasts (k STRING, n DECIMAL(38, 2), s TIMESTAMP(3)) WITH ('connector' = 'print');
CREATE VIEW both_of (k, n, t) AS
SELECT k, n, made FROM a UNION ALL SELECT k, n * 2, made FROM a /*+ OPTIONS('topic' = 'other') */ WHERE k <> 'x';
CREATE VIEW hourly AS
SELECT k, SUM(n) AS n, window_time AS t FROM TABLE(TUMBLE(TABLE both_of, DESCRIPTOR(t), INTERVAL '1' HOUR))
GROUP BY k, window_start, window_end, window_time;
INSERT INTO daily SELECT k, SUM(n), window_end FROM TABLE(TUMBLE(TABLE hourly, DESCRIPTOR(t), INTERVAL '1' DAY))
GROUP BY k, window_start, window_end;
INSERT INTO daily SELECT k, MAX(n), window_end FROM TABLE(TUMBLE(TABLE hourly, DESCRIPTOR(t), INTERVAL '1' DAY))
GROUP BY k, window_start, window_end;
INSERT INTO lasts SELECT k, CAST(COUNT(*) AS DECIMAL(38, 2)), MIN(window_start)
FROM TABLE(HOP(TABLE b, DESCRIPTOR(ts), INTERVAL '1' HOUR, INTERVAL '1' DAY)) GROUP BY k, window_start, window_end;
