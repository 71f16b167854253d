//! The job's `argus.datagen.*` settings, which hold for every datagen table of the job and go
//! before the tables' own options.

use std::collections::BTreeMap;

use argus_base::Result;

use super::setting_error;

const SEED: &str = "argus.datagen.seed";
const ROWS_PER_MINUTE: &str = "argus.datagen.rows-per-minute";
const NUMBER_OF_ROWS: &str = "argus.datagen.number-of-rows";
const START: &str = "argus.datagen.start";
const SPEED: &str = "argus.datagen.speed";
const FRESH_COLUMNS: &str = "argus.datagen.fresh-columns";

/// What the settings say; an empty one says nothing.
#[derive(Debug, PartialEq)]
pub struct Settings {
    /// Random where `None`.
    pub seed: Option<u64>,
    /// Rows a minute of all readers together, at least 1.
    pub rows_per_minute: Option<u64>,
    /// Outer `None`: the table decides. `Some(None)`: without end.
    pub number_of_rows: Option<Option<u64>>,
    /// Time of row 0 in microseconds since 1970; `None`: rows happen when they are made.
    pub start_micros: Option<i64>,
    /// Times real time; 0 is as fast as possible.
    pub speed: f64,
    /// Top-level columns that differ from run to run where `start_micros` is `None`.
    pub fresh_columns: Vec<String>,
}

impl Settings {
    /// Reads and checks them.
    pub fn read(settings: &BTreeMap<String, String>) -> Result<Settings> {
        let text = |key: &str| {
            settings.get(key).map(|value| value.trim()).filter(|value| !value.is_empty())
        };
        let start_micros = text(START).map(instant_micros).transpose()?;
        let speed = text(SPEED).map(speed).transpose()?.unwrap_or(1.0);
        #[allow(clippy::float_cmp, reason = "1 is exact and means that nothing is asked for")]
        if start_micros.is_none() && speed != 1.0 {
            let problem = format!("needs '{START}': without it rows happen when they are made");
            return Err(setting_error(SPEED, text(SPEED).unwrap_or_default(), &problem));
        }
        let number_of_rows = text(NUMBER_OF_ROWS).map(|value| whole(NUMBER_OF_ROWS, value, 0));
        Ok(Settings {
            seed: text(SEED).map(seed).transpose()?,
            rows_per_minute: text(ROWS_PER_MINUTE)
                .map(|value| whole(ROWS_PER_MINUTE, value, 1))
                .transpose()?,
            number_of_rows: number_of_rows.transpose()?.map(|n| (n > 0).then_some(n)),
            start_micros,
            speed,
            fresh_columns: names(text(FRESH_COLUMNS).unwrap_or_default()),
        })
    }
}

fn names(list: &str) -> Vec<String> {
    let names = list.split([';', ',']).map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

fn seed(value: &str) -> Result<u64> {
    let unsigned = value.parse::<u64>().ok();
    let seed = unsigned.or_else(|| value.parse::<i64>().ok().map(i64::cast_unsigned));
    seed.ok_or_else(|| setting_error(SEED, value, "expected a whole number of 64 bits"))
}

fn whole(key: &str, value: &str, least: u64) -> Result<u64> {
    let number = value.parse::<u64>().ok().filter(|n| (least..=i64::MAX as u64).contains(n));
    let expected = format!("expected a whole number, at least {least}");
    number.ok_or_else(|| setting_error(key, value, &expected))
}

fn speed(value: &str) -> Result<f64> {
    let number = value.parse::<f64>().ok().filter(|speed| (0.0..=1e9).contains(speed));
    number.ok_or_else(|| setting_error(SPEED, value, "expected a number from 0 to 1000000000"))
}

/// An ISO-8601 instant; a time without zone or offset is one of UTC, and so is a bare date.
fn instant_micros(value: &str) -> Result<i64> {
    let instant = value.parse::<jiff::Timestamp>();
    let instant = instant.or_else(|_| {
        let wall_clock = value.parse::<jiff::civil::DateTime>()?;
        wall_clock.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp())
    });
    instant.map(|instant| instant.as_microsecond()).map_err(|_| {
        setting_error(START, value, "expected an ISO-8601 instant such as 2025-01-01T00:00:00Z")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(written: &[(&str, &str)]) -> std::result::Result<Settings, String> {
        let written = written.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Settings::read(&written).map_err(|error| error.to_string())
    }

    #[test]
    fn empty_says_nothing() {
        let settings = read(&[(START, ""), (SPEED, "1"), (SEED, "-1")]).unwrap();
        assert_eq!(settings.seed, Some(u64::MAX));
        assert_eq!((settings.start_micros, settings.number_of_rows), (None, None));
        assert_eq!(read(&[(NUMBER_OF_ROWS, "0")]).unwrap().number_of_rows, Some(None));
        assert_eq!(read(&[(FRESH_COLUMNS, "a; b")]).unwrap().fresh_columns, ["a", "b"]);
    }

    #[test]
    fn instants() {
        for start in
            ["1970-01-01T00:00:01.5Z", "1970-01-01T01:00:01.5+01:00", "1970-01-01T00:00:01.5"]
        {
            assert_eq!(read(&[(START, start)]).unwrap().start_micros, Some(1_500_000), "{start}");
        }
        assert_eq!(read(&[(START, "1970-01-02")]).unwrap().start_micros, Some(86_400_000_000));
    }

    #[test]
    fn refuses_with_the_reason() {
        let error = read(&[(SPEED, "0")]).unwrap_err();
        assert!(error.contains("needs 'argus.datagen.start'"), "{error}");
        let error = read(&[(ROWS_PER_MINUTE, "0")]).unwrap_err();
        assert_eq!(
            error,
            "setting 'argus.datagen.rows-per-minute' = '0': expected a whole number, at least 1"
        );
        assert!(read(&[(START, "yesterday")]).is_err());
        assert!(read(&[(SEED, "x")]).is_err());
    }
}
