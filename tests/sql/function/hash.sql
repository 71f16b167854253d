CREATE TABLE t (id INT, s STRING, t STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/texts.json', 'format' = 'json');
SELECT id, MD5(s) AS a, SHA1(s) AS b, SHA256(s) AS c, SHA224(t) AS d, SHA384(t) AS e, SHA512(t) AS f, SHA2(t, 256) AS g FROM t;
