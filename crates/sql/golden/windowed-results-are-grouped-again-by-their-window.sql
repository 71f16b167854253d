SELECT window_start, window_end, MAX(s)
FROM tens
GROUP BY window_start, window_end;
