//! Times, durations and sizes as `argus status` and `argus state show` tell them.

use std::time::Duration;

use argus_base::time::Watermark;

use super::time::write_timestamp;

/// Milliseconds since 1970 as `yyyy-MM-ddTHH:mm:ss[.f…]Z`.
pub fn instant(millis: i64) -> String {
    local(millis) + "Z"
}

/// Milliseconds of a wall clock, whose zone is known elsewhere: without the `Z`.
pub fn local(millis: i64) -> String {
    let mut out = Vec::new();
    write_timestamp(&mut out, millis, 1_000);
    String::from_utf8_lossy(&out).replace(' ', "T")
}

/// A watermark; `None` before the first, `end` when nothing follows.
pub fn watermark(watermark: Watermark) -> Option<String> {
    match watermark {
        Watermark::MIN => None,
        Watermark::MAX => Some("end".to_owned()),
        Watermark(millis) => Some(instant(millis)),
    }
}

/// Whole milliseconds.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A duration in its two largest units.
#[allow(clippy::cast_precision_loss, reason = "numbers for people")]
pub fn duration(millis: u64) -> String {
    let seconds = millis / 1_000;
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{:.1} s", millis as f64 / 1e3),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A size in its largest unit.
#[allow(clippy::cast_precision_loss, reason = "numbers for people")]
pub fn bytes(n_bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if n_bytes < 1 << 10 {
        return format!("{n_bytes} B");
    }
    let mut size = n_bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(instant(1_577_836_799_120), "2019-12-31T23:59:59.12Z");
        assert_eq!(local(0), "1970-01-01T00:00:00");
        assert_eq!(watermark(Watermark::MIN), None);
        assert_eq!(watermark(Watermark::MAX), Some("end".to_owned()));
        assert_eq!(watermark(Watermark(0)), Some("1970-01-01T00:00:00Z".to_owned()));
    }

    #[test]
    fn durations_and_sizes() {
        let durations = [0, 999, 1_500, 61_000, 3_660_000, 90_000_000].map(duration);
        assert_eq!(durations, ["0 ms", "999 ms", "1.5 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]);
        let sizes = [0, 1023, 1536, 5 << 20, 3 << 40, 5 << 50].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1.5 KiB", "5.0 MiB", "3.0 TiB", "5120.0 TiB"]);
    }
}
