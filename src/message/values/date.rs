//! `Date`: the one form of a date that SIP has (RFC 3261 §20.17).

use core::fmt;

use crate::message::{ParseError, scan};

/// A date and time of day in GMT, from year 0 to 9999 (RFC 3261 §20.17, RFC 1123 §5.2.14).
///
/// ```
/// use sip_proto::message::Date;
///
/// let date = Date::parse("Sat, 13 Nov 2010 23:29:00 GMT")?;
/// assert_eq!(date.unix_seconds(), Some(1_289_690_940));
/// assert_eq!(Date::from_unix_seconds(1_289_690_940), Some(date));
/// # Ok::<(), sip_proto::message::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// 0 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31, as many as the month has.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

/// Sunday first.
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const DAY: u64 = 86_400;
/// The day number of 1 January 1970.
const EPOCH: u64 = 719_528;
/// The weekday of day 0, 1 January of year 0: a Saturday.
const FIRST_WEEKDAY: u64 = 6;

impl Date {
    /// The length of its text.
    pub(in crate::message) const LEN: usize = 29;

    /// The date that is all of `value`. It is compared with its case, and its fields have fixed widths. The name of the day
    /// is not held against the date.
    ///
    /// # Errors
    /// Where a field is none, the day is not in its month, or the zone is not GMT.
    pub fn parse(value: &str) -> Result<Self, ParseError> {
        let text = scan::trim(value);
        let lead = scan::offset(value, scan::trim_start(value));
        let fault = |expected, at: usize| ParseError::new(expected, lead.saturating_add(at));
        let piece = |at: usize, len: usize| text.get(at..at.saturating_add(len)).unwrap_or_default();
        let number = |expected, at: usize, len: usize| {
            let digits = scan::number::<u16>(piece(at, len)).filter(|_| piece(at, len).len() == len);
            digits.ok_or_else(|| fault(expected, at.min(text.len())))
        };
        let literal = |expected, at: usize, literal: &str| match piece(at, literal.len()) == literal {
            true => Ok(()),
            false => Err(fault(expected, at.min(text.len()))),
        };
        if !WEEKDAYS.contains(&piece(0, 3)) {
            return Err(fault("the name of a day", 0));
        }
        literal("',' and a space", 3, ", ")?;
        let day = number("two digits of a day", 5, 2)?;
        literal("a space", 7, " ")?;
        let month = MONTHS.iter().position(|name| *name == piece(8, 3));
        let month = month.ok_or_else(|| fault("the name of a month", 8.min(text.len())))?;
        literal("a space", 11, " ")?;
        let year = number("four digits of a year", 12, 4)?;
        literal("a space", 16, " ")?;
        let hour = number("two digits of an hour", 17, 2)?;
        literal("':'", 19, ":")?;
        let minute = number("two digits of a minute", 20, 2)?;
        literal("':'", 22, ":")?;
        let second = number("two digits of a second", 23, 2)?;
        literal("a space", 25, " ")?;
        literal("GMT", 26, "GMT")?;
        if text.len() > Self::LEN {
            return Err(fault("the end of the value", Self::LEN));
        }
        let month = (month as u8).saturating_add(1);
        let [day, hour, minute, second] = [day, hour, minute, second].map(|number| number as u8);
        let date = Self { year, month, day, hour, minute, second };
        match date.first_wrong() {
            None => Ok(date),
            Some((expected, at)) => Err(fault(expected, at)),
        }
    }

    /// Whether every field is in its range.
    pub fn is_valid(&self) -> bool {
        self.first_wrong().is_none()
    }

    /// The first field that is out of its range, and where it stands in the text.
    fn first_wrong(&self) -> Option<(&'static str, usize)> {
        let checks = [
            (self.day >= 1 && self.day <= days_in(self.year, self.month), "a day of the month", 5),
            ((1..=12).contains(&self.month), "the name of a month", 8),
            (self.year <= 9999, "four digits of a year", 12),
            (self.hour < 24, "an hour below 24", 17),
            (self.minute < 60, "a minute below 60", 20),
            (self.second < 60, "a second below 60", 23),
        ];
        checks.into_iter().find(|(is_right, _, _)| !is_right).map(|(_, expected, at)| (expected, at))
    }

    /// Seconds since 1 January 1970, leap seconds left out; `None` before it.
    pub fn unix_seconds(&self) -> Option<u64> {
        let days = self.day_number().checked_sub(EPOCH)?;
        let [hour, minute, second] = [self.hour, self.minute, self.second].map(u64::from);
        let minutes = hour.saturating_mul(60).saturating_add(minute);
        let of_day = minutes.saturating_mul(60).saturating_add(second);
        Some(days.saturating_mul(DAY).saturating_add(of_day))
    }

    /// The date that is `seconds` after the beginning of 1970; `None` beyond year 9999.
    pub fn from_unix_seconds(seconds: u64) -> Option<Self> {
        let days = (seconds / DAY).saturating_add(EPOCH);
        // 400 years have 146,097 days: the quotient is the year, or one beside it.
        let near = u16::try_from(days.saturating_mul(400) / 146_097).ok()?;
        let year = [near.saturating_add(1), near].into_iter().find(|year| days_before(*year) <= days);
        let year = year.unwrap_or(near.saturating_sub(1));
        if year > 9999 {
            return None;
        }
        let mut day = days.saturating_sub(days_before(year));
        let mut month = 1;
        while day >= days_in(year, month).into() && month < 12 {
            day = day.saturating_sub(days_in(year, month).into());
            month = month.saturating_add(1);
        }
        let of_day = seconds % DAY;
        Some(Self {
            year,
            month,
            day: (day as u8).saturating_add(1),
            hour: (of_day / 3600) as u8,
            minute: (of_day / 60 % 60) as u8,
            second: (of_day % 60) as u8,
        })
    }

    /// Days since 1 January of year 0.
    fn day_number(&self) -> u64 {
        let months = (1..self.month.min(13)).map(|month| u64::from(days_in(self.year, month)));
        let of_year = months.sum::<u64>().saturating_add(u64::from(self.day).saturating_sub(1));
        days_before(self.year).saturating_add(of_year)
    }
}

/// Days from the beginning of year 0 to that of `year`.
fn days_before(year: u16) -> u64 {
    let Some(last) = year.checked_sub(1).map(u64::from) else { return 0 };
    let leaps = (last / 4).saturating_sub(last / 100).saturating_add(last / 400).saturating_add(1);
    u64::from(year).saturating_mul(365).saturating_add(leaps)
}

fn days_in(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weekday = self.day_number().saturating_add(FIRST_WEEKDAY) % 7;
        let weekday = WEEKDAYS.get(weekday as usize).copied().unwrap_or_default();
        let month = usize::from(self.month).checked_sub(1).and_then(|at| MONTHS.get(at));
        let month = month.copied().unwrap_or_default();
        let Self { year, day, hour, minute, second, .. } = self;
        write!(f, "{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn fault(value: &str) -> (&'static str, usize) {
        Date::parse(value).map_err(|fault| (fault.expected, fault.at)).unwrap_err()
    }

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 3261 §20.17.
        let date = Date::parse("Sat, 13 Nov 2010 23:29:00 GMT").unwrap();
        assert_eq!(date, Date { year: 2010, month: 11, day: 13, hour: 23, minute: 29, second: 0 });
        assert_eq!(date.to_string(), "Sat, 13 Nov 2010 23:29:00 GMT");
        assert_eq!(date.unix_seconds(), Some(1_289_690_940));
    }

    #[test]
    fn weekdays_and_seconds_of_known_days() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        ] {
            let date = Date::parse(text).unwrap();
            assert_eq!((date.unix_seconds(), date.to_string().as_str()), (Some(seconds), text));
            assert_eq!(Date::from_unix_seconds(seconds), Some(date));
        }
        assert_eq!(Date::from_unix_seconds(253_402_300_800), None);
        assert_eq!(Date::from_unix_seconds(u64::MAX), None);
        assert_eq!(Date::parse("Wed, 31 Dec 1969 23:59:59 GMT").unwrap().unix_seconds(), None);
        assert!(Date::parse("Sat, 01 Jan 0000 00:00:00 GMT").unwrap().is_valid());
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut last = Date::from_unix_seconds(0).unwrap();
        for day in 1..200_000 {
            let date = Date::from_unix_seconds(day * DAY).unwrap();
            assert!(date > last && date.is_valid(), "{date} after {last}");
            assert_eq!(date.unix_seconds(), Some(day * DAY));
            last = date;
        }
    }

    #[test]
    fn other_zones_and_other_forms_are_faults() {
        // RFC 4475 §3.1.2.12: a zone other than GMT.
        assert_eq!(fault("Fri, 01 Jan 2010 16:00:00 EST"), ("GMT", 26));
        // RFC 3261 §20.17: with its case.
        assert_eq!(fault("sat, 13 Nov 2010 23:29:00 GMT"), ("the name of a day", 0));
        assert_eq!(fault("Sat, 13 NOV 2010 23:29:00 GMT"), ("the name of a month", 8));
        assert_eq!(fault(" Sat, 3 Nov 2010 23:29:00 GMT"), ("two digits of a day", 6));
        assert_eq!(fault("Sat, 13 Nov 2010"), ("a space", 16));
        assert_eq!(fault("Sat"), ("',' and a space", 3));
        assert_eq!(fault("Sun, 29 Feb 1900 00:00:00 GMT"), ("a day of the month", 5));
        assert_eq!(fault("Sat, 13 Nov 2010 24:00:00 GMT"), ("an hour below 24", 17));
        assert_eq!(fault("Sat, 13 Nov 2010 23:60:00 GMT"), ("a minute below 60", 20));
        assert_eq!(fault("Sat, 13 Nov 2010 23:29:60 GMT"), ("a second below 60", 23));
        assert_eq!(fault("Sat, 13 Nov 2010 23:29:00 GMT+1"), ("the end of the value", 29));
        assert_eq!(fault("S\u{e9}"), ("the name of a day", 0));
    }
}
