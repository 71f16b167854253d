SELECT window_end, MAX(price) AS m
FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND))
WHERE window_start > TIMESTAMP '2024-01-01 00:00:00' AND price > 0
GROUP BY window_start, window_end;
