-- Names that are reserved words or hold other characters.
CREATE TABLE `order` (`select` INT, `from` STRING, `a b` INT, `tick``ed` INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/quoted-names.json', 'format' = 'json');
SELECT `select`, `from`, `a b`, `tick``ed` AS `Ünïcode` FROM `order` WHERE `a b` > 0;
