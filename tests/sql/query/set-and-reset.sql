SET 'table.local-time-zone' = 'Asia/Tokyo';
SELECT CAST(TO_TIMESTAMP_LTZ(0, 3) AS STRING) AS a;
RESET 'table.local-time-zone';
SET 'argus.anything' = 'is ignored by Flink';
SET 'table.local-time-zone' = 'UTC';
SELECT CAST(TO_TIMESTAMP_LTZ(0, 3) AS STRING) AS a;
