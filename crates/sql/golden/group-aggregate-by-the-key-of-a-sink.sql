SET 'table.exec.state.ttl' = '1 h';
INSERT INTO totals SELECT k, COUNT(DISTINCT price), MAX(ts) FROM bids GROUP BY k;
