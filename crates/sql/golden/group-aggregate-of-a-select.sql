SET 'parallelism.default' = '2';
SELECT /*+ STATE_TTL('b' = '1 d') */ k, n + 1 AS more FROM (
  SELECT UPPER(k) AS k, COUNT(*) AS n, SUM(price) AS unread FROM bids AS b GROUP BY UPPER(k)
) AS b WHERE n > 1 AND k <> 'A';
