-- LIKE keeps physical columns first; the options say what else comes along.
CREATE TABLE base (id INT NOT NULL, amount DECIMAL(10, 2), ts TIMESTAMP(3), twice AS id * 2, PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json');
CREATE TABLE a LIKE base;
DESCRIBE a;
CREATE TABLE b (extra STRING) WITH ('path' = '${OUT}/b', 'format' = 'csv') LIKE base (EXCLUDING GENERATED EXCLUDING WATERMARKS);
DESCRIBE b;
CREATE TABLE c WITH ('connector' = 'print') LIKE base (EXCLUDING ALL);
DESCRIBE c;
CREATE TABLE d (WATERMARK FOR ts AS ts - INTERVAL '9' SECOND) LIKE base (OVERWRITING WATERMARKS EXCLUDING CONSTRAINTS);
DESCRIBE d;
CREATE TABLE e (thrice AS id * 3) WITH ('connector' = 'blackhole') LIKE base (INCLUDING ALL EXCLUDING OPTIONS);
DESCRIBE e;
SHOW CREATE TABLE b;
SHOW CREATE TABLE c;
