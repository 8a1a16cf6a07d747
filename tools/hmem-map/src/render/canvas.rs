// SPDX-License-Identifier: GPL-2.0

//! The few SVG elements that the picture needs.

use std::fmt::Write as _;

/// A growing picture.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    body: String,
}

/// Where a text's `x` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Font {
    size: f64,
    bold: bool,
    fill: &'static str,
}

impl Font {
    pub(super) const fn plain(size: f64, fill: &'static str) -> Self {
        let bold = false;
        Self { size, bold, fill }
    }

    pub(super) const fn bold(size: f64, fill: &'static str) -> Self {
        let bold = true;
        Self { size, bold, fill }
    }

    /// The same font in another colour.
    pub(super) fn ink(self, fill: &'static str) -> Self {
        Self { fill, ..self }
    }

    /// As many words as fit into `width`; `None` if not even one does.
    pub(super) fn shorten(self, text: &str, width: f64) -> Option<String> {
        let mut text = text.to_string();
        while self.width(&text) > width {
            let (head, _) = text.rsplit_once(' ')?;
            text = format!("{}…", head.trim_end_matches(['…', ',', ';', ':']));
        }
        Some(text)
    }

    /// Width of a text, on the safe side: as in the widest of the usual sans fonts.
    pub(super) fn width(self, text: &str) -> f64 {
        let ems: f64 = text
            .chars()
            .map(|c| match c {
                'i' | 'j' | 'l' | ' ' | '.' | ',' | ':' | '\'' | '-' => 0.36,
                'f' | 't' | 'r' | '(' | ')' => 0.42,
                'm' | 'w' | 'M' | 'W' | '…' => 0.98,
                'A'..='Z' => 0.74,
                c if c.is_ascii() => 0.64,
                _ => 1.0,
            })
            .sum();
        ems * self.size * if self.bold { 1.1 } else { 1.0 }
    }
}

impl Canvas {
    /// A box; `more` are further attributes. With a `title`, pointing at it shows that.
    pub(super) fn rect(
        &mut self,
        (left, right): (f64, f64),
        (top, bottom): (f64, f64),
        more: &str,
        title: &str,
    ) {
        let (width, height) = ((right - left).max(0.0), (bottom - top).max(0.0));
        let _ = write!(
            self.body,
            r#"<rect x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}" {more}"#
        );
        match title.is_empty() {
            true => self.body.push_str("/>\n"),
            false => {
                let _ = writeln!(self.body, "><title>{}</title></rect>", escape(title));
            }
        }
    }

    /// A line through `points`.
    pub(super) fn line(&mut self, points: &[(f64, f64)], more: &str) {
        let points: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = writeln!(
            self.body,
            r#"<polyline points="{}" fill="none" {more}/>"#,
            points.join(" ")
        );
    }

    /// One line of text; `y` is its base line.
    pub(super) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, font: Font, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let weight = if font.bold {
            r#" font-weight="600""#
        } else {
            ""
        };
        let _ = writeln!(
            self.body,
            r#"<text x="{x:.1}" y="{y:.1}" font-size="{}" fill="{}"{weight}{anchor}>{}</text>"#,
            font.size,
            font.fill,
            escape(text)
        );
    }

    /// One line of text from bottom to top, its middle at `x`, `y`.
    pub(super) fn upright(&mut self, (x, y): (f64, f64), font: Font, text: &str) {
        let _ = writeln!(
            self.body,
            r#"<text transform="translate({:.1},{y:.1}) rotate(-90)" font-size="{}" fill="{}" text-anchor="middle">{}</text>"#,
            x + font.size * 0.36,
            font.size,
            font.fill,
            escape(text)
        );
    }

    /// Puts another canvas on top.
    pub(super) fn append(&mut self, other: Canvas) {
        self.body.push_str(&other.body);
    }

    /// The whole file.
    pub(super) fn finish(self, width: f64, height: f64, title: &str, definitions: &str) -> String {
        let title = escape(title);
        format!(
            concat!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" width="{w:.0}" height="{h:.0}" viewBox="0 0 {w:.0} {h:.0}" "#,
                r#"role="img" aria-label="{t}" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif">"#,
                "\n<title>{t}</title>\n<defs>{d}</defs>\n",
                r##"<rect width="{w:.0}" height="{h:.0}" rx="8" fill="#ffffff"/>"##,
                "\n{b}</svg>\n"
            ),
            w = width,
            h = height,
            t = title,
            d = definitions,
            b = self.body
        )
    }
}

/// Text for XML: names come from files that anyone may have written.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            // Not allowed in XML at all.
            c if (c.is_control() && c != '\n' && c != '\t')
                || matches!(c, '\u{fffe}' | '\u{ffff}') =>
            {
                out.push('\u{fffd}');
            }
            c => out.push(c),
        }
    }
    out
}
