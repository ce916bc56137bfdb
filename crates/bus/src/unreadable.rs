//! Events that no member can read.
//!
//! The broker stores whatever bytes stand in a message's headers and subject. Our client library drops
//! the connection at some of them and crashes at others, before anybody here sees the message; it is
//! redelivered again and again, and holds up the messages that come with it. So somebody has to notice
//! that a group makes no progress, read its in-flight events in another way, store dead letters of those
//! that no member can read, and remove them.

mod wire;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_nats::{
    HeaderMap,
    jetstream::{ErrorCode, stream::DeleteMessageErrorKind},
};
use base64::{DecodeError, Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use events::Origin;
use serde::Deserialize;
use serde_json::{Value, from_slice, json};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::{
    Bus, CapacityError, GroupStatus, History, StreamStatus, TODO, capacity::failed,
    dead_letters::DeadLetterDraft, subject::overlap,
};
use wire::Headers;

/// Time without progress after which the in-flight events of a group are inspected.
const STALLED_AFTER: Duration = Duration::from_secs(2);

/// Limit of events that are inspected in one go.
const MAX_REMOVALS: u64 = 1000;

/// State of the inspection of each group.
#[derive(Default)]
pub struct Inspection {
    groups: BTreeMap<String, ConsumerPosition>,
}

/// Progress of a group and of its inspection.
struct ConsumerPosition {
    settled: u64,
    since: Instant,
    /// The sequence up to which its events were inspected.
    inspected: u64,
}

/// An event that could not be read, and was removed.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its sequence in the stream.
    pub sequence: u64,
    /// The reason why it cannot be read.
    pub reason: String,
}

/// The broker's response to a request for one message.
#[derive(Deserialize)]
struct Answer {
    message: Option<Stored>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    err_code: u64,
    description: String,
}

/// A message as the broker's own API returns it: nothing in it is parsed on the way.
#[derive(Deserialize)]
pub(crate) struct Stored {
    pub(crate) seq: u64,
    subject: String,
    #[serde(default)]
    hdrs: String,
    #[serde(default)]
    data: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) time: OffsetDateTime,
}

impl Stored {
    /// Its headers and its body, as they are stored.
    pub(crate) fn bytes(&self) -> Result<(Vec<u8>, Vec<u8>), DecodeError> {
        let decode = |text: &str| BASE64_STANDARD.decode(text);
        Ok((decode(&self.hdrs)?, decode(&self.data)?))
    }

    /// Those of its headers that can be read.
    pub(crate) fn readable_headers(&self) -> HeaderMap {
        let headers = BASE64_STANDARD.decode(&self.hdrs).unwrap_or_default();
        Headers::read(&headers).readable
    }
}

impl Bus {
    /// Inspects the in-flight events of groups that make no progress, and removes those that no member
    /// can read, with a dead letter for each group that would have got them.
    ///
    /// To be called again and again, about every second. An event is inspected once, unless the broker
    /// did not answer. Cancel safe: an event that is not removed yet is found again, and has one dead
    /// letter only.
    pub async fn remove_unreadable(
        &self,
        standing: &StreamStatus,
        inspection: &mut Inspection,
    ) -> Result<Vec<Unreadable>, CapacityError> {
        let mut removed = Vec::new();
        for (from, to, place) in inspection.due(standing) {
            for sequence in from..=to {
                removed.extend(self.inspect(sequence, standing).await?);
                place.inspected = sequence;
            }
        }
        Ok(removed)
    }

    async fn inspect(
        &self,
        sequence: u64,
        standing: &StreamStatus,
    ) -> Result<Option<Unreadable>, CapacityError> {
        let Some(stored) = self.look_at(TODO, json!({ "seq": sequence })).await? else {
            return Ok(None);
        };
        let (headers, body) = stored.bytes().map_err(failed("read an event"))?;
        let headers = Headers::read(&headers);
        let fault = wire::fault_of_subject(&stored.subject).or(headers.fault);
        let Some(fault) = fault else { return Ok(None) };
        let todo = self.stream(TODO).await?;
        let history = History::of(todo.cached_info());
        let origin = Origin {
            stream: Arc::clone(history.identity(sequence)),
            sequence,
            stored_at: stored.time,
        };
        let reason = format!("cannot be read: {fault}");
        let takes = |group: &GroupStatus| {
            // Several filters, or none: a dead letter too many is noticed, and one too few is not.
            let wants = group.filter.is_empty() || overlap(&group.filter, &stored.subject);
            group.settled < sequence && wants
        };
        let body = Bytes::from(body);
        for (group, _) in standing.groups.iter().filter(|(_, group)| takes(group)) {
            let obituary = DeadLetterDraft {
                group,
                reason: &reason,
                // At least: nobody could count the deliveries.
                attempts: 1,
                place: origin.derived_id(),
                origin: &origin,
                subject: &stored.subject,
                headers: Some(&headers.readable),
                body: body.clone(),
            };
            let buried = self.bury(obituary).await;
            buried.map_err(failed("store a dead letter"))?;
        }
        match todo.delete_message(sequence).await {
            Ok(_) => Ok(Some(Unreadable { sequence, reason })),
            // Another process was faster.
            Err(error) if matches!(error.kind(), DeleteMessageErrorKind::JetStream(_)) => Ok(None),
            Err(error) => Err(failed("remove an event")(error)),
        }
    }

    /// Returns the message that is asked for, if the stream has it.
    pub(crate) async fn look_at(
        &self,
        stream: &str,
        question: Value,
    ) -> Result<Option<Stored>, CapacityError> {
        let failed = failed::<Box<dyn std::error::Error + Send + Sync>>("look at an event");
        let subject = format!("$JS.API.STREAM.MSG.GET.{stream}");
        let answer = self.client.request(subject, question.to_string().into());
        let answer = answer.await;
        let answer = answer.map_err(|error| failed(error.into()))?;
        let answer = from_slice(&answer.payload).map_err(|error| failed(error.into()))?;
        match answer {
            Answer {
                message: Some(stored),
                ..
            } => Ok(Some(stored)),
            Answer {
                error: Some(refusal),
                ..
            } if refusal.err_code == ErrorCode::NO_MESSAGE_FOUND.0 => Ok(None),
            Answer { error, .. } => {
                let said = error.map_or("nothing".to_owned(), |refusal| refusal.description);
                Err(failed(format!("the broker said: {said}").into()))
            }
        }
    }
}

impl Inspection {
    /// Returns the sequences to inspect now, from and to, with the place to record the progress in.
    fn due(&mut self, standing: &StreamStatus) -> Vec<(u64, u64, &mut ConsumerPosition)> {
        let now = Instant::now();
        let busy = |name: &String| standing.groups.get(name).is_some_and(|at| at.in_hand > 0);
        self.groups.retain(|name, _| busy(name));
        for (name, at) in standing.groups.iter().filter(|(name, _)| busy(name)) {
            let place = self.groups.entry(name.clone()).or_insert(ConsumerPosition {
                settled: at.settled,
                since: now,
                inspected: at.settled,
            });
            if place.settled != at.settled {
                place.settled = at.settled;
                place.since = now;
                place.inspected = place.inspected.max(at.settled);
            }
        }
        let stands = self
            .groups
            .iter_mut()
            .filter(|(_, place)| now - place.since >= STALLED_AFTER);
        let due = stands.filter_map(|(name, place)| {
            let from = place.inspected + 1;
            let to = standing
                .groups
                .get(name)?
                .given
                .min(place.inspected + MAX_REMOVALS);
            Some((from, to, place))
        });
        due.collect()
    }
}
