CREATE TABLE lines (line STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/raw.txt', 'format' = 'raw');
SELECT line, CHAR_LENGTH(line) AS n FROM lines;
