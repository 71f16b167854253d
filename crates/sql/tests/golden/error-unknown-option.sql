CREATE TABLE t (
  a INT
) WITH (
  'connector' = 'kafka',
  'topik' = 'x',
  'password' = '${PASSWORD}'
);
SELECT * FROM t;
