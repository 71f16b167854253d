INSERT INTO totals (total, k) SELECT price, k
FROM bids;
