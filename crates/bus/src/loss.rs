//! A stream that lost its end.
//!
//! A broker whose machine loses its power, or whose store is damaged, may come back without the last events that it
//! had stored, and gives their numbers to what comes next. Its groups stand behind those numbers: servers such as 2.9
//! give them nothing before the stream has got there again, and newer ones move them back and say nothing. Either
//! way what is stored next looks like what was lost. So somebody has to notice, write down from where on the stream
//! counts anew ([`History`]), and place the groups before what is new.

use std::collections::BTreeMap;

use async_nats::jetstream::consumer::Info;
use futures_util::TryStreamExt;
use serde_json::{Value, from_slice, json};
use time::OffsetDateTime;
use tokio::time::{Duration, sleep};
use tracing::warn;

use crate::{Bus, History, REPLAYS, RoomError, TODO, history::purpose, room::failed};

/// After how long what looks like a loss is looked at once more: on a cluster, a server that has just taken the
/// lead may tell an older state than the one before it.
const CONFIRM: Duration = Duration::from_millis(300);

/// What is known of the streams from the looks before.
#[derive(Default)]
pub struct LossWatch {
    streams: BTreeMap<&'static str, Known>,
    /// How often the connection had been made when the places of all streams were looked at.
    connects: u64,
}

/// A stream as it was seen last.
struct Known {
    history: History,
    last: u64,
    /// When the broker stored the last event.
    last_at: OffsetDateTime,
}

/// A stream has lost its end, and its groups are in their places again.
#[derive(Debug, PartialEq, Eq)]
pub struct Loss {
    /// Which stream.
    pub stream: &'static str,
    /// The first sequence that is given out a second time.
    pub from: u64,
    /// The highest sequence that it is known to have had.
    pub highest: u64,
    /// Where the groups go on, and are given again what they have had.
    pub again: u64,
    /// The groups that were placed anew.
    pub groups: Vec<String>,
}

impl Bus {
    /// Looks whether the stream of events, or that of replays, has lost its end, and mends what comes of it: what
    /// was stored since counts as new, and every group is given it.
    ///
    /// To be called again and again, about every second: the more is known from before the loss, the less is given
    /// again. What was handled already is known by its old place, so that it changes nothing. Of what was stored
    /// within a second before the loss and is still there, nobody can tell whether it was stored after: it
    /// counts as new, since to lose a change is worse than to make it twice.
    pub async fn mend_losses(&self, watch: &mut LossWatch) -> Result<Vec<Loss>, RoomError> {
        let connects = self
            .client
            .statistics()
            .connects
            .load(std::sync::atomic::Ordering::Relaxed);
        // Once for each connection: a broker that does not let us do it yet is not asked again and again.
        let is_new = std::mem::replace(&mut watch.connects, connects) != connects;
        let mut losses = Vec::new();
        for stream in [TODO, REPLAYS] {
            // While a connection lasts, few lose anything, and few are given replays.
            let look_at_places = stream == TODO || is_new;
            let loss = self.mend_loss(stream, look_at_places, &mut watch.streams);
            match loss.await {
                Ok(loss) => losses.extend(loss),
                Err(error) if losses.is_empty() => return Err(error),
                // What was mended has to be told all the same.
                Err(error) => warn!("{error}: {}", error.source),
            }
        }
        Ok(losses)
    }

    async fn mend_loss(
        &self,
        stream: &'static str,
        look_at_places: bool,
        known: &mut BTreeMap<&'static str, Known>,
    ) -> Result<Option<Loss>, RoomError> {
        let look = Look::at(self, stream, look_at_places).await?;
        let before = known
            .get(stream)
            .filter(|known| known.history == look.history);
        let reached = look.highest(before);
        if reached <= look.last {
            known.insert(stream, look.into_known());
            return Ok(None);
        }
        sleep(CONFIRM).await;
        let look = Look::at(self, stream, true).await?;
        if reached <= look.last {
            known.insert(stream, look.into_known());
            return Ok(None);
        }
        let highest = look.highest(before);
        // Of the replays there is left what nobody has handled.
        let from = match before.filter(|_| stream == TODO) {
            Some(before) => self.first_after(&look, before.last_at).await?,
            None => look.last + 1,
        };
        let places = look.places.iter();
        let places = places.filter(|place| place.config.durable_name.is_some());
        // Where nothing is known from before, what was stored until now may be new, too.
        let again = match before {
            Some(_) => places.clone().map(next_unsettled).fold(from, u64::min),
            None => 1,
        };
        let history = look
            .history
            .lost(from, highest, again, OffsetDateTime::now_utc());
        self.write_down(stream, &history).await?;
        let (mut groups, mut failed) = (Vec::new(), None);
        for place in places {
            match self.place_anew(place, again).await {
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

    /// The sequence of the first event of the stream that was stored after `time`, or will be stored next.
    async fn first_after(&self, look: &Look, time: OffsetDateTime) -> Result<u64, RoomError> {
        let (mut low, mut high) = (look.first.max(1), look.last + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let question = json!({ "seq": middle, "next_by_subj": ">" });
            match self.look_at(look.stream, question).await? {
                Some(event) if event.time <= time => low = event.seq + 1,
                _ => high = middle,
            }
        }
        Ok(high)
    }

    /// Has the stream's description tell its history, and leaves all else as it is, also what this release does
    /// not know.
    async fn write_down(&self, stream: &str, history: &History) -> Result<(), RoomError> {
        let mut config = self
            .api(format!("STREAM.INFO.{stream}"), &json!({}))
            .await?["config"]
            .take();
        let told = purpose(config["description"].as_str().unwrap_or_default());
        config["description"] = history.describe(told).into();
        self.api(format!("STREAM.UPDATE.{stream}"), &config).await?;
        Ok(())
    }

    /// Makes a group's place anew, so that it is given what is stored from `again` on. Its members learn of it: what
    /// they ask for is answered with the end of the old place.
    async fn place_anew(&self, place: &Info, again: u64) -> Result<(), RoomError> {
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
        // Members that hear of the end wait for a moment before they make a place themselves, which would begin
        // with the first stored event.
        let gone = format!("CONSUMER.DELETE.{stream}.{name}");
        self.api(gone, &json!({})).await?;
        self.api(to, &asked).await.map(drop)
    }

    /// Asks the broker's own API.
    async fn api(&self, what: String, question: &Value) -> Result<Value, RoomError> {
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

/// The first sequence that a group may not have settled. One that waits for nothing has settled all that it wants.
fn next_unsettled(place: &Info) -> u64 {
    if place.num_pending == 0 && place.num_ack_pending == 0 {
        u64::MAX
    } else {
        place.ack_floor.stream_sequence + 1
    }
}

/// A stream and the places in it, as they are now.
struct Look {
    stream: &'static str,
    history: History,
    first: u64,
    last: u64,
    last_at: OffsetDateTime,
    places: Vec<Info>,
}

impl Look {
    /// Looks at the places first: none of them may be behind the end of the stream that is seen after.
    async fn at(bus: &Bus, name: &'static str, look_at_places: bool) -> Result<Self, RoomError> {
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

    /// The highest sequence that the stream is known to have had.
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
