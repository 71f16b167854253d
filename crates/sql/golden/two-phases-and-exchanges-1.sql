SET 'parallelism.default' = '4';
INSERT INTO totals SELECT k, COUNT(*), window_end
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' HOUR))
GROUP BY k, window_start, window_end;
