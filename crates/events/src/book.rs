//! Messages of the original, which this system is made after: chapter 21 of *Learn Docker in a Month of
//! Lunches*, and the same function in the book about Kubernetes by the same author. Its page publishes
//! `{"Subject":…,"Item":{"ToDoId":0,"Item":…,"DateAdded":…},"CorrelationId":…}` on `events.todo.newitem`:
//! the former in UTF-16 as .NET writes it, the latter in UTF-8.

use std::borrow::Cow;

use serde::Deserialize;
use time::{OffsetDateTime, PrimitiveDateTime, format_description::well_known::Iso8601};

use crate::{EventId, InvalidText, NewItem, when};

/// A new item as the original wraps it. Its other fields are ignored, such as the number 0 that stands for
/// an item without a row.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Wrapped {
    item: Inner,
    #[serde(default)]
    correlation_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inner {
    item: String,
    #[serde(default)]
    date_added: Option<String>,
}

impl Wrapped {
    /// The id that the events of one request have in common, if it fits into a header.
    pub(crate) fn correlation_id(&self) -> Option<String> {
        let id = EventId::parse(self.correlation_id.as_deref()?)?;
        Some(id.to_string())
    }

    /// Returns the item that it holds.
    pub(crate) fn into_item(self) -> Result<NewItem, InvalidText> {
        Ok(NewItem {
            id: None,
            list: None,
            item: self.item.item.try_into()?,
            added_at: self.item.date_added.as_deref().and_then(moment),
        })
    }
}

/// Reads a time as .NET writes it. One without a zone is taken as UTC, which the original sends, though
/// other publishers may mean their local time. `None` if it is no time, or `DateTime.MinValue` (year 1),
/// with which .NET says that there is none.
fn moment(text: &str) -> Option<OffsetDateTime> {
    let zoned = when::parse(text);
    let local = || PrimitiveDateTime::parse(text, &Iso8601::DEFAULT).ok();
    let time = zoned.or_else(|| when::in_utc(local()?.assume_utc()))?;
    (time.year() > 1).then_some(time)
}

/// Returns a body in UTF-8, whether it was written in UTF-8 or UTF-16. A byte order mark is removed; without
/// one, the first character shows the encoding, since JSON begins with one of ASCII (RFC 4627, section 3).
pub(crate) fn utf8(body: &[u8]) -> Result<Cow<'_, [u8]>, &'static str> {
    let (rest, read): (_, fn([u8; 2]) -> u16) = match body {
        [0xef, 0xbb, 0xbf, rest @ ..] => return Ok(Cow::Borrowed(rest)),
        [0xff, 0xfe, rest @ ..] => (rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => (rest, u16::from_be_bytes),
        [1..=255, 0, ..] => (body, u16::from_le_bytes),
        [0, 1..=255, ..] => (body, u16::from_be_bytes),
        _ => return Ok(Cow::Borrowed(body)),
    };
    let (pairs, odd) = rest.as_chunks();
    if !odd.is_empty() {
        return Err("UTF-16 that ends within a character");
    }
    let characters = char::decode_utf16(pairs.iter().map(|pair| read(*pair)));
    let text = characters.collect::<Result<String, _>>();
    let text = text.map_err(|_| "UTF-16 with half of a surrogate pair")?;
    Ok(Cow::Owned(text.into_bytes()))
}
