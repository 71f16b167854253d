CREATE TABLE j (a INT, m DECIMAL(20, 10), ts TIMESTAMP(3), l TIMESTAMP_LTZ(3)) WITH ('connector' = 'filesystem', 'path' = '${OUT}/j', 'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601', 'json.encode.decimal-as-plain-number' = 'true', 'json.encode.ignore-null-fields' = 'true');
INSERT INTO j VALUES (1, 0.0000000001, TIMESTAMP '2024-02-29 13:14:00', CAST(TIMESTAMP '2024-02-29 13:14:15.678' AS TIMESTAMP_LTZ(3))), (CAST(NULL AS INT), 100, CAST(NULL AS TIMESTAMP(3)), CAST(NULL AS TIMESTAMP_LTZ(3)));
CREATE TABLE lines (line STRING) WITH ('connector' = 'filesystem', 'path' = '${OUT}/j', 'format' = 'raw');
SELECT * FROM lines;
CREATE TABLE k (m DECIMAL(20, 10)) WITH ('connector' = 'filesystem', 'path' = '${OUT}/k', 'format' = 'json');
INSERT INTO k VALUES (0.0000000001), (100), (1234.5), (-0.00001);
CREATE TABLE klines (line STRING) WITH ('connector' = 'filesystem', 'path' = '${OUT}/k', 'format' = 'raw');
SELECT * FROM klines;
