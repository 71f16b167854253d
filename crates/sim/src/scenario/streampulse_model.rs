//! StreamPulse computed plainly, from every download: what its tables must come to. The rules are
//! those that its README promises, not those of its statements.

use std::collections::BTreeMap;

use super::window_model::timestamp;
use crate::expectation::Rows;

/// A minute in milliseconds, the size of every window.
const MINUTE: i64 = 60_000;

/// A download, as far as its tables show it.
#[derive(Clone, Debug)]
pub struct Download {
    /// Its number, which its id is made of.
    pub number: usize,
    /// Event time in whole seconds, as milliseconds.
    pub time: i64,
    /// What was downloaded; the title goes with it.
    pub content: u64,
    /// How large it is.
    pub size_mb: i64,
    /// `success`, `failed`, `cancelled`, or something unknown.
    pub status: &'static str,
    /// How long it took.
    pub duration_seconds: i64,
    /// How fast it was, in quarters: sums of them are exact.
    pub speed_quarters: i64,
    /// Why it failed.
    pub error_code: Option<&'static str>,
    /// Where.
    pub region: &'static str,
    /// On which device.
    pub device: &'static str,
    /// With which system.
    pub os_version: &'static str,
}

/// The ids below 600 of which `MD5` is below 028f5c28, found with `md5sum`: these are logged
/// whatever their status.
const SAMPLED: [usize; 7] = [391, 418, 478, 517, 562, 578, 599];

/// What the tables hold in the end.
#[derive(Debug, Default)]
pub struct Tables {
    /// By name.
    pub rows: BTreeMap<&'static str, Rows>,
}

/// The downloads of a key in a minute.
#[derive(Default)]
struct Minute {
    total: i64,
    successful: i64,
    failed: i64,
    cancelled: i64,
    cdn_timeouts: i64,
    size_mb: i64,
    duration_seconds: i64,
    n_speeds: i64,
    speed_quarters: i64,
}

impl Minute {
    fn add(&mut self, download: &Download) {
        self.total += 1;
        self.size_mb += download.size_mb;
        self.cdn_timeouts += i64::from(download.error_code == Some("cdn_timeout"));
        match download.status {
            "success" => {
                self.successful += 1;
                self.duration_seconds += download.duration_seconds;
                if download.speed_quarters > 0 {
                    self.n_speeds += 1;
                    self.speed_quarters += download.speed_quarters;
                }
            }
            "failed" => self.failed += 1,
            "cancelled" => self.cancelled += 1,
            _ => {}
        }
    }

    fn success_rate(&self) -> f64 {
        self.successful as f64 / self.total as f64
    }

    fn speed(&self) -> Option<f64> {
        let sum = self.speed_quarters as f64 / 4.0;
        (self.n_speeds > 0).then(|| sum / self.n_speeds as f64)
    }

    fn duration(&self) -> Option<f64> {
        (self.successful > 0).then(|| self.duration_seconds as f64 / self.successful as f64)
    }

    /// Gigabytes with two digits, the last one rounded half up.
    fn gigabytes(&self) -> String {
        let hundredths = (self.size_mb * 200 + 1_024) / 2_048;
        format!("{}.{:02}", hundredths / 100, hundredths % 100)
    }

    /// Its counts as three tables have them.
    fn counts(&self) -> String {
        format!(
            "\"successful_downloads\":{},\"failed_downloads\":{},\"cancelled_downloads\":{}",
            self.successful, self.failed, self.cancelled
        )
    }
}

impl Tables {
    /// Of downloads in their order within partitions. `last` is the final watermark; with one
    /// partition downloads may be late.
    pub fn of(partitions: &[Vec<Download>], delay: i64, min_downloads: i64, last: i64) -> Tables {
        let mut tables = Tables::default();
        for name in ["content_stats", "region_health", "device_stats", "alerts", "event_log"] {
            tables.rows.insert(name, Rows::new());
        }
        let mut contents: BTreeMap<(i64, u64), Minute> = BTreeMap::new();
        let mut regions: BTreeMap<(i64, &str), Minute> = BTreeMap::new();
        let mut devices: BTreeMap<(i64, &str, &str), Minute> = BTreeMap::new();
        for downloads in partitions {
            let mut watermark = i64::MIN;
            for download in downloads {
                tables.log(download);
                let start = download.time.div_euclid(MINUTE) * MINUTE;
                if start + MINUTE - 1 > watermark && start + MINUTE - 1 <= last {
                    let Download { content, region, device, os_version, .. } = download;
                    contents.entry((start, *content)).or_default().add(download);
                    regions.entry((start, region)).or_default().add(download);
                    devices.entry((start, device, os_version)).or_default().add(download);
                }
                watermark = watermark.max(download.time - delay);
            }
        }
        for ((start, content), minute) in &contents {
            tables.add("content_stats", content_row(*start, *content, minute));
        }
        for ((start, region), minute) in &regions {
            tables.add("region_health", region_row(*start, region, minute));
            if minute.total >= min_downloads {
                alerts(*start, region, minute)
                    .into_iter()
                    .for_each(|row| tables.add("alerts", row));
            }
        }
        for ((start, device, os_version), minute) in &devices {
            tables.add("device_stats", device_row(*start, device, os_version, minute));
        }
        tables
    }

    fn add(&mut self, table: &'static str, row: String) {
        *self.rows.entry(table).or_default().entry(row).or_default() += 1;
    }

    fn log(&mut self, download: &Download) {
        let Download { number, time, content, status, error_code, region, device, .. } = download;
        if *status == "success" && !SAMPLED.contains(number) {
            return;
        }
        let error_code = error_code.map_or("null".to_owned(), |code| format!("\"{code}\""));
        let time = timestamp(*time);
        self.add(
            "event_log",
            format!(
                "{{\"event_id\":\"event-{number}\",\"event_timestamp\":\"{time}\",\
                 \"content_id\":\"content-{content}\",\"region\":\"{region}\",\
                 \"device\":\"{device}\",\"status\":\"{status}\",\"error_code\":{error_code}}}"
            ),
        );
    }
}

fn window(start: i64) -> String {
    let (start, end) = (timestamp(start), timestamp(start + MINUTE));
    format!("\"window_start\":\"{start}\",\"window_end\":\"{end}\"")
}

fn content_row(start: i64, content: u64, minute: &Minute) -> String {
    format!(
        "{{\"content_id\":\"content-{content}\",\"title\":\"Title {content}\",\
         \"download_count\":{},{},\"total_size_gb\":{},{}}}",
        minute.total,
        minute.counts(),
        minute.gigabytes(),
        window(start)
    )
}

fn region_row(start: i64, region: &str, minute: &Minute) -> String {
    format!(
        "{{\"region\":\"{region}\",\"total_downloads\":{},{},\"success_rate\":{},\
         \"avg_speed_mbps\":{},\"avg_duration_seconds\":{},\"total_size_gb\":{},{}}}",
        minute.total,
        minute.counts(),
        rounded(minute.success_rate(), 4),
        rounded_or_null(minute.speed(), 2),
        rounded_or_null(minute.duration(), 2),
        minute.gigabytes(),
        window(start)
    )
}

fn device_row(start: i64, device: &str, os_version: &str, minute: &Minute) -> String {
    format!(
        "{{\"device\":\"{device}\",\"os_version\":\"{os_version}\",\"total_downloads\":{},{},\
         \"avg_speed_mbps\":{},\"total_size_gb\":{},{}}}",
        minute.total,
        minute.counts(),
        rounded_or_null(minute.speed(), 2),
        minute.gigabytes(),
        window(start)
    )
}

/// What is wrong in a region's minute.
fn alerts(start: i64, region: &str, minute: &Minute) -> Vec<String> {
    let start = timestamp(start);
    let row = |[kind, severity, message, metric, value, threshold]: [&str; 6]| {
        format!(
            "{{\"alert_type\":\"{kind}\",\"severity\":\"{severity}\",\"message\":\"{message}\",\
             \"region\":\"{region}\",\"metric_name\":\"{metric}\",\"metric_value\":{value},\
             \"threshold_value\":{threshold},\"window_start\":\"{start}\"}}"
        )
    };
    let mut rows = Vec::new();
    let Minute { total, successful, cdn_timeouts, .. } = minute;
    let rate = minute.success_rate();
    if rate < 0.9 {
        let is_critical = rate < 0.8;
        let message = format!("{successful} of {total} downloads succeeded in {region}");
        let severity = if is_critical { "CRITICAL" } else { "WARNING" };
        let threshold = if is_critical { "0.8" } else { "0.9" };
        let value = rounded(rate, 4);
        let kind = "HIGH_ERROR_RATE";
        rows.push(row([kind, severity, &message, "success_rate", &value, threshold]));
    }
    if let Some(speed) = minute.speed().filter(|speed| *speed < 10.0) {
        let message = format!("Successful downloads are slow in {region}");
        let value = rounded(speed, 2);
        let kind = "SLOW_DOWNLOADS";
        rows.push(row([kind, "WARNING", &message, "avg_speed_mbps", &value, "10.0"]));
    }
    let timeout_rate = *cdn_timeouts as f64 / *total as f64;
    if timeout_rate >= 0.1 {
        let message = format!("{cdn_timeouts} of {total} downloads met a CDN timeout in {region}");
        let value = rounded(timeout_rate, 4);
        let kind = "CDN_FAILURE";
        rows.push(row([kind, "CRITICAL", &message, "cdn_timeout_rate", &value, "0.1"]));
    }
    rows
}

fn rounded_or_null(value: Option<f64>, digits: usize) -> String {
    value.map_or("null".to_owned(), |value| rounded(value, digits))
}

/// A number that is not negative, rounded half up as its shortest decimal text has it.
fn rounded(value: f64, digits: usize) -> String {
    let text = format!("{value}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let kept: String = fraction.chars().chain("0".repeat(digits).chars()).take(digits).collect();
    let is_up = fraction.as_bytes().get(digits).is_some_and(|digit| *digit >= b'5');
    let scaled: i64 = format!("{whole}{kept}").parse().expect("digits");
    let scaled = scaled + i64::from(is_up);
    let power = 10_i64.pow(u32::try_from(digits).expect("a few digits"));
    let text = format!("{}.{:0digits$}", scaled / power, scaled % power);
    let trimmed = text.trim_end_matches('0');
    if trimmed.ends_with('.') { format!("{trimmed}0") } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_half_up() {
        assert_eq!(rounded(2.0 / 3.0, 4), "0.6667");
        assert_eq!(rounded(0.125, 2), "0.13");
        assert_eq!(rounded(9.995, 2), "10.0");
        assert_eq!(rounded(7.0, 2), "7.0");
    }

    #[test]
    fn sizes_are_rounded_once() {
        let gigabytes = |size_mb| Minute { size_mb, ..Minute::default() }.gigabytes();
        assert_eq!(
            (gigabytes(1_024), gigabytes(5), gigabytes(6)),
            ("1.00".into(), "0.00".into(), "0.01".into())
        );
    }
}
