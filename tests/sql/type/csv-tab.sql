CREATE TABLE t (a STRING, b STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/csv-tab.csv', 'format' = 'csv', 'csv.field-delimiter' = '\t', 'csv.disable-quote-character' = 'true');
SELECT * FROM t;
