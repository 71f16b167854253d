//! TIMESTAMP as `yyyy-MM-dd HH:mm:ss[.f…]`: a fraction only where there is one, without zeros at
//! its end.

use super::number::write_integer;

const SECONDS_PER_DAY: i64 = 86_400;

/// Appends a number of units since 1970-01-01 00:00:00; `units_per_second` is a power of ten.
pub fn write_timestamp(out: &mut Vec<u8>, value: i64, units_per_second: i64) {
    let seconds = value.div_euclid(units_per_second);
    write_date(out, seconds.div_euclid(SECONDS_PER_DAY));
    out.push(b' ');
    let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
    write_two(out, of_day / 3_600);
    out.push(b':');
    write_two(out, of_day / 60 % 60);
    out.push(b':');
    write_two(out, of_day % 60);
    write_fraction(out, value.rem_euclid(units_per_second), units_per_second);
}

fn write_fraction(out: &mut Vec<u8>, fraction: i64, units_per_second: i64) {
    if fraction == 0 {
        return;
    }
    out.push(b'.');
    let mut rest = fraction;
    let mut unit = units_per_second / 10;
    while rest > 0 {
        write_digit(out, rest / unit);
        rest %= unit;
        unit /= 10;
    }
}

/// A day since 1970-01-01 in the proleptic Gregorian calendar. Years before 1 are those of the
/// era, as Java's pattern `yyyy` has it; years beyond 9999 have a plus in front.
fn write_date(out: &mut Vec<u8>, day: i64) {
    // Days are counted from 0000-03-01, so that the leap day is the last of its year.
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    write_year(out, if year > 0 { year } else { 1 - year });
    out.push(b'-');
    write_two(out, month);
    out.push(b'-');
    write_two(out, day_of_month);
}

fn write_year(out: &mut Vec<u8>, year: i64) {
    if year > 9_999 {
        out.push(b'+');
        return write_integer(out, year);
    }
    write_two(out, year / 100);
    write_two(out, year % 100);
}

fn write_two(out: &mut Vec<u8>, value: i64) {
    write_digit(out, value / 10);
    write_digit(out, value % 10);
}

fn write_digit(out: &mut Vec<u8>, value: i64) {
    debug_assert!((0..10).contains(&value));
    out.push(b'0' + value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: i64, units_per_second: i64) -> String {
        let mut out = Vec::new();
        write_timestamp(&mut out, value, units_per_second);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn timestamps_are_the_recorders() {
        assert_eq!(text(0, 1_000), "1970-01-01 00:00:00");
        assert_eq!(text(1_577_836_799_120, 1_000), "2019-12-31 23:59:59.12");
        assert_eq!(text(-1, 1_000), "1969-12-31 23:59:59.999");
        assert_eq!(text(1_000_001, 1_000_000), "1970-01-01 00:00:01.000001");
        assert_eq!(text(120, 1_000_000_000), "1970-01-01 00:00:00.00000012");
        assert_eq!(text(253_402_300_800_000, 1_000), "+10000-01-01 00:00:00");
        assert_eq!(text(-62_135_596_800_000, 1_000), "0001-01-01 00:00:00");
        assert_eq!(text(-62_135_683_200_000, 1_000), "0001-12-31 00:00:00");
    }
}
