// SPDX-License-Identifier: GPL-2.0

//! Colours and line glyphs of the terminal.

/// How to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Escape sequences for colour.
    pub colour: bool,
    /// Plain ASCII instead of box-drawing characters.
    pub ascii: bool,
    /// Columns of the terminal; `None` for lines of any length.
    pub width: Option<usize>,
}

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Heading,
    Faint,
    Cxl,
    Hmem,
    Free,
    Bad,
}

impl Style {
    pub(crate) fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            _ if !self.colour || text.is_empty() => return text.to_string(),
            Paint::Plain => return text.to_string(),
            Paint::Heading => "1",
            Paint::Faint => "2",
            Paint::Cxl => "1;34",
            Paint::Hmem => "1;32",
            Paint::Free => "33",
            Paint::Bad => "1;31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A child's own line, and the lines below it.
    pub(crate) fn branch(self, last: bool) -> (&'static str, &'static str) {
        match (self.ascii, last) {
            (false, false) => ("├─ ", "│  "),
            (false, true) => ("└─ ", "   "),
            (true, false) => ("|- ", "|  "),
            (true, true) => ("`- ", "   "),
        }
    }
}
