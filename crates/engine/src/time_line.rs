//! The time line that windows are cut on: instants as they are, or the wall clock of a zone.
//!
//! Source of the rules: Flink's `TimeWindowUtil`. A window's timer belongs to its last
//! millisecond, `end - 1`. Where the clock of the zone skips that millisecond the timer is the
//! first instant after the gap; where it shows it twice the timer is the later instant, so that
//! both hours are collected.

use argus_base::{Error, Result};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

const HOUR: i64 = 3_600_000;

/// Converts between instants and the time line, both in milliseconds.
#[derive(Clone, Debug)]
pub struct TimeLine {
    zone: Option<TimeZone>,
    /// Offset of the zone and the instants for which it holds, inclusive.
    cached: Option<(i64, i64, i64)>,
}

impl TimeLine {
    /// Instants read as they are.
    pub fn instant() -> TimeLine {
        TimeLine { zone: None, cached: None }
    }

    /// The wall clock of a zone; the same as `instant` for UTC.
    pub fn of_zone(name: &str) -> Result<TimeLine> {
        let zone = argus_plan::setting::time_zone(name)
            .ok_or_else(|| Error::bug(format!("the time zone '{name}' was not checked")))?;
        let is_utc = zone.to_fixed_offset().is_ok_and(|offset| offset.seconds() == 0);
        Ok(TimeLine { zone: (!is_utc).then_some(zone), cached: None })
    }

    /// The time line of a window specification.
    pub fn of_window(window: &argus_plan::Window) -> Result<TimeLine> {
        window.time.zone().map_or_else(|| Ok(TimeLine::instant()), TimeLine::of_zone)
    }

    /// Where an instant lies on the time line.
    #[inline]
    pub fn local(&mut self, instant: i64) -> i64 {
        if self.zone.is_none() {
            return instant;
        }
        match self.cached {
            Some((offset, from, until)) if from <= instant && instant <= until => {
                instant.saturating_add(offset)
            }
            _ => self.local_of_zone(instant),
        }
    }

    fn local_of_zone(&mut self, instant: i64) -> i64 {
        let Some(zone) = &self.zone else { return instant };
        let Ok(timestamp) = Timestamp::from_millisecond(instant) else { return instant };
        let offset = i64::from(zone.to_offset(timestamp).seconds()) * 1_000;
        // Until the next change of the clock the offset stays.
        let before = zone.preceding(timestamp + jiff::SignedDuration::from_nanos(1)).next();
        let after = zone.following(timestamp).next();
        let from = before.map_or(i64::MIN, |change| change.timestamp().as_millisecond());
        let until = after.map_or(i64::MAX, |change| change.timestamp().as_millisecond() - 1);
        self.cached = Some((offset, from, until));
        instant.saturating_add(offset)
    }

    /// The instant at which the window that ends at `end` fires: once the watermark has reached
    /// it.
    pub fn fire_time(&self, end: i64) -> i64 {
        let last = end.saturating_sub(1);
        self.resolve(last, |ambiguous| match ambiguous {
            AmbiguousOffset::Unambiguous { offset } => (offset, false),
            AmbiguousOffset::Gap { before, .. } => (before, true),
            AmbiguousOffset::Fold { after, .. } => (after, false),
        })
    }

    /// The instant of a place on the time line; the earlier one where there are two.
    pub fn instant_of(&self, local: i64) -> i64 {
        self.resolve(local, |ambiguous| match ambiguous {
            AmbiguousOffset::Unambiguous { offset } => (offset, false),
            AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => {
                (before, false)
            }
        })
    }

    /// The instant of a place on the time line by the chosen offset, cut to the full hour before
    /// where that is asked for: with the offset before a gap that is the end of the gap.
    fn resolve(&self, local: i64, choose: impl Fn(AmbiguousOffset) -> (Offset, bool)) -> i64 {
        let Some(zone) = &self.zone else { return local };
        let Some(date_time) = civil(local) else { return local };
        let (offset, is_cut) = choose(zone.to_ambiguous_timestamp(date_time).offset());
        let instant = local.saturating_sub(i64::from(offset.seconds()) * 1_000);
        if is_cut { instant - instant.rem_euclid(HOUR) } else { instant }
    }
}

fn civil(local: i64) -> Option<DateTime> {
    let timestamp = Timestamp::from_millisecond(local).ok()?;
    Some(Offset::UTC.to_datetime(timestamp))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn utc_changes_nothing() {
        let mut line = TimeLine::of_zone("UTC").unwrap();
        assert_eq!((line.local(5), line.fire_time(6), line.instant_of(7)), (5, 5, 7));
    }

    #[test]
    fn summer_and_winter_have_their_own_offset() {
        let mut line = TimeLine::of_zone("Europe/Berlin").unwrap();
        let hour = 3_600_000;
        let winter = millis("2024-01-15T12:00:00Z");
        let summer = millis("2024-07-15T12:00:00Z");
        assert_eq!(line.local(winter) - winter, hour);
        assert_eq!(line.local(summer) - summer, 2 * hour);
        assert_eq!(line.local(winter) - winter, hour);
    }

    #[test]
    fn the_later_of_two_instants_fires() {
        let line = TimeLine::of_zone("Europe/Berlin").unwrap();
        // 02:30 happens twice on 2024-10-27: at 00:30Z and at 01:30Z.
        let end = millis("2024-10-27T02:30:00Z") + 1;
        assert_eq!(line.fire_time(end), millis("2024-10-27T01:30:00Z"));
        assert_eq!(line.instant_of(end - 1), millis("2024-10-27T00:30:00Z"));
    }

    #[test]
    fn a_skipped_hour_fires_at_its_end() {
        let line = TimeLine::of_zone("Europe/Berlin").unwrap();
        // 02:00 to 03:00 does not happen on 2024-03-31; the clock goes on at 01:00Z.
        let end = millis("2024-03-31T02:30:00Z") + 1;
        assert_eq!(line.fire_time(end), millis("2024-03-31T01:00:00Z"));
    }

    #[test]
    fn the_ends_of_the_line_do_not_overflow() {
        let mut line = TimeLine::of_zone("America/New_York").unwrap();
        line.local(i64::MAX);
        line.local(i64::MIN);
        line.fire_time(i64::MIN);
        for name in ["GMT+08:00", "GMT-08:00"] {
            let mut line = TimeLine::of_zone(name).unwrap();
            line.local(0);
            line.local(i64::MAX);
            line.local(i64::MIN);
            line.fire_time(i64::MAX);
        }
    }
}
