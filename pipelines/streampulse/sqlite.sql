-- The tables that job.sql writes, for SQLite 3.24 or newer; loads twice. Times are text in UTC.
--   sqlite3 streampulse.db < sqlite.sql

CREATE TABLE IF NOT EXISTS content_stats (
  content_id           TEXT NOT NULL,
  title                TEXT,
  download_count       INTEGER NOT NULL,
  successful_downloads INTEGER NOT NULL,
  failed_downloads     INTEGER NOT NULL,
  cancelled_downloads  INTEGER NOT NULL,
  total_size_gb        NUMERIC,
  window_start         TEXT NOT NULL,
  window_end           TEXT NOT NULL,
  created_at           TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (content_id, window_start)
);

CREATE TABLE IF NOT EXISTS region_health (
  region               TEXT NOT NULL,
  total_downloads      INTEGER NOT NULL,
  successful_downloads INTEGER NOT NULL,
  failed_downloads     INTEGER NOT NULL,
  cancelled_downloads  INTEGER NOT NULL,
  success_rate         REAL,
  avg_speed_mbps       REAL,
  avg_duration_seconds REAL,
  total_size_gb        NUMERIC,
  window_start         TEXT NOT NULL,
  window_end           TEXT NOT NULL,
  created_at           TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (region, window_start)
);

CREATE TABLE IF NOT EXISTS device_stats (
  device               TEXT NOT NULL,
  os_version           TEXT NOT NULL,
  total_downloads      INTEGER NOT NULL,
  successful_downloads INTEGER NOT NULL,
  failed_downloads     INTEGER NOT NULL,
  cancelled_downloads  INTEGER NOT NULL,
  avg_speed_mbps       REAL,
  total_size_gb        NUMERIC,
  window_start         TEXT NOT NULL,
  window_end           TEXT NOT NULL,
  created_at           TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (device, os_version, window_start)
);

CREATE TABLE IF NOT EXISTS alerts (
  alert_type      TEXT NOT NULL,
  severity        TEXT NOT NULL,
  message         TEXT NOT NULL,
  region          TEXT NOT NULL,
  content_id      TEXT,
  metric_name     TEXT,
  metric_value    REAL,
  threshold_value REAL,
  window_start    TEXT NOT NULL,
  created_at      TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  acknowledged    INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (alert_type, region, window_start)
);

CREATE TABLE IF NOT EXISTS event_log (
  event_id        TEXT NOT NULL PRIMARY KEY,
  event_timestamp TEXT NOT NULL,
  content_id      TEXT,
  region          TEXT,
  device          TEXT,
  status          TEXT,
  error_code      TEXT,
  created_at      TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
