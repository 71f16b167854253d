CREATE TABLE t (a STRING, b INT, c ARRAY<STRING>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/csv-options.csv', 'format' = 'csv', 'csv.field-delimiter' = '|', 'csv.quote-character' = '''', 'csv.allow-comments' = 'true',
  'csv.array-element-delimiter' = '~', 'csv.null-literal' = 'n/a', 'csv.escape-character' = '\', 'csv.ignore-parse-errors' = 'true');
SELECT * FROM t;
