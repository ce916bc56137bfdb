//! Messages of the original, which this system is made after: chapter 21 of *Learn Docker in a Month of
//! Lunches*, and the same function in its sister on Kubernetes. Its page publishes
//! `{"Subject":…,"Item":{"ToDoId":0,"Item":…,"DateAdded":…},"CorrelationId":…}` on `events.todo.newitem`, the
//! one in UTF-16 as .NET writes it, the other in UTF-8.

use std::borrow::Cow;

use serde::Deserialize;
use time::{OffsetDateTime, PrimitiveDateTime, format_description::well_known::Iso8601};

use crate::{EventId, InvalidText, NewItem, when};

/// A new item as the original wraps it. What else it says, such as the number 0 that stands for an item
/// without a row, is left out.
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
    /// What ties the events of one request together, if it fits into a header.
    pub(crate) fn correlation_id(&self) -> Option<String> {
        let id = EventId::parse(self.correlation_id.as_deref()?)?;
        Some(id.to_string())
    }

    /// The item that it holds.
    pub(crate) fn into_item(self) -> Result<NewItem, InvalidText> {
        Ok(NewItem {
            id: None,
            list: None,
            item: self.item.item.try_into()?,
            added_at: self.item.date_added.as_deref().and_then(moment),
        })
    }
}

/// A time as .NET writes it. Without a zone it may be anybody's local one, and is taken as UTC, which the
/// original sends. The first moment of all stands for none there; that, and what is no time, is not told.
fn moment(text: &str) -> Option<OffsetDateTime> {
    let zoned = when::parse(text);
    let local = || PrimitiveDateTime::parse(text, &Iso8601::DEFAULT).ok();
    let time = zoned.or_else(|| when::in_utc(local()?.assume_utc()))?;
    (time.year() > 1).then_some(time)
}

/// A body in UTF-8, whichever form of Unicode it was written in. A mark of the order of bytes is taken off;
/// without one, the first character tells, since JSON begins with one of ASCII (RFC 4627, section 3).
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
