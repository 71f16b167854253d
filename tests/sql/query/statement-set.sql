-- Both forms of a statement set, one source read by several inserts.
CREATE TABLE orders (id INT, amount DECIMAL(10, 2)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json');
CREATE TABLE a (id INT) WITH ('connector' = 'filesystem', 'path' = '${OUT}/a', 'format' = 'json');
CREATE TABLE b (id INT, amount DECIMAL(10, 2)) WITH ('connector' = 'filesystem', 'path' = '${OUT}/b', 'format' = 'json');
BEGIN STATEMENT SET;
INSERT INTO a SELECT id FROM orders WHERE id < 3;
INSERT INTO b SELECT id, amount FROM orders WHERE amount > 1;
END;
SELECT * FROM a;
SELECT * FROM b;
EXECUTE STATEMENT SET BEGIN
INSERT INTO a VALUES (10);
INSERT INTO a SELECT id + 10 FROM orders WHERE id = 1;
END;
SELECT * FROM a;
