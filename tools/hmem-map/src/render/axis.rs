// SPDX-License-Identifier: GPL-2.0

//! From addresses to places in a picture: to scale where it matters, the rest compressed.

use crate::range::Range;

/// How a stretch of addresses is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stretch {
    /// To scale; a stretch that would be too thin to see is drawn a little wider.
    ToScale,
    /// To scale, but never wider than this.
    AtMost(u32),
    /// This wide, whatever its size.
    Fixed(u32),
}

/// One stretch of the axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// Its addresses.
    pub range: Range,
    /// Left edge.
    pub left: f64,
    /// Right edge.
    pub right: f64,
    /// Drawn narrower than it is.
    pub compressed: bool,
}

/// The axis: ascending segments without gaps between their edges.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    segments: Vec<Segment>,
    scale: f64,
}

/// Narrowest stretch that can still be seen.
pub const SLIVER: f64 = 5.0;

impl Axis {
    /// Lays out `stretches` (ascending, disjoint) from `left` on over `width`.
    pub fn new(stretches: &[(Range, Stretch)], left: f64, width: f64) -> Self {
        let mut scale = 0.0;
        let mut widths: Vec<f64> = stretches.iter().map(|_| 0.0).collect();
        // Each round gives the stretches that are to scale what the others left over. Those that hit a
        // bound take no part in the next; a few rounds settle it.
        for _ in 0..32 {
            let (mut fixed, mut bytes) = (0.0, 0.0);
            for ((range, stretch), width) in stretches.iter().zip(&widths) {
                let size = range.size() as f64;
                let free = *width == 0.0 || (size * scale - *width).abs() < 1e-6;
                match stretch {
                    Stretch::Fixed(width) => fixed += f64::from(*width),
                    _ if free => bytes += size,
                    _ => fixed += *width,
                }
            }
            scale = if bytes > 0.0 {
                ((width - fixed) / bytes).max(0.0)
            } else {
                0.0
            };
            for ((range, stretch), width) in stretches.iter().zip(&mut widths) {
                let natural = range.size() as f64 * scale;
                *width = match stretch {
                    Stretch::ToScale => natural.max(SLIVER),
                    Stretch::AtMost(most) => natural.clamp(SLIVER, f64::from(*most).max(SLIVER)),
                    Stretch::Fixed(width) => f64::from(*width),
                };
            }
        }
        // The bounds may not add up to the width: then all give in a little.
        let total: f64 = widths.iter().sum();
        let squeeze = if total > width { width / total } else { 1.0 };
        scale *= squeeze;
        let mut at = left;
        let segments = stretches
            .iter()
            .zip(&widths)
            .map(|((range, _), width)| {
                let segment = Segment {
                    range: *range,
                    left: at,
                    right: at + width * squeeze,
                    compressed: *width * squeeze + 0.5 < range.size() as f64 * scale,
                };
                at = segment.right;
                segment
            })
            .collect();
        Self { segments, scale }
    }

    /// The segments.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Pixels to a byte, where to scale.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Left edge of the byte at `address`.
    fn edge(&self, address: u64) -> f64 {
        let after = self.segments.iter().find(|s| s.range.end() >= address);
        match after {
            Some(s) if s.range.start() <= address => {
                let share = (address - s.range.start()) as f64 / s.range.size() as f64;
                s.left + share * (s.right - s.left)
            }
            Some(s) => s.left,
            None => self.segments.last().map_or(0.0, |s| s.right),
        }
    }

    /// Left and right edge of `range`.
    pub fn span(&self, range: Range) -> (f64, f64) {
        let right = match range.end().checked_add(1) {
            // The right edge of a byte at the end of a segment is that segment's, not the next one's.
            Some(next) => match self.segments.iter().find(|s| s.range.end() == range.end()) {
                Some(segment) => segment.right,
                None => self.edge(next),
            },
            None => self.segments.last().map_or(0.0, |s| s.right),
        };
        let left = self.edge(range.start());
        (left, right.max(left))
    }
}
