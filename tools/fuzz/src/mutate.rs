// SPDX-License-Identifier: GPL-2.0

//! Makes inputs of other inputs.

/// No parser here is meant for more.
const MAX_LEN: usize = 1 << 16;

/// Numbers at which something may overflow, and texts that are often special.
const ODD: &[&str] = &[
    "0",
    "-1",
    "1",
    "255",
    "4294967295",
    "4294967296",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "0x",
    "0xffffffffffffffff",
    "0x10000000000000000",
    "\0",
    "\n",
    "\r\n",
    " ",
    "\t",
    "-",
    "é",
    "\u{10ffff}",
];

/// A source of numbers that are the same for the same seed (xorshift64*).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// A number below `limit`, which is not zero.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.below(list.len()))
    }
}

/// Changes `input` in one to eight ways. `others` lend parts, `words` are what the format is made of.
pub(crate) fn mutate(dice: &mut Dice, input: &[u8], others: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=dice.below(8) {
        once(dice, &mut bytes, others, words);
    }
    bytes.truncate(MAX_LEN);
    bytes
}

fn once(dice: &mut Dice, bytes: &mut Vec<u8>, others: &[Vec<u8>], words: &[&str]) {
    let at = dice.below(bytes.len() + 1);
    let short = at + dice.below((bytes.len() - at).min(16) + 1);
    match dice.below(9) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
        1 => drop(bytes.drain(at..short)),
        2 => insert(bytes, at, &[dice.next() as u8]),
        3 => {
            let part = bytes[at..short].to_vec();
            insert(bytes, at, &part);
        }
        4 => {
            let odd = dice.pick(ODD).map_or("", |odd| odd);
            bytes.splice(at..short, odd.bytes());
        }
        5 => {
            let word = dice.pick(words).map_or("", |word| word);
            insert(bytes, at, word.as_bytes());
        }
        6 => number(dice, bytes, at),
        7 => {
            // A line again, or away
            let line = line(bytes, at);
            let text = bytes[line.clone()].to_vec();
            match dice.below(2) {
                0 => insert(bytes, line.start, &text),
                _ => drop(bytes.drain(line)),
            }
        }
        _ => {
            if let Some(other) = dice.pick(others) {
                let from = dice.below(other.len() + 1);
                let to = from + dice.below((other.len() - from).min(256) + 1);
                insert(bytes, at, &other[from..to]);
            }
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, part: &[u8]) {
    if bytes.len() + part.len() <= MAX_LEN {
        bytes.splice(at..at, part.iter().copied());
    }
}

/// Puts an odd number in the place of the next one.
fn number(dice: &mut Dice, bytes: &mut Vec<u8>, at: usize) {
    let Some(start) = (at..bytes.len()).find(|&i| bytes[i].is_ascii_digit()) else {
        return;
    };
    let len = bytes[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let odd = dice.pick(ODD).map_or("", |odd| odd);
    bytes.splice(start..start + len, odd.bytes());
}

fn line(bytes: &[u8], at: usize) -> std::ops::Range<usize> {
    let start = bytes[..at]
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |i| i + 1);
    let end = bytes[at..]
        .iter()
        .position(|&byte| byte == b'\n')
        .map_or(bytes.len(), |i| at + i + 1);
    start..end
}
