SET 'argus.state.memory-limit' = '1 gb';
INSERT INTO totals SELECT k, COUNT(DISTINCT price), MAX(ts) FROM bids GROUP BY k;
