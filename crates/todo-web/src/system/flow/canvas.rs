//! Writing SVG.

use std::fmt::Write;

use askama::filters::{Html, escape};

/// An SVG that is being drawn. Whatever text it is given is shown as text.
#[derive(Default)]
pub(super) struct Canvas(String);

/// A rectangle: its upper left corner and its size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Area {
    pub(super) fn right(self) -> f64 {
        self.x + self.width
    }

    pub(super) fn bottom(self) -> f64 {
        self.y + self.height
    }

    pub(super) fn middle(self) -> f64 {
        self.y + self.height / 2.0
    }

    pub(super) fn center(self) -> f64 {
        self.x + self.width / 2.0
    }
}

impl Canvas {
    /// Draws what `parts` draws as one group, with a tooltip unless that is empty.
    pub(super) fn group(&mut self, class: &str, tooltip: &str, parts: impl FnOnce(&mut Self)) {
        self.write(format_args!("<g class=\"{class}\">"));
        if !tooltip.is_empty() {
            let tooltip = escaped(tooltip);
            self.write(format_args!("<title>{tooltip}</title>"));
        }
        parts(self);
        self.write(format_args!("</g>\n"));
    }

    pub(super) fn rect(&mut self, class: &str, area: Area, radius: f64) {
        let Area {
            x,
            y,
            width,
            height,
        } = area;
        self.write(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
             height=\"{height:.1}\" rx=\"{radius}\"/>"
        ));
    }

    pub(super) fn circle(&mut self, class: &str, x: f64, y: f64, radius: f64) {
        self.write(format_args!(
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"/>"
        ));
    }

    pub(super) fn path(&mut self, class: &str, course: &str) {
        self.write(format_args!("<path class=\"{class}\" d=\"{course}\"/>"));
    }

    /// A line of text; the class says where it is anchored.
    pub(super) fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        self.texts(class, x, y, &[("", text)]);
    }

    /// A line of text in parts, each with a class of its own.
    pub(super) fn texts(&mut self, class: &str, x: f64, y: f64, parts: &[(&str, &str)]) {
        self.write(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">"
        ));
        for (class, text) in parts {
            let text = escaped(text);
            if class.is_empty() {
                self.write(format_args!("{text}"));
            } else {
                self.write(format_args!("<tspan class=\"{class}\">{text}</tspan>"));
            }
        }
        self.write(format_args!("</text>"));
    }

    /// The whole picture, of this size, described by `label`.
    pub(super) fn finish(self, class: &str, width: f64, height: f64, label: &str) -> String {
        let (label, content) = (escaped(label), self.0);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"{class}\" role=\"img\" \
             aria-label=\"{label}\" viewBox=\"0 0 {width:.0} {height:.0}\">\n{content}</svg>"
        )
    }

    fn write(&mut self, piece: std::fmt::Arguments<'_>) {
        // Writing to a text does not fail.
        let _ = self.0.write_fmt(piece);
    }
}

fn escaped(text: &str) -> String {
    // Nor does escaping what is a text already.
    escape(text, Html).map_or_else(|never| match never {}, |safe| safe.to_string())
}

/// The end of a text that is at most `width` wide, in a font of `size`: names of members differ at
/// their end. A server knows no fonts, so this is an estimate on the safe side.
pub(super) fn shortened(text: &str, width: f64, size: f64) -> String {
    let wide = |letter: char| if letter.is_ascii() { 0.58 } else { 1.0 } * size;
    let mut room = width - wide('…').min(0.7 * size);
    if text.chars().map(wide).sum::<f64>() <= width {
        return text.to_owned();
    }
    let fits = |letter: &char| {
        room -= wide(*letter);
        room >= 0.0
    };
    let end: Vec<char> = text.chars().rev().take_while(fits).collect();
    std::iter::once('…').chain(end.into_iter().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Canvas, shortened};

    #[test]
    fn a_text_stays_text_whatever_it_says() {
        let mut canvas = Canvas::default();
        canvas.group("g", "<a>", |canvas| {
            canvas.text("t", 0.0, 0.0, "\"&<script>");
        });
        let svg = canvas.finish("s", 1.0, 1.0, "\" onload=\"");
        assert!(!svg.contains("<a>") && !svg.contains("<script>"), "{svg}");
        assert!(!svg.contains("onload=\""), "{svg}");
    }

    #[test]
    fn what_is_too_long_keeps_its_end() {
        assert_eq!(shortened("save-handler-1", 200.0, 12.0), "save-handler-1");
        let short = shortened("a-very-long-host-name.example-4711", 100.0, 12.0);
        assert!(
            short.starts_with('…') && short.ends_with("-4711"),
            "{short}"
        );
        assert!(short.chars().count() < 16, "{short}");
    }
}
