// SPDX-License-Identifier: GPL-2.0

//! A place in the text of a policy, and what is said if something else should be there.
//!
//! Nothing in here allocates, keeps state or touches the system: see [`rule`](crate::rule).

use kernel::fmt;

/// The greatest length of a policy, in bytes.
///
/// It is what a kernel command line has room for, so that each policy can also be given at boot,
/// and a page, which user space reads and writes at a time, has room for any answer.
pub const MAX_LEN: usize = 2047;

/// Why a policy is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The policy has more than [`MAX_LEN`] bytes.
    TooLong,
    /// There is no match where one should be.
    NoMatch,
    /// There is a word where a term of a match should be, and it is none.
    UnknownTerm,
    /// After `*` or a term comes neither `:` nor, after a term, `+`.
    NoColon,
    /// There is no action where one should be.
    NoAction,
    /// There is a word where an action should be, and it is none.
    UnknownAction,
    /// After an action comes neither `,` nor `;` nor the end.
    NoSeparator,
    /// There is no number where one should be.
    NoNumber,
    /// Something that is no part of a number follows one without a space.
    BadNumber,
    /// A number does not fit into 64 bits, or a node into 32.
    TooBig,
    /// After a number comes neither `-` nor `@`.
    NoRange,
    /// The end of a range lies below its start, or its size is zero.
    EmptyRange,
    /// A range ends beyond the 64-bit address space.
    BeyondTop,
    /// The machine has no such node.
    NoSuchNode,
    /// No memory can fulfil all terms.
    Contradiction,
    /// An earlier action of the rule says something about the same thing.
    SaidTwice,
    /// The range and that of an earlier rule, which is counted from one, have some bytes in common.
    Overlap(usize),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the policy is too long",
            Self::NoMatch => "expected *, hmem, cxl, node, or a range",
            Self::UnknownTerm => "no such term: expected hmem, cxl, node, or a range",
            Self::NoColon => "expected :, or + and another term",
            Self::NoAction => "expected an action",
            Self::UnknownAction => "no such action",
            Self::NoSeparator => "expected a comma, a semicolon, or the end",
            Self::NoNumber => "expected a number",
            Self::BadNumber => "not part of a number: only K, M, G or T can follow it",
            Self::TooBig => "the number is too big",
            Self::NoRange => "expected - and the last byte, or @ and the first one",
            Self::EmptyRange => "the range is empty",
            Self::BeyondTop => "the range ends beyond the address space",
            Self::NoSuchNode => "this machine has no such node",
            Self::Contradiction => "no memory can match this together with the terms before it",
            Self::SaidTwice => "an earlier action of the rule says something else about that",
            Self::Overlap(rule) => {
                return write!(
                    f,
                    "the range overlaps that of rule {rule}, and neither is within the other"
                )
            }
        })
    }
}

/// What is wrong with a policy, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The byte, counted from zero.
    pub at: usize,
    /// The reason.
    pub reason: Reason,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // People count from one.
        write!(f, "character {}: ", self.at.saturating_add(1))?;
        fmt::Display::fmt(&self.reason, f)
    }
}

/// A place in a text. Spaces are skipped before each token.
pub(crate) struct Cursor<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        let mut cursor = Self { text, at: 0 };

        cursor.skip_spaces();
        cursor
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or(&[])
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    /// Returns the byte here.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    pub(crate) fn refuse(&self, reason: Reason) -> Refusal {
        Refusal {
            at: self.at,
            reason,
        }
    }

    pub(crate) fn skip_spaces(&mut self) {
        self.run(|byte| byte == b' ' || byte == b'\t');
    }

    /// Takes as many bytes as `wanted` says.
    pub(crate) fn run(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let len = rest
            .iter()
            .position(|&byte| !wanted(byte))
            .unwrap_or(rest.len());
        let (run, _) = rest.split_at_checked(len).unwrap_or((rest, &[]));

        self.at = self.at.saturating_add(run.len());
        run
    }

    /// Takes `byte` and the spaces behind it, if it is here.
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);

        if here {
            self.at = self.at.saturating_add(1);
            self.skip_spaces();
        }
        here
    }

    /// Takes a number of bytes, and the spaces behind it.
    pub(crate) fn number(&mut self) -> Result<u64, Refusal> {
        let start = self.at;
        let too_big = Refusal {
            at: start,
            reason: Reason::TooBig,
        };

        let number = if self.rest().starts_with(b"0x") {
            self.at = self.at.saturating_add(2);
            self.digits(16)?
        } else {
            self.digits(10)?
        };

        let shift = match self.peek() {
            Some(b'K') => 10,
            Some(b'M') => 20,
            Some(b'G') => 30,
            Some(b'T') => 40,
            _ => 0,
        };
        if shift != 0 {
            self.at = self.at.saturating_add(1);
        }
        if self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            return Err(self.refuse(Reason::BadNumber));
        }
        self.skip_spaces();
        number.checked_mul(1 << shift).ok_or(too_big)
    }

    /// Takes at least one digit.
    pub(crate) fn digits(&mut self, radix: u32) -> Result<u64, Refusal> {
        let start = self.at;
        let digits = self.run(|byte| char::from(byte).is_digit(radix));

        if digits.is_empty() {
            return Err(self.refuse(Reason::NoNumber));
        }
        digits
            .iter()
            .try_fold(0u64, |value, &digit| {
                value
                    .checked_mul(radix.into())?
                    .checked_add(char::from(digit).to_digit(radix)?.into())
            })
            .ok_or(Refusal {
                at: start,
                reason: Reason::TooBig,
            })
    }
}
