//! The characters that are visible.

use std::fmt::Write;

/// Control characters: they end lines, steer terminals or do nothing at all.
const CONTROLS: [(char, char); 2] = [('\0', '\u{1f}'), ('\u{7f}', '\u{9f}')];

/// Characters that show nothing by themselves: controls, white space, and those that Unicode has ignored
/// where they are not supported (`Default_Ignorable_Code_Point`), such as the ones that join and colour the
/// parts of an emoji. A few are blank for other reasons: the empty pattern of Braille (U+2800), the marks of
/// annotations (U+FFF9), the joiners of hieroglyphs (U+13430), a note without a head (U+1D159).
const INVISIBLE: [(char, char); 24] = [
    ('\0', '\u{20}'),
    ('\u{7f}', '\u{a0}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{2000}', '\u{200f}'),
    ('\u{2028}', '\u{202f}'),
    ('\u{205f}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3000}', '\u{3000}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d159}', '\u{1d159}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Returns whether the character is visible by itself.
pub(crate) fn is_visible(c: char) -> bool {
    // Most are letters of few alphabets, and between the first of the ranges.
    c.is_ascii_graphic()
        || !INVISIBLE
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&c))
}

/// Returns the regular expression of a text without control characters that has a visible character other
/// than those of `others`. Characters beyond U+FFFF are written as they are, since dialects differ in how
/// to escape them.
pub(crate) fn pattern(others: &str) -> String {
    let (controls, invisible) = (class(&CONTROLS), class(&INVISIBLE));
    format!("^[^{controls}]*[^{invisible}{others}][^{controls}]*$")
}

fn class(ranges: &[(char, char)]) -> String {
    let mut class = String::new();
    for (first, last) in ranges {
        push(&mut class, *first);
        if first < last {
            class.push('-');
            push(&mut class, *last);
        }
    }
    class
}

fn push(class: &mut String, c: char) {
    match u32::from(c) {
        code @ ..=0xffff => {
            // Writing to a text cannot fail.
            let _ = write!(class, "\\u{code:04x}");
        }
        _ => class.push(c),
    }
}

#[cfg(test)]
mod tests {
    use icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint};

    use super::{INVISIBLE, is_visible};

    #[test]
    fn what_unicode_has_be_ignored_cannot_be_seen_nor_can_white_space_and_controls() {
        let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
        let blank = |c: &char| ignorable.contains(*c) || c.is_whitespace() || c.is_control();
        let odd = |c: &char| matches!(c, '\u{2800}' | '\u{fff9}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}' | '\u{1d159}');
        for c in '\0'..=char::MAX {
            assert_eq!(is_visible(c), !blank(&c) && !odd(&c), "{c:?}");
        }
        assert!(INVISIBLE.is_sorted());
    }
}
