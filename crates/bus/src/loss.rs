//! Detection and repair of a stream that lost its end.
//!
//! A broker whose machine loses its power, or whose store is damaged, may come back without the last
//! events that it had stored, and assigns their sequences to the next ones. Its groups' consumers are
//! then ahead of the stream: servers such as 2.9 deliver nothing to them before the stream has reached
//! their sequence again, and newer ones move them back and report nothing. Either way the next events
//! look like those that were lost. So somebody has to notice, record the sequence from which on the
//! stream counts anew ([`History`]), and recreate the consumers before the new events.

use std::collections::BTreeMap;

use async_nats::jetstream::consumer::Info;
use futures_util::TryStreamExt;
use serde_json::{Value, from_slice, json};
use time::OffsetDateTime;
use tokio::time::{Duration, sleep};
use tracing::warn;

use crate::{Bus, CapacityError, History, REPLAYS, TODO, capacity::failed, history::purpose};

/// Time after which an apparent loss is checked once more: on a cluster, a server that has just become
/// the leader may report an older state than the one before it.
const CONFIRM: Duration = Duration::from_millis(300);

/// State of the streams at the last check.
#[derive(Default)]
pub struct LossWatch {
    streams: BTreeMap<&'static str, Known>,
    /// Number of connections made when the consumers of all streams were last checked.
    connects: u64,
}

/// A stream as it was seen last.
struct Known {
    history: History,
    last: u64,
    /// Time at which the broker stored the last event.
    last_at: OffsetDateTime,
}

/// A stream that has lost its end, and whose consumers were recreated.
#[derive(Debug, PartialEq, Eq)]
pub struct Loss {
    /// The stream.
    pub stream: &'static str,
    /// The first sequence that is assigned a second time.
    pub from: u64,
    /// The highest sequence that it is known to have had.
    pub highest: u64,
    /// The sequence from which on the groups continue, and get events again that they have had.
    pub again: u64,
    /// The groups whose consumers were recreated.
    pub groups: Vec<String>,
}

impl Bus {
    /// Checks whether the stream of events, or that of replays, has lost its end, and repairs it: the
    /// events stored since count as new, and every group gets them.
    ///
    /// To be called about every second: the more is known from before the loss, the fewer events are
    /// delivered again. Events that were handled already are recognised by their old position, so that
    /// they change nothing. Of those that were stored within a second before the loss and are still
    /// there, nobody can tell whether they were stored after it: they count as new, since to lose a
    /// change is worse than to make it twice.
    pub async fn mend_losses(&self, watch: &mut LossWatch) -> Result<Vec<Loss>, CapacityError> {
        let connects = self
            .client
            .statistics()
            .connects
            .load(std::sync::atomic::Ordering::Relaxed);
        let is_new = watch.connects != connects;
        let known = &mut watch.streams;
        let loss = self.mend_loss(TODO, true, is_new, known).await?;
        let mut losses = Vec::from_iter(loss);
        // Once for each connection: a broker that does not permit this is not asked again and again.
        // While a connection lasts, few streams lose anything, and few groups get replays.
        watch.connects = connects;
        match self.mend_loss(REPLAYS, is_new, is_new, known).await {
            Ok(loss) => losses.extend(loss),
            Err(error) if losses.is_empty() => return Err(error),
            // Losses that were repaired have to be reported all the same.
            Err(error) => warn!("{error}: {}", error.source),
        }
        Ok(losses)
    }

    async fn mend_loss(
        &self,
        stream: &'static str,
        look_at_places: bool,
        is_new: bool,
        known: &mut BTreeMap<&'static str, Known>,
    ) -> Result<Option<Loss>, CapacityError> {
        let look = StreamSnapshot::at(self, stream, look_at_places).await?;
        let before = known
            .get(stream)
            .filter(|known| known.history == look.history);
        let reached = look.highest(before);
        // Permissions let single messages be read of the stream of events only.
        let renewed = before.filter(|_| is_new && stream == TODO);
        if !self.is_lost(&look, reached, renewed).await? {
            known.insert(stream, look.into_known());
            return Ok(None);
        }
        sleep(CONFIRM).await;
        let look = StreamSnapshot::at(self, stream, true).await?;
        if !self.is_lost(&look, reached, renewed).await? {
            known.insert(stream, look.into_known());
            return Ok(None);
        }
        let highest = look.highest(before);
        // The replays that are left are those that nobody has handled.
        let from = match before.filter(|_| stream == TODO) {
            Some(before) => self.first_after(&look, before.last_at).await?,
            None => look.last + 1,
        };
        let places = look.places.iter();
        let places = places.filter(|place| place.config.durable_name.is_some());
        // If nothing is known from before, the events stored until now may be new, too.
        let again = match before {
            Some(_) => places.clone().map(next_unsettled).fold(from, u64::min),
            None => 1,
        };
        let history = look
            .history
            .lost(from, highest, again, OffsetDateTime::now_utc());
        self.record_history(stream, &history).await?;
        let (mut groups, mut failed) = (Vec::new(), None);
        for place in places {
            match self.recreate_consumer(place, again).await {
                Ok(()) => groups.push(place.name.clone()),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        known.remove(stream);
        if let Some(error) = failed {
            return Err(error);
        }
        Ok(Some(Loss {
            stream,
            from,
            highest,
            again,
            groups,
        }))
    }

    /// Returns whether the stream has lost something that it had. So much may have been stored since that
    /// it has reached the same sequence again; so on a new connection the event there is compared with
    /// the one `before`.
    async fn is_lost(
        &self,
        look: &StreamSnapshot,
        reached: u64,
        before: Option<&Known>,
    ) -> Result<bool, CapacityError> {
        if reached > look.last {
            return Ok(true);
        }
        let Some(before) = before else {
            return Ok(false);
        };
        match self
            .look_at(look.stream, json!({ "seq": before.last }))
            .await?
        {
            Some(event) => Ok(event.time != before.last_at),
            // It was removed in good order, or is lost.
            None => Ok(self.first_after(look, before.last_at).await? <= before.last),
        }
    }

    /// Returns the sequence of the first event that the stream stored after `time`, or of the next one
    /// that it stores.
    async fn first_after(
        &self,
        look: &StreamSnapshot,
        time: OffsetDateTime,
    ) -> Result<u64, CapacityError> {
        let (mut low, mut high) = (look.first.max(1), look.last + 1);
        let mut first = high;
        while low < high {
            let middle = low + (high - low) / 2;
            let question = json!({ "seq": middle, "next_by_subj": ">" });
            match self.look_at(look.stream, question).await? {
                Some(event) if event.time <= time => low = event.seq + 1,
                // It may be behind a gap, of what was removed in good order.
                Some(event) => (first, high) = (event.seq, middle),
                None => high = middle,
            }
        }
        Ok(first)
    }

    /// Writes the history into the stream's description, and leaves all other settings as they are, also
    /// those that this release does not know.
    async fn record_history(&self, stream: &str, history: &History) -> Result<(), CapacityError> {
        let mut config = self
            .api(format!("STREAM.INFO.{stream}"), &json!({}))
            .await?["config"]
            .take();
        let told = purpose(config["description"].as_str().unwrap_or_default());
        config["description"] = history.describe(told).into();
        self.api(format!("STREAM.UPDATE.{stream}"), &config).await?;
        Ok(())
    }

    /// Recreates a group's consumer, so that it delivers the events from `again` on. The group's members
    /// learn of it: their pull requests end because the old consumer was deleted.
    async fn recreate_consumer(&self, place: &Info, again: u64) -> Result<(), CapacityError> {
        let Info {
            stream_name: stream,
            name,
            config,
            ..
        } = place;
        let mut config = json!(config);
        if stream == TODO {
            config["deliver_policy"] = "by_start_sequence".into();
            config["opt_start_seq"] = again.into();
        }
        let filter = config["filter_subject"].as_str().unwrap_or_default();
        let to = match filter {
            "" => format!("CONSUMER.CREATE.{stream}.{name}"),
            filter => format!("CONSUMER.CREATE.{stream}.{name}.{filter}"),
        };
        let asked = json!({ "stream_name": stream, "config": config });
        // Members that hear of the deletion wait for a moment before they create the consumer themselves,
        // which would start with the first stored event.
        let gone = format!("CONSUMER.DELETE.{stream}.{name}");
        self.api(gone, &json!({})).await?;
        self.api(to, &asked).await.map(drop)
    }

    /// Sends a request to the broker's own API.
    async fn api(&self, what: String, question: &Value) -> Result<Value, CapacityError> {
        let failed =
            failed::<Box<dyn std::error::Error + Send + Sync>>("mend what a stream has lost");
        let subject = format!("$JS.API.{what}");
        let answer = self
            .client
            .request(subject, question.to_string().into())
            .await;
        let answer = answer.map_err(|error| failed(error.into()))?;
        let answer: Value = from_slice(&answer.payload).map_err(|error| failed(error.into()))?;
        match answer.get("error") {
            None => Ok(answer),
            Some(error) => Err(failed(format!("{what}: {error}").into())),
        }
    }
}

/// Returns the first sequence that a group may not have settled. One with nothing pending or in flight
/// has settled all that it wants.
fn next_unsettled(place: &Info) -> u64 {
    if place.num_pending == 0 && place.num_ack_pending == 0 {
        u64::MAX
    } else {
        place.ack_floor.stream_sequence + 1
    }
}

/// A stream and its consumers, as they are now.
struct StreamSnapshot {
    stream: &'static str,
    history: History,
    first: u64,
    last: u64,
    last_at: OffsetDateTime,
    places: Vec<Info>,
}

impl StreamSnapshot {
    /// Reads the consumers first: without a loss, none of them is past the end of the stream, which is
    /// read after.
    async fn at(
        bus: &Bus,
        name: &'static str,
        look_at_places: bool,
    ) -> Result<Self, CapacityError> {
        let stream = bus.stream(name).await?;
        let places = if look_at_places {
            let places = stream.consumers().try_collect().await;
            places.map_err(failed("ask for the groups"))?
        } else {
            Vec::new()
        };
        let stream = bus.stream(name).await?;
        let info = stream.cached_info();
        Ok(Self {
            stream: name,
            history: History::of(info),
            first: info.state.first_sequence,
            last: info.state.last_sequence,
            last_at: info.state.last_timestamp,
            places,
        })
    }

    /// Returns the highest sequence that the stream is known to have had.
    fn highest(&self, before: Option<&Known>) -> u64 {
        let given = self
            .places
            .iter()
            .map(|place| place.delivered.stream_sequence);
        let known = before.map_or(0, |known| known.last);
        given.fold(self.last.max(known), u64::max)
    }

    fn into_known(self) -> Known {
        Known {
            history: self.history,
            last: self.last,
            last_at: self.last_at,
        }
    }
}
