-- Words that need no quotes although they look like keywords.
CREATE TABLE t (id INT, name STRING, type STRING, status STRING, url STRING, key STRING, data STRING, state STRING, version STRING, title STRING, level INT, source STRING, code STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/keyword-columns.json', 'format' = 'json');
SELECT id, name, type, status, url, key, data, state, version, title, level, source, code FROM t;
