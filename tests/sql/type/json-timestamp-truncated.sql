-- More digits than the type has.
CREATE TABLE t (ts3 TIMESTAMP(3), ts0 TIMESTAMP(0), l TIMESTAMP_LTZ(0), tm TIME(0)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/json-timestamp-truncated.json', 'format' = 'json');
SELECT * FROM t;
