//! Erasing what the streams keep of an item's texts, for good.
//!
//! Messages are removed by their sequences, and the broker writes over what they were. The gaps that they leave are
//! no loss: nothing here counts on sequences that follow each other without one.

use std::{collections::BTreeMap, future::ready};

use async_nats::jetstream::stream::DeleteMessageErrorKind;
use base64::{Engine, prelude::BASE64_STANDARD};
use events::{ItemId, Position};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value, from_slice, json};
use uuid::Uuid;

use crate::{
    Bus, CapacityError, DEAD_LETTERS, History, LEDGER, REPLAYS, TODO,
    capacity::{failed, groups},
    dead_letters::read_origin,
    unreadable::Stored,
};

/// Every stream that may have texts.
const STREAMS: [&str; 4] = [TODO, DEAD_LETTERS, REPLAYS, LEDGER];

/// Number of messages that are requested at a time. Each may have a megabyte.
const AT_ONCE: usize = 32;

/// Fields of a body without a text: the item, and the place that it was moved to.
const TEXTLESS: [&str; 2] = ["id", "order"];

/// The messages that carry texts of some items, by the streams that have them.
#[derive(Debug)]
pub struct Texts {
    found: BTreeMap<&'static str, Vec<u64>>,
    /// The position of the newest event of the stream when it was looked.
    pub last: Position,
}

/// Failure to erase texts.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The broker did not answer, or refused.
    #[error("cannot look through the streams")]
    Broker(#[from] CapacityError),
    /// A group would never get an event that was accepted, or has it in hand.
    #[error("the group `{0}` has not handled all events about it yet; run this again when it has")]
    Unhandled(String),
}

impl Bus {
    /// Looks for messages that carry a text of one of `items`: that name the item, in whatever way, and say more
    /// than its identifier and its place. Waits for a connection.
    ///
    /// It looks at each message of each stream, which takes some ten seconds for a million.
    pub async fn find_texts(&self, items: &[ItemId]) -> Result<Texts, EraseError> {
        self.wait_connected().await;
        let mut found = BTreeMap::new();
        for name in STREAMS {
            found.insert(name, self.scan(name, items).await?);
        }
        let todo = self.stream(TODO).await?;
        let newest = found[TODO].iter().max().copied().unwrap_or_default();
        let late = groups(&todo).await?.into_iter();
        if let Some((group, _)) = late.into_iter().find(|(_, at)| at.settled < newest) {
            return Err(EraseError::Unhandled(group));
        }
        let info = todo.cached_info();
        let last = info.state.last_sequence;
        let last = History::of(info).identity(last).position(last);
        Ok(Texts { found, last })
    }

    /// Removes the messages that were found, and tells from which stream how many.
    ///
    /// Cancel safe: what is not removed yet is found again.
    pub async fn erase_texts(&self, texts: &Texts) -> Result<Vec<(&'static str, u64)>, EraseError> {
        let mut erased = Vec::new();
        for (name, sequences) in &texts.found {
            let stream = self.stream(name).await?;
            let mut count = 0;
            for sequence in sequences {
                match stream.delete_message(*sequence).await {
                    Ok(_) => count += 1,
                    // It is gone already, by its age or by somebody else.
                    Err(error)
                        if matches!(error.kind(), DeleteMessageErrorKind::JetStream(_))
                            && self
                                .look_at(name, json!({ "seq": sequence }))
                                .await?
                                .is_none() => {}
                    Err(error) => return Err(failed("remove a message")(error).into()),
                }
            }
            erased.push((*name, count));
        }
        Ok(erased)
    }

    /// The sequences of the messages of a stream that carry a text of one of the items.
    async fn scan(&self, name: &'static str, items: &[ItemId]) -> Result<Vec<u64>, CapacityError> {
        let stream = self.stream(name).await?;
        let info = stream.cached_info();
        let wanted = Wanted {
            stream: name,
            history: History::of(info),
            ids: items.iter().map(|item| item.uuid()).collect(),
        };
        let last = if info.state.messages == 0 {
            0
        } else {
            info.state.last_sequence
        };
        let messages = stream::iter(info.state.first_sequence.max(1)..=last)
            .map(|sequence| self.look_at(name, json!({ "seq": sequence })))
            .buffered(AT_ONCE);
        let carrying = messages.try_filter_map(|stored| {
            let carries = stored.map_or(Ok(None), |stored| {
                let carries = wanted.has_text(&stored)?;
                Ok(carries.then_some(stored.seq))
            });
            ready(carries)
        });
        carrying.try_collect().await
    }
}

/// Items whose texts are looked for in a stream.
struct Wanted {
    stream: &'static str,
    history: History,
    ids: Vec<Uuid>,
}

impl Wanted {
    fn has_text(&self, stored: &Stored) -> Result<bool, CapacityError> {
        let (headers, body) = stored.bytes().map_err(failed("read a message"))?;
        let json = from_slice::<Map<String, Value>>(&body).ok();
        let is_textless = json
            .as_ref()
            .is_some_and(|json| json.keys().all(|key| TEXTLESS.contains(&key.as_str())));
        if is_textless {
            return Ok(false);
        }
        let mut said = plain(&headers);
        said.push(b' ');
        said.extend(plain(&body));
        // Some bodies have another one in them: of an answer, or of a CloudEvent.
        for value in json.iter().flat_map(Map::values) {
            let inner = value
                .as_str()
                .and_then(|text| BASE64_STANDARD.decode(text).ok());
            said.push(b' ');
            said.extend(inner.map_or_else(Vec::new, |inner| plain(&inner)));
        }
        let said = String::from_utf8_lossy(&said);
        let derived = self.derived(stored);
        Ok(self.ids.iter().any(|id| {
            let mut buffer = Uuid::encode_buffer();
            derived == Some(*id) || said.contains(&*id.simple().encode_lower(&mut buffer))
        }))
    }

    /// The identifier of an item that was published without one, as it follows from where its event was stored.
    fn derived(&self, stored: &Stored) -> Option<Uuid> {
        match self.stream {
            TODO => Some(self.history.identity(stored.seq).derive_id(stored.seq)),
            DEAD_LETTERS | REPLAYS => {
                let record = read_origin(&stored.readable_headers()).ok()?;
                Some(record.origin.derived_id())
            }
            _ => None,
        }
    }
}

/// The same in small letters, without the hyphens that an identifier may have or not, and without the zeros that
/// UTF-16 has.
fn plain(bytes: &[u8]) -> Vec<u8> {
    let bytes = bytes.iter().filter(|byte| !matches!(byte, b'-' | 0));
    bytes.map(u8::to_ascii_lowercase).collect()
}
