INSERT INTO totals SELECT 'a', 1, ts
FROM bids
UNION ALL
SELECT 'bcd', 2, ts
FROM bids
UNION ALL
SELECT k, price, ts
FROM bids;
