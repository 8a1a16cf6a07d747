// SPDX-License-Identifier: GPL-2.0

//! Colours and fonts.

use crate::model::Owner;
use crate::render::canvas::Font;

pub(super) const INK: &str = "#1f2630";
pub(super) const SOFT: &str = "#66707d";
pub(super) const RULE: &str = r##"stroke="#8a94a1" stroke-width="1""##;

pub(super) const TITLE: Font = Font::bold(17.0, INK);
pub(super) const SUBTITLE: Font = Font::plain(12.5, SOFT);
pub(super) const NAME: Font = Font::bold(13.0, INK);
pub(super) const SMALL: Font = Font::plain(11.5, INK);
pub(super) const UPRIGHT: Font = Font::plain(10.0, INK);
pub(super) const FAINT: Font = Font::plain(11.0, SOFT);

/// How a box looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) fill: &'static str,
    pub(super) line: &'static str,
    /// Of the text on it.
    pub(super) ink: &'static str,
    pub(super) dashed: bool,
}

impl Look {
    const fn new(fill: &'static str, line: &'static str, ink: &'static str) -> Self {
        let dashed = false;
        Self {
            fill,
            line,
            ink,
            dashed,
        }
    }

    /// White inside, with a dashed line: there, but not in use.
    pub(super) const fn hollow(self) -> Self {
        let (fill, dashed) = ("#ffffff", true);
        Self {
            fill,
            ink: self.line,
            dashed,
            ..self
        }
    }

    /// Whether text needs a plate to be read on it.
    pub(super) fn is_hatched(self) -> bool {
        self.fill.starts_with("url")
    }

    /// A colour for text beside the box.
    pub(super) fn beside(self) -> &'static str {
        match self.ink {
            "#ffffff" => self.line,
            ink => ink,
        }
    }
}

pub(super) const RAM: Look = Look::new("#d9dee5", "#aab2bd", INK);
pub(super) const RESERVED: Look = Look::new("#f9dd92", "#c48a0a", "#5c4200");
pub(super) const WINDOW: Look = Look::new("#e9f0fc", "#7fa6e6", "#2a5bb0");
pub(super) const REGION: Look = Look::new("#2f6fdb", "#1d4fa8", "#ffffff");

/// The bytes of an owner.
pub(super) fn owner(owner: &Owner, soft_reserved: bool) -> Look {
    match owner {
        Owner::Cxl { .. } => REGION,
        Owner::Hmem { .. } => Look::new("#1c8f5a", "#12663f", "#ffffff"),
        Owner::Dax { .. } => Look::new("#7a52c7", "#55359a", "#ffffff"),
        Owner::Conflict { .. } => Look::new("#cf3f3f", "#952525", "#ffffff"),
        Owner::SystemRam | Owner::Other { .. } => RAM,
        Owner::Trimmed => Look::new("url(#trimmed)", "#cf3f3f", "#a32020"),
        Owner::Waiting => Look::new("url(#waiting)", "#c48a0a", "#7a5600"),
        Owner::Unknown => Look::new("#ffffff", "#8a94a1", SOFT).hollow(),
        Owner::Nobody if soft_reserved => {
            let dashed = true;
            Look {
                dashed,
                ..Look::new("url(#nobody)", "#8a94a1", INK)
            }
        }
        Owner::Nobody => Look {
            ink: SOFT,
            ..Look::new("#ffffff", "#cdd4dc", SOFT).hollow()
        },
    }
}

/// What an owner made of its bytes: the same colour, lighter.
pub(super) fn made_by(owner: &Owner) -> Look {
    match owner {
        Owner::Cxl { .. } => Look::new("#d3e2fb", "#1d4fa8", "#1d4fa8"),
        Owner::Hmem { .. } => Look::new("#cfeede", "#12663f", "#12663f"),
        _ => Look::new("#e4d9f7", "#55359a", "#55359a"),
    }
}

/// The hatchings, by name.
pub(super) const PATTERNS: &str = concat!(
    r##"<pattern id="trimmed" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">"##,
    r##"<rect width="6" height="6" fill="#fdeaea"/><rect width="3" height="6" fill="#cf3f3f"/></pattern>"##,
    r##"<pattern id="waiting" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">"##,
    r##"<rect width="8" height="8" fill="#fff6dd"/><rect width="4" height="8" fill="#f3cf73"/></pattern>"##,
    r##"<pattern id="nobody" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">"##,
    r##"<rect width="8" height="8" fill="#ffffff"/><rect width="2" height="8" fill="#b9c1cb"/></pattern>"##,
);
