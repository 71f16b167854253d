-- A key that may differ when rows come again after a failure, or which rows there are, is told to the connector.
SET 'execution.checkpointing.interval' = '10 s';
CREATE TABLE events (
  id STRING, n INT, ts TIMESTAMP(3), p AS PROCTIME(), WATERMARK FOR ts AS ts
) WITH ('connector' = 'kafka', 'topic' = 'events', 'scan.bounded.mode' = 'latest-offset', 'format' = 'json');
CREATE TABLE same (id STRING, n INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'jdbc', 'table-name' = 'same');
CREATE TABLE made (id STRING, n INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'jdbc', 'table-name' = 'made');
CREATE TABLE few (id STRING, n INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'jdbc', 'table-name' = 'few');
CREATE TABLE rare (id STRING, n BIGINT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'jdbc', 'table-name' = 'rare');
CREATE TABLE minutes (id STRING, w TIMESTAMP(3), n BIGINT, PRIMARY KEY (id, w) NOT ENFORCED)
WITH ('connector' = 'jdbc', 'table-name' = 'minutes');
CREATE TABLE clock (id STRING, w TIMESTAMP(3), n BIGINT, PRIMARY KEY (id, w) NOT ENFORCED)
WITH ('connector' = 'jdbc', 'table-name' = 'clock');
CREATE VIEW keyed AS SELECT UUID() AS id, n FROM events;
INSERT INTO same SELECT UPPER(id), RAND_INTEGER(n) FROM events WHERE n > 0;
INSERT INTO made SELECT 'x' || id, n FROM keyed;
-- Into the same table: what holds for one holds for both.
INSERT INTO made SELECT id, n FROM events;
INSERT INTO few SELECT id, n FROM events WHERE ts > LOCALTIMESTAMP;
INSERT INTO rare SELECT id, COUNT(*) FROM events GROUP BY id HAVING COUNT(*) < 3;
INSERT INTO minutes SELECT id, window_start, COUNT(*)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY id, window_start, window_end;
INSERT INTO clock SELECT id, window_start, COUNT(*)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(p), INTERVAL '1' MINUTE)) GROUP BY id, window_start, window_end;
