CREATE TABLE iso (ts TIMESTAMP(3), l TIMESTAMP_LTZ(3), t TIME(0)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/json-timestamp-iso.json', 'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601');
SELECT * FROM iso;
