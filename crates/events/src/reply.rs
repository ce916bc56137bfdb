//! Replies to publishers that wait until their event is saved.
//!
//! Such an event has the reply subject in its header `reply-to`. The publisher of the event chooses that
//! subject, so only subjects under [`ReplyTo::PREFIX`] are accepted: otherwise anybody could have a service
//! publish on every subject that the service may publish on.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ItemSaved, header};

/// The reply subject of one event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReplyTo(String);

impl ReplyTo {
    /// The prefix of every reply subject. No stream stores messages on these subjects.
    pub const PREFIX: &str = "replies.";

    /// The longest subject, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Takes over a subject that a publisher chose, if it is a valid reply subject: at most
    /// [`ReplyTo::LIMIT`] bytes, the prefix, and then tokens of letters, digits, `-` and `_`.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let sensible = |token: &str| !token.is_empty() && token.bytes().all(plain);
        let rest = text.strip_prefix(Self::PREFIX)?;
        let fits = text.len() <= Self::MAX_BYTES && rest.split('.').all(sensible);
        fits.then(|| Self(text.to_owned()))
    }

    /// Returns the subject as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReplyTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The reply of a saver: the item's state after the event was applied to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SaveReply {
    /// The item's whole state; none if nobody has added the item. The change is kept then, and counts
    /// if the item is added after all.
    #[serde(default)]
    pub saved: Option<ItemSaved>,
}

/// A reply ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The subject to publish it on.
    pub to: ReplyTo,
    /// Its headers, in the order in which they are written.
    pub headers: Vec<(&'static str, String)>,
    /// Its body: JSON.
    pub body: Vec<u8>,
}

impl SaveReply {
    /// Writes the reply to an event with this correlation id.
    ///
    /// # Panics
    ///
    /// If the reply cannot be written as JSON, which cannot happen.
    pub fn seal(&self, to: ReplyTo, correlation_id: Option<String>) -> Reply {
        let body = serde_json::to_vec(self).expect("an answer has no maps with odd keys");
        let mut headers = vec![(header::CONTENT_TYPE, "application/json".to_owned())];
        headers.extend(correlation_id.map(|id| (header::CORRELATION_ID, id)));
        Reply { to, headers, body }
    }
}
