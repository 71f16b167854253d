SELECT window_end, SUM(s)
FROM TABLE(TUMBLE(TABLE (SELECT t, s
FROM tens), DESCRIPTOR(t), INTERVAL '30' SECOND))
GROUP BY window_start, window_end;
