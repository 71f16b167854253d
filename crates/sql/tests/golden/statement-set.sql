CREATE TABLE s (a INT, b STRING NOT NULL) WITH ('connector' = 'datagen');
CREATE TABLE t (a INT NOT NULL, b VARCHAR(3)) WITH ('connector' = 'print');
CREATE TABLE u LIKE t;
SET 'table.exec.sink.not-null-enforcer' = 'DROP';
SET 'table.exec.sink.type-length-enforcer' = 'TRIM_PAD';
EXECUTE STATEMENT SET BEGIN
  INSERT INTO t SELECT * FROM s;
  INSERT INTO u (b, a) SELECT b, a FROM s WHERE a > 0;
END;
