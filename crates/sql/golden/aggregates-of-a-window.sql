SELECT k, window_start, SUM(price) * 2 + COUNT(*) AS s
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECONDS))
WHERE price > 3
GROUP BY window_start, window_end, k
HAVING COUNT(*) > 1;
