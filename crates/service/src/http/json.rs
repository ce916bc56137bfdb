//! JSON in a form that clients of every kind can read.

use std::io;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

/// The number from which on numbers are written with an exponent, as `JSON.stringify` does it.
const LARGE: f64 = 1e21;

/// Characters that some line readers take for the end of a line, though JSON and server-sent events do not:
/// NEL, and the line and paragraph separators.
const LINE_ENDS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

/// A response in JSON.
pub struct Json<T>(pub T);

/// A formatter that writes integers without a fraction, since many parsers do not take `1.0` for an integer,
/// and no line end of any kind.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl Formatter for Plain {
    fn write_f64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        if value.fract() == 0.0 && value.abs() < LARGE {
            // Without the sign of a zero.
            return write!(writer, "{:.0}", value + 0.0);
        }
        serde_json::ser::CompactFormatter.write_f64(writer, value)
    }

    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(LINE_ENDS) {
            let (before, end) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut characters = end.chars();
            if let Some(end) = characters.next() {
                write!(writer, "\\u{:04x}", u32::from(end))?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Writes a document with the formatter [`Plain`].
///
/// A document that JSON cannot represent, such as one with a key that is no text, is written as nothing; no
/// document here is one.
pub fn to_json(document: &impl Serialize) -> Vec<u8> {
    let mut text = Vec::with_capacity(256);
    let mut serializer = Serializer::with_formatter(&mut text, Plain);
    match document.serialize(&mut serializer) {
        Ok(()) => text,
        Err(_) => Vec::new(),
    }
}

/// Writes a document as the whole body of an answer: with a line end, below which a terminal's prompt stands.
pub fn json_body(document: &impl Serialize) -> Vec<u8> {
    let mut text = to_json(document);
    text.push(b'\n');
    text
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let kind = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, kind)], json_body(&self.0)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::to_json;

    fn written(number: f64) -> String {
        String::from_utf8(to_json(&number)).unwrap()
    }

    #[test]
    fn whole_numbers_are_written_whole() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-95.0, "-95"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (0.5, "0.5"),
            (1_795_186_294.503_015_3, "1795186294.5030153"),
        ] {
            assert_eq!(written(number), text);
        }
    }

    #[test]
    fn no_text_ends_a_line_for_whoever_reads_lines() {
        let text = "a\u{2028}b\u{2029}\u{85}\r\n홍🙂\"\\";
        let json = String::from_utf8(to_json(&text)).unwrap();
        assert_eq!(json, r#""a\u2028b\u2029\u0085\r\n홍🙂\"\\""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_it_was(number: f64, text: String) {
            prop_assume!(number.is_finite());
            let read: f64 = written(number).parse().unwrap();
            // Except the sign of a zero.
            prop_assert_eq!((read + 0.0).to_bits(), (number + 0.0).to_bits());
            let read: Value = serde_json::from_slice(&to_json(&text)).unwrap();
            prop_assert_eq!(read, Value::from(text));
        }
    }
}
