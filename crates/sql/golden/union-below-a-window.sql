SELECT window_start, COUNT(*)
FROM TABLE(TUMBLE(TABLE (SELECT ts, k
FROM bids
WHERE price > 1
UNION ALL
SELECT ts, 'x'
FROM bids), DESCRIPTOR(ts), INTERVAL '1' MINUTE))
WHERE k <> 'y'
GROUP BY window_start, window_end;
