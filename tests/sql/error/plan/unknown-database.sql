SELECT * FROM nodb.t;
