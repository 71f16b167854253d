-- OPTIONS in a hint win over those of the table, for this query only.
CREATE TABLE t (id INT, amount STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/hint-options.csv', 'format' = 'csv');
SELECT * FROM t /*+ OPTIONS('csv.field-delimiter' = ';', 'path' = '${CASE}/hint-options-other.csv') */;
SELECT * FROM t;
SELECT id FROM t /*+ OPTIONS('csv.ignore-parse-errors' = 'true') */ AS u WHERE u.id > 1;
