CREATE TABLE default_catalog.default_database.t (id INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json');
SELECT id FROM default_database.t WHERE default_database.t.id = 1;
SELECT t.id FROM `default_catalog`.`default_database`.`t` WHERE id = 2;
