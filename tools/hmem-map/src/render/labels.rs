// SPDX-License-Identifier: GPL-2.0

//! Places texts in rows so that none covers another.

/// Rows of texts between two edges.
#[derive(Debug)]
pub(super) struct Labels {
    left: f64,
    right: f64,
    /// Places taken in each row: from, to.
    rows: Vec<Vec<(f64, f64)>>,
    /// Lines that lead down through the rows: where, and through how many.
    leaders: Vec<(f64, usize)>,
}

/// Least distance between two texts.
const APART: f64 = 8.0;

impl Labels {
    pub(super) fn new(left: f64, right: f64, rows: usize) -> Self {
        Self {
            left,
            right,
            rows: vec![Vec::new(); rows],
            leaders: Vec::new(),
        }
    }

    /// A place for a text of `width` around `x`: row and left edge; `None` if there is no room.
    pub(super) fn place(&mut self, x: f64, width: f64) -> Option<(usize, f64)> {
        if width > self.right - self.left {
            return None;
        }
        // Around x, or else beginning or ending near it.
        for shift in [0.5, 0.08, 0.92] {
            let from = (x - width * shift).clamp(self.left, self.right - width);
            let to = from + width;
            for row in 0..self.rows.len() {
                let taken = |(a, b): &(f64, f64)| from < b + APART && a - APART < to;
                // The line down to this text must not cross those above, nor this text a line that leads
                // further down.
                let crosses = self.rows[..row]
                    .iter()
                    .flatten()
                    .any(|(a, b)| a - 3.0 < x && x < b + 3.0);
                let crossed = self
                    .leaders
                    .iter()
                    .any(|(at, deep)| *deep > row && from - 3.0 < *at && *at < to + 3.0);
                if !crosses && !crossed && !self.rows[row].iter().any(taken) {
                    self.rows[row].push((from, to));
                    self.leaders.push((x, row));
                    return Some((row, from));
                }
            }
        }
        None
    }
}
