//! Time zones by the names that `table.local-time-zone` accepts.

use argus_base::option::OptionError;

/// Whether the zone is one.
pub(super) fn check_zone(zone: &str) -> Result<(), OptionError> {
    let known =
        zone == "UTC" || jiff::tz::TimeZone::get(zone).is_ok() || fixed_offset(zone).is_some();
    let problem = "expected a zone such as 'Europe/Berlin', 'UTC' or 'GMT+08:00'";
    if known {
        return Ok(());
    }
    let (key, value) = ("table.local-time-zone".to_owned(), zone.to_owned());
    Err(OptionError::BadValue { key, value, problem: problem.to_owned() })
}

/// The zone of a name that `table.local-time-zone` accepts.
pub fn time_zone(name: &str) -> Option<jiff::tz::TimeZone> {
    if name == "UTC" {
        return Some(jiff::tz::TimeZone::UTC);
    }
    fixed_offset(name).or_else(|| jiff::tz::TimeZone::get(name).ok())
}

/// Java's `GMT+08:00`, `UTC-5`, `+01:00`.
fn fixed_offset(zone: &str) -> Option<jiff::tz::TimeZone> {
    let rest = zone.strip_prefix("GMT").or_else(|| zone.strip_prefix("UTC")).unwrap_or(zone);
    let sign = match rest.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = rest[1..].split_once(':').unwrap_or((&rest[1..], "0"));
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let in_range = (0..=18).contains(&hours) && (0..60).contains(&minutes);
    let seconds = sign * (hours * 3600 + minutes * 60);
    let offset = jiff::tz::Offset::from_seconds(seconds).ok()?;
    in_range.then(|| jiff::tz::TimeZone::fixed(offset))
}
