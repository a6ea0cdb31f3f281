//! Scripts from octets, and octets from scripts.
//!
//! The derived implementation of `Arbitrary` needs `std`, and spends four octets on each choice.

use alloc::vec::Vec;

use arbitrary::{Arbitrary, Result, Unstructured};

use super::{Answering, Asking, Calling, Damage, Notice, Passing, Replying, Script, Step};

/// The bit that tells a step's later meaning from its first.
const LATER: u8 = 128;

impl<'a> Arbitrary<'a> for Script {
    fn arbitrary(octets: &mut Unstructured<'a>) -> Result<Self> {
        let manners = octets.arbitrary()?;
        let mut steps = Vec::new();
        while !octets.is_empty() && steps.len() < Self::MOST_STEPS {
            steps.push(octets.arbitrary()?);
        }
        Ok(Self { manners, steps })
    }
}

impl<'a> Arbitrary<'a> for Step {
    fn arbitrary(octets: &mut Unstructured<'a>) -> Result<Self> {
        let choice: u8 = octets.arbitrary()?;
        Ok(match choice % 32 {
            // What came later has the upper halves of older choices, so that corpora keep their meaning.
            29 if choice >= LATER => Self::Modify {
                dialog: octets.arbitrary()?,
                what: octets.arbitrary()?,
                extra: octets.arbitrary()?,
            },
            30 if choice >= LATER => {
                Self::AnswerOffer { dialog: octets.arbitrary()?, body: octets.arbitrary()? }
            }
            25 if choice >= LATER => Self::Subscribe {
                dialog: octets.arbitrary()?,
                what: octets.arbitrary()?,
                expires: octets.arbitrary()?,
                extra: octets.arbitrary()?,
            },
            26 if choice >= LATER => Self::Notify {
                dialog: octets.arbitrary()?,
                usage: octets.arbitrary()?,
                body: octets.arbitrary()?,
            },
            27 if choice >= LATER => Self::Terminate {
                dialog: octets.arbitrary()?,
                usage: octets.arbitrary()?,
                reason: octets.arbitrary()?,
                body: octets.arbitrary()?,
            },
            28 if choice >= LATER => Self::Report {
                dialog: octets.arbitrary()?,
                usage: octets.arbitrary()?,
                code: octets.arbitrary()?,
            },
            10 if choice >= LATER => Self::Tell {
                request: octets.arbitrary()?,
                tag: octets.arbitrary()?,
                state: octets.arbitrary()?,
                odd: octets.arbitrary()?,
                way: octets.arbitrary()?,
            },
            31 if choice >= LATER => {
                Self::HoldBack { dialog: octets.arbitrary()?, yes: octets.arbitrary::<u8>()? % 2 == 0 }
            }
            0..=4 => Self::Request(octets.arbitrary()?),
            5..=7 => Self::Within(octets.arbitrary()?, octets.arbitrary()?),
            8 | 9 => Self::Acknowledge {
                answer: octets.arbitrary()?,
                odd: octets.arbitrary()?,
                way: octets.arbitrary()?,
            },
            10 => Self::Cancel {
                request: octets.arbitrary()?,
                odd: octets.arbitrary()?,
                way: octets.arbitrary()?,
            },
            11..=14 => Self::Answer(octets.arbitrary()?),
            15 => Self::Again {
                input: octets.arbitrary()?,
                times: octets.arbitrary()?,
                way: octets.arbitrary::<u8>()?.checked_sub(192),
            },
            16 => {
                let way = octets.arbitrary()?;
                let length = usize::from(octets.arbitrary::<u8>()?).min(octets.len());
                Self::Raw { way, octets: octets.bytes(length)?.into() }
            }
            17..=19 => Self::Notice(octets.arbitrary()?),
            20..=22 => Self::Time(octets.arbitrary()?),
            23 | 24 => Self::Call(octets.arbitrary()?),
            25 => Self::Revoke { request: octets.arbitrary()?, extra: octets.arbitrary()? },
            26..=28 => Self::Reply(octets.arbitrary()?),
            29 => Self::Send {
                dialog: octets.arbitrary()?,
                method: octets.arbitrary()?,
                extra: octets.arbitrary()?,
                body: octets.arbitrary()?,
            },
            30 => Self::Destroy { dialog: octets.arbitrary()?, extra: octets.arbitrary()? },
            _ => Self::Drain(octets.arbitrary()?),
        })
    }
}

/// Fields in order, each from its own octets.
macro_rules! in_order {
    ($($name:ident { $($field:ident),* })*) => {
        $(impl<'a> Arbitrary<'a> for $name {
            fn arbitrary(octets: &mut Unstructured<'a>) -> Result<Self> {
                Ok(Self { $($field: octets.arbitrary()?),* })
            }
        })*
    };
}

in_order! {
    Asking { method, uri, contact, routes, body, odd, way, damage }
    Answering { request, code, tag, contact, routes, body, odd, damage }
    Damage { odds, at, with }
    Calling { method, target, extra, body, odd }
    Replying { server, verb, code, extra, reason, body }
}

impl<'a> Arbitrary<'a> for Notice {
    fn arbitrary(octets: &mut Unstructured<'a>) -> Result<Self> {
        let (choice, number): (u8, u8) = octets.arbitrary()?;
        Ok(match choice % 8 {
            0 | 1 => Self::Connected(number),
            2 => Self::Unconnected(number),
            3 | 4 => Self::Resolved(number, choice / 8),
            5 => Self::SendFailed(number),
            6 => Self::Closed(number),
            _ => Self::Bound(number),
        })
    }
}

impl<'a> Arbitrary<'a> for Passing {
    fn arbitrary(octets: &mut Unstructured<'a>) -> Result<Self> {
        let (choice, number): (u8, u16) = octets.arbitrary()?;
        Ok(match choice % 16 {
            0..=2 => Self::Silently(number),
            3 | 4 => Self::Briefly(number),
            5..=8 => Self::ToDeadline,
            9..=11 => Self::Deadlines(number as u8),
            12 | 13 => Self::PastDeadline(number),
            14 => Self::Long(number),
            _ => Self::Backwards(number),
        })
    }
}

impl Script {
    /// Octets that stand for this script: a seed for a corpus.
    pub fn to_octets(&self) -> Vec<u8> {
        let mut octets = Vec::from(self.manners.to_le_bytes());
        for step in &self.steps {
            step.write(&mut octets);
        }
        octets
    }
}

impl Step {
    /// Writes the octets that [`Arbitrary`] reads this step from.
    pub(super) fn write(&self, octets: &mut Vec<u8>) {
        match self {
            Self::Request(asking) => {
                octets.push(0);
                asking.write(octets);
            }
            Self::Within(dialog, asking) => {
                octets.extend([5, *dialog]);
                asking.write(octets);
            }
            Self::Acknowledge { answer, odd, way } => octets.extend([8, *answer, *odd, *way]),
            Self::Cancel { request, odd, way } => octets.extend([10, *request, *odd, *way]),
            Self::Answer(answering) => {
                let Answering { request, code, tag, contact, routes, body, odd, damage } = *answering;
                octets.extend([11, request, code, tag, contact, routes, body, odd]);
                damage.write(octets);
            }
            Self::Again { input, times, way } => {
                octets.extend([15, *input, *times, way.map_or(0, |way| way.saturating_add(192))]);
            }
            Self::Raw { way, octets: raw } => {
                let length = u8::try_from(raw.len()).unwrap_or(u8::MAX);
                octets.extend([16, *way, length]);
                octets.extend(raw.iter().take(length.into()));
            }
            Self::Notice(notice) => {
                let (choice, number) = match *notice {
                    Notice::Connected(number) => (0, number),
                    Notice::Unconnected(number) => (2, number),
                    Notice::Resolved(number, how) => (3 + how % 32 * 8, number),
                    Notice::SendFailed(number) => (5, number),
                    Notice::Closed(number) => (6, number),
                    Notice::Bound(number) => (7, number),
                };
                octets.extend([17, choice, number]);
            }
            Self::Time(passing) => {
                let (choice, number) = match *passing {
                    Passing::Silently(number) => (0, number),
                    Passing::Briefly(number) => (3, number),
                    Passing::ToDeadline => (5, 0),
                    Passing::Deadlines(number) => (9, number.into()),
                    Passing::PastDeadline(number) => (12, number),
                    Passing::Long(number) => (14, number),
                    Passing::Backwards(number) => (15, number),
                };
                octets.extend([20, choice]);
                octets.extend(number.to_le_bytes());
            }
            Self::Call(Calling { method, target, extra, body, odd }) => {
                octets.extend([23, *method, *target, *extra, *body, *odd]);
            }
            Self::Revoke { request, extra } => octets.extend([25, *request, *extra]),
            Self::Reply(Replying { server, verb, code, extra, reason, body }) => {
                octets.extend([26, *server, *verb]);
                octets.extend(code.to_le_bytes());
                octets.extend([*extra, *reason, *body]);
            }
            Self::Send { dialog, method, extra, body } => {
                octets.extend([29, *dialog, *method, *extra, *body]);
            }
            Self::Modify { dialog, what, extra } => octets.extend([LATER | 29, *dialog, *what, *extra]),
            Self::AnswerOffer { dialog, body } => octets.extend([LATER | 30, *dialog, *body]),
            Self::HoldBack { dialog, yes } => octets.extend([LATER | 31, *dialog, u8::from(!*yes)]),
            Self::Destroy { dialog, extra } => octets.extend([30, *dialog, *extra]),
            Self::Subscribe { dialog, what, expires, extra } => {
                octets.extend([LATER | 25, *dialog, *what, *expires, *extra]);
            }
            Self::Notify { dialog, usage, body } => octets.extend([LATER | 26, *dialog, *usage, *body]),
            Self::Terminate { dialog, usage, reason, body } => {
                octets.extend([LATER | 27, *dialog, *usage, *reason, *body]);
            }
            Self::Report { dialog, usage, code } => octets.extend([LATER | 28, *dialog, *usage, *code]),
            Self::Tell { request, tag, state, odd, way } => {
                octets.extend([LATER | 10, *request, *tag, *state, *odd, *way]);
            }
            Self::Drain(count) => octets.extend([31, *count]),
        }
    }
}

impl Asking {
    fn write(&self, octets: &mut Vec<u8>) {
        let Self { method, uri, contact, routes, body, odd, way, damage } = *self;
        octets.extend([method, uri, contact, routes, body, odd, way]);
        damage.write(octets);
    }
}

impl Damage {
    fn write(&self, octets: &mut Vec<u8>) {
        octets.push(self.odds);
        octets.extend(self.at.to_le_bytes());
        octets.push(self.with);
    }
}
