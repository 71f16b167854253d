SELECT 1, 'a' AS x, 1 + 2;
SELECT UPPER('abc') AS `Upper Case`;
