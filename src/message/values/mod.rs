//! The values of headers, each parsed from its text and written to it.
//!
//! RFC 3261 §20 and the RFCs that add to it. A value borrows from the text and keeps parameters as [`Params`]
//! or [`AuthParams`](auth::AuthParams): what a header defines is checked when it is parsed, and read by a method. `Display` writes the value so
//! that parsing gives it again.
//!
//! | file | subject |
//! |---|---|
//! | `cursor` | reading from left to right |
//! | `write` | quoting; writing addresses, Via, parameters |
//! | `content` | media types, encodings, languages, dispositions |
//! | `time`, `date` | spans of time, session timers; the date |
//! | `ids` | CSeq, RAck, Replaces, Join |
//! | `events` | event packages, subscriptions, REFER, INFO |
//! | `identity` | Contact's parameters, Diversion, History-Info |
//! | `info` | Reason, Warning, links, locations, user-to-user data |
//! | `auth` | challenges, credentials, security mechanisms |
//! | `caller` | caller preferences |

pub(super) mod auth;
pub(super) mod caller;
pub(super) mod content;
mod cursor;
pub(super) mod date;
pub(super) mod events;
pub(super) mod identity;
pub(super) mod ids;
pub(super) mod info;
pub(super) mod time;
pub(super) mod write;

pub(super) use ids::{is_call_id, rseq};
pub(super) use time::seconds;

use super::{ParseError, scan};

/// A number of anything: Content-Length, Max-Forwards.
pub(super) fn number<T: core::str::FromStr>(value: &str, expected: &'static str) -> Result<T, ParseError> {
    let text = scan::trim(value);
    scan::number(text).ok_or(ParseError::new(expected, 0))
}

/// A token that is all of `value`.
pub(super) fn token<'a>(value: &'a str, expected: &'static str) -> Result<&'a str, ParseError> {
    let mut cursor = cursor::Cursor::new(value);
    let token = cursor.token(expected)?;
    cursor.end().map(|()| token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_alone() {
        assert_eq!(token(" urgent ", "a priority"), Ok("urgent"));
        assert_eq!(token("", "a priority"), Err(ParseError::new("a priority", 0)));
        assert_eq!(token("a b", "a priority"), Err(ParseError::new("the end of the value", 1)));
    }

    #[test]
    fn numbers_are_bounded() {
        // RFC 3261 §20.22.
        assert_eq!(number::<u8>(" 255", "n"), Ok(255));
        assert_eq!(number::<u8>("256", "n"), Err(ParseError::new("n", 0)));
    }
}
