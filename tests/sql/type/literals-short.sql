-- A timestamp literal without a time, an interval without quotes.
SELECT TIMESTAMP '2024-02-29' AS a, TIMESTAMP '2024-02-29' + INTERVAL 5 SECOND AS b, TIMESTAMP '2024-02-29' + INTERVAL (2 + 3) MINUTE AS c;
