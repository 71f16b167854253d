//! Flink's spelling of durations and memory sizes in option values.

use std::time::Duration;

/// Reads `10 s`, `500ms`, `1 min`, `2 h`, `1 d`, or a bare number of milliseconds.
///
/// Units are those of Flink's `TimeUtils`: d, h, min, m, s, ms, us (µs), ns with their long
/// names.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split_number(text)?;
    let nanos_per_unit: u64 = match unit.as_str() {
        "d" | "day" | "days" => 86_400_000_000_000,
        "h" | "hour" | "hours" => 3_600_000_000_000,
        "min" | "m" | "minute" | "minutes" => 60_000_000_000,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000_000_000,
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 1_000_000,
        "us" | "µs" | "micro" | "micros" | "microsecond" | "microseconds" => 1_000,
        "ns" | "nano" | "nanos" | "nanosecond" | "nanoseconds" => 1,
        _ => {
            return Err(format!(
                "'{text}' has the unknown time unit '{unit}'; write d, h, min, s or ms"
            ));
        }
    };
    let nanos = number.checked_mul(nanos_per_unit);
    nanos
        .map(Duration::from_nanos)
        .ok_or_else(|| format!("'{text}' is too long; the most is 584 years"))
}

/// Reads `64 mb`, `1gb`, `512 kb`, or a bare number of bytes; units are powers of 1,024.
pub fn parse_memory_size(text: &str) -> Result<u64, String> {
    let (number, unit) = split_number(text)?;
    let shift = match unit.as_str() {
        "" | "b" | "bytes" => 0,
        "k" | "kb" | "kibibytes" => 10,
        "m" | "mb" | "mebibytes" => 20,
        "g" | "gb" | "gibibytes" => 30,
        "t" | "tb" | "tebibytes" => 40,
        _ => {
            return Err(format!(
                "'{text}' has the unknown size unit '{unit}'; write b, kb, mb or gb"
            ));
        }
    };
    number.checked_mul(1 << shift).ok_or_else(|| format!("'{text}' is too large"))
}

fn split_number(text: &str) -> Result<(u64, String), String> {
    let trimmed = text.trim();
    let end = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let (digits, unit) = trimmed.split_at(end);
    if digits.is_empty() {
        return Err(format!("'{text}' does not begin with a number"));
    }
    let number = digits.parse().map_err(|_| format!("'{text}' is too large"))?;
    Ok((number, unit.trim().to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("10 s"), Ok(Duration::from_secs(10)));
        assert_eq!(parse_duration("250"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration(" 1 MIN "), Ok(Duration::from_secs(60)));
        assert!(parse_duration("s").is_err());
        assert!(parse_duration("1 fortnight").is_err());
        assert!(parse_duration("213000 d").is_ok(), "583 years");
        let error = parse_duration("99999999999 d").unwrap_err();
        assert_eq!(error, "'99999999999 d' is too long; the most is 584 years");
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_memory_size("128mb"), Ok(128 << 20));
        assert_eq!(parse_memory_size("7"), Ok(7));
        assert!(parse_memory_size("1 xb").is_err());
    }
}
