//! The wall clock of a time zone, with the last offset remembered.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousTimestamp, TimeZone};

use super::calendar::{Instant, civil};

/// Offsets of one zone. Rows of a batch lie close together, so that the span of time with the
/// last offset answers nearly all questions.
pub(crate) struct Offsets<'a> {
    zone: &'a TimeZone,
    /// Seconds since 1970 of UTC, end exclusive, with one offset.
    span: std::ops::Range<i64>,
    offset: i64,
}

/// No zone changes its offset by more than this.
const LARGEST_CHANGE_SECONDS: i64 = 26 * 3600;

/// Which instant a wall clock means that shows it twice or skips it.
type Choose = fn(AmbiguousTimestamp) -> Result<Timestamp, jiff::Error>;

impl<'a> Offsets<'a> {
    pub(crate) fn new(zone: &'a TimeZone) -> Offsets<'a> {
        match zone.to_fixed_offset() {
            Ok(offset) => {
                Offsets { zone, span: i64::MIN..i64::MAX, offset: i64::from(offset.seconds()) }
            }
            Err(_) => Offsets { zone, span: 0..0, offset: 0 },
        }
    }

    /// What the wall clock shows at an instant of UTC.
    pub(crate) fn local_of(&mut self, at: Instant) -> Instant {
        at.plus_seconds(self.offset_at(at.seconds))
    }

    /// Seconds that the wall clock is ahead of UTC at an instant of UTC.
    pub(crate) fn offset_at(&mut self, seconds: i64) -> i64 {
        if !self.span.contains(&seconds) {
            self.look_up(seconds);
        }
        self.offset
    }

    /// The instant of UTC at which the wall clock shows that. The earlier one where there are two;
    /// where there is none, clocks were put forward, and it is as much later.
    pub(crate) fn instant_of(&mut self, local: Instant) -> Instant {
        self.resolve(local, AmbiguousTimestamp::compatible)
    }

    /// The same, but the later one where there are two: so Java's calendar reads texts.
    pub(crate) fn later_instant_of(&mut self, local: Instant) -> Instant {
        self.resolve(local, AmbiguousTimestamp::later)
    }

    fn resolve(&mut self, local: Instant, choose: Choose) -> Instant {
        let guess = local.seconds.wrapping_sub(self.offset);
        let is_far = |edge: i64| guess.abs_diff(edge) > LARGEST_CHANGE_SECONDS.unsigned_abs();
        let is_sure = self.span.contains(&guess)
            && (self.span.start == i64::MIN || is_far(self.span.start))
            && (self.span.end == i64::MAX || is_far(self.span.end));
        if is_sure {
            return Instant { seconds: guess, ..local };
        }
        let seconds = self.ambiguous(local, choose).unwrap_or(guess);
        self.offset_at(seconds);
        Instant { seconds, ..local }
    }

    fn ambiguous(&self, local: Instant, choose: Choose) -> Option<i64> {
        let (year, month, day) = civil(local.days());
        let second = local.second_of_day();
        let datetime = DateTime::new(
            i16::try_from(year).ok()?,
            i8::try_from(month).ok()?,
            i8::try_from(day).ok()?,
            i8::try_from(second / 3600).ok()?,
            i8::try_from(second / 60 % 60).ok()?,
            i8::try_from(second % 60).ok()?,
            0,
        );
        let timestamp = choose(self.zone.to_ambiguous_timestamp(datetime.ok()?)).ok()?;
        Some(timestamp.as_second())
    }

    fn look_up(&mut self, seconds: i64) {
        let range = Timestamp::MIN.as_second()..Timestamp::MAX.as_second();
        let Ok(at) = Timestamp::from_second(seconds.clamp(range.start, range.end)) else { return };
        self.offset = i64::from(self.zone.to_offset(at).seconds());
        let after = Timestamp::from_second(at.as_second() + 1).unwrap_or(at);
        let start =
            self.zone.preceding(after).next().map_or(i64::MIN, |t| t.timestamp().as_second());
        let end = self.zone.following(at).next().map_or(i64::MAX, |t| t.timestamp().as_second());
        self.span = start..end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").expect("bundled")
    }

    #[test]
    fn gaps_and_overlaps() {
        let zone = berlin();
        let mut offsets = Offsets::new(&zone);
        let mut check = |local: i64, expected: i64| {
            let at = offsets.instant_of(Instant { seconds: local, nanos: 0 });
            assert_eq!(at.seconds, expected);
        };
        // 2020-03-29 02:30 does not exist, 2020-10-25 02:30 exists twice.
        check(1_585_449_000, 1_585_445_400);
        check(1_603_593_000, 1_603_585_800);
        check(0, -3600);
    }

    #[test]
    fn the_remembered_span_changes_nothing() {
        let zone = berlin();
        let mut remembering = Offsets::new(&zone);
        for i in 0..20_000_i64 {
            let seconds = (i * 7_919_777) % 4_000_000_000 - 1_000_000_000;
            let fresh = Offsets::new(&zone).offset_at(seconds);
            assert_eq!(remembering.offset_at(seconds), fresh, "{seconds}");
            let local = Instant { seconds, nanos: 0 };
            let fresh = Offsets::new(&zone).instant_of(local);
            assert_eq!(remembering.instant_of(local), fresh, "{seconds}");
        }
    }
}
