-- Where checkpoints go and are committed, without the login; how each sink delivers.
SET 'execution.checkpointing.interval' = '10 s';
SET 'execution.checkpointing.dir' = 's3://key:${PASSWORD}@bucket/jobs';
CREATE TABLE made (n INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
CREATE TABLE shown (n INT) WITH ('connector' = 'print');
CREATE TABLE sent (n INT) WITH ('connector' = 'kafka', 'topic' = 'sent', 'format' = 'json');
INSERT INTO shown SELECT n FROM made;
INSERT INTO sent SELECT n FROM made;
