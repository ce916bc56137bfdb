//! Answers to those who wait for what becomes of an event.
//!
//! An event that somebody waits for says in its header `reply-to` where the answer is to go. Whoever
//! publishes the event chooses that subject, so only one under [`ReplyTo::PREFIX`] is taken for one:
//! otherwise anybody could have a service publish wherever that service may.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ItemSaved, header};

/// The subject that the answer to one event goes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReplyTo(String);

impl ReplyTo {
    /// What each of them starts with. No stream stores what is published there.
    pub const PREFIX: &str = "replies.";

    /// The longest subject, in bytes.
    pub const LIMIT: usize = 128;

    /// Takes over a subject that a publisher chose, if answers may go there.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let sensible = |token: &str| !token.is_empty() && token.bytes().all(plain);
        let rest = text.strip_prefix(Self::PREFIX)?;
        let fits = text.len() <= Self::LIMIT && rest.split('.').all(sensible);
        fits.then(|| Self(text.to_owned()))
    }

    /// The subject as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReplyTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a saver answers: how the item is after the event was applied to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SaveReply {
    /// The item's whole state; none if nobody has added the item. The change is kept then, and counts
    /// if the item is added after all.
    #[serde(default)]
    pub saved: Option<ItemSaved>,
}

/// An answer ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Where it goes.
    pub to: ReplyTo,
    /// Its headers, in the order in which they are written.
    pub headers: Vec<(&'static str, String)>,
    /// Its body: JSON.
    pub body: Vec<u8>,
}

impl SaveReply {
    /// Seals the answer to an event with this correlation id.
    ///
    /// # Panics
    ///
    /// If the answer cannot be written as JSON, which none can bring about.
    pub fn seal(&self, to: ReplyTo, correlation_id: Option<String>) -> Reply {
        let body = serde_json::to_vec(self).expect("an answer has no maps with odd keys");
        let mut headers = vec![(header::CONTENT_TYPE, "application/json".to_owned())];
        headers.extend(correlation_id.map(|id| (header::CORRELATION_ID, id)));
        Reply { to, headers, body }
    }
}
