//! The numbering of a stream: since when it counts, and from where on it assigned sequences again after a
//! loss.
//!
//! Two events must never have one identity, and a later event must never sort before an earlier one. The
//! creation time that the server reports does not guarantee that: some servers move it when settings
//! change and they are restarted (2.9 to 2.14), and a server that lost its last blocks assigns the
//! sequences of lost events to new ones. So the stream's description records since when it counts: every
//! server keeps that as given, and no update moves it.

use std::sync::Arc;

use async_nats::jetstream::stream::{Config, Info};
use events::StreamIdentity;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

/// Text of a description between the stream's purpose and the time since which it counts.
const COUNTED: &str = "; counted since ";

/// Text between two such times; the first sequence that counts anew follows it.
const FROM: &str = "; from ";

/// Text between that sequence and its time.
const SINCE: &str = " since ";

/// Text between that time and the sequence from which on groups got events again.
const AGAIN: &str = ", given again from ";

/// Number of chapters that fit into a description, which may have 4096 bytes.
const MOST_CHAPTERS: usize = 40;

/// The identities of a stream, each from a sequence on. There is more than one only where the server lost
/// the end of the stream: the events that it stored then have the sequences of lost ones, and another
/// identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The latest last, and never empty.
    chapters: Vec<Chapter>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Chapter {
    from: u64,
    identity: Arc<StreamIdentity>,
    /// The sequence from which on every group got events again when the chapter began.
    again: u64,
}

impl History {
    /// Reads the history in the stream's description. A stream that an earlier release created has none
    /// there; it counts since the creation time that its server reports.
    pub fn read(name: &str, description: Option<&str>, created: OffsetDateTime) -> Self {
        let recorded = description.and_then(|text| recorded(name, text));
        recorded.unwrap_or_else(|| Self::since(name, created))
    }

    /// Begins the history of a stream that has no other.
    pub(crate) fn since(name: &str, begun: OffsetDateTime) -> Self {
        let first = Chapter {
            from: 1,
            identity: Arc::new(StreamIdentity::new(name, begun)),
            again: 1,
        };
        Self {
            chapters: vec![first],
        }
    }

    pub(crate) fn of(info: &Info) -> Self {
        let Config {
            name, description, ..
        } = &info.config;
        Self::read(name, description.as_deref(), info.created)
    }

    /// Returns the identity that the stream has at `sequence`.
    pub fn identity(&self, sequence: u64) -> &Arc<StreamIdentity> {
        let later = |chapter: &&Chapter| chapter.from <= sequence;
        let chapter = self.chapters.iter().rev().find(later);
        // The first one covers every sequence that the others do not.
        &chapter.unwrap_or(&self.chapters[0]).identity
    }

    /// Yields the sequences from which on groups got events again after a loss, the latest first.
    pub(crate) fn given_again(&self) -> impl Iterator<Item = u64> {
        let losses = self.chapters[1..].iter().rev();
        losses.map(|chapter| chapter.again)
    }

    /// Returns the history after a loss: from the sequence `from` on the stream counts anew, with
    /// positions after the `highest` sequence that it is known to have had, whatever the clock says.
    /// Groups get events again from `again`.
    pub(crate) fn lost(&self, from: u64, highest: u64, again: u64, now: OffsetDateTime) -> Self {
        let last = &self.chapters[self.chapters.len() - 1].identity;
        let highest = i64::try_from(highest).unwrap_or(i64::MAX);
        let reached = Duration::microseconds(highest.saturating_add(1));
        let after = last.created().saturating_add(reached);
        let mut chapters = self.chapters.clone();
        // A chapter that was lost once more has no event left.
        chapters.retain(|chapter| chapter.from < from || chapter.from == 1);
        chapters.push(Chapter {
            from,
            identity: Arc::new(StreamIdentity::new(last.name(), now.max(after))),
            again,
        });
        if chapters.len() > MOST_CHAPTERS {
            chapters.remove(0);
        }
        Self { chapters }
    }

    /// Returns the description of a stream with this history and `purpose`.
    pub(crate) fn describe(&self, purpose: &str) -> String {
        let since = |chapter: &Chapter| {
            let since = chapter.identity.created().format(&Rfc3339);
            since.unwrap_or_default()
        };
        let mut text = format!("{purpose}{COUNTED}{}", since(&self.chapters[0]));
        for chapter in &self.chapters[1..] {
            let Chapter { from, again, .. } = chapter;
            let since = since(chapter);
            text = format!("{text}{FROM}{from}{SINCE}{since}{AGAIN}{again}");
        }
        text
    }
}

/// Returns the purpose of the stream in such a description.
pub(crate) fn purpose(description: &str) -> &str {
    description
        .split_once(COUNTED)
        .map_or(description, |(purpose, _)| purpose)
}

/// Parses the history in a description. `None` if it has none, or not in this format.
fn recorded(name: &str, description: &str) -> Option<History> {
    let (_, told) = description.split_once(COUNTED)?;
    let mut told = told.split(FROM);
    let identity = |text: &str| {
        let begun = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        Some(Arc::new(StreamIdentity::new(name, begun)))
    };
    let mut chapters = vec![Chapter {
        from: 1,
        identity: identity(told.next()?)?,
        again: 1,
    }];
    for chapter in told {
        let (from, rest) = chapter.split_once(SINCE)?;
        let (since, again) = rest.split_once(AGAIN)?;
        chapters.push(Chapter {
            from: from.parse().ok()?,
            identity: identity(since)?,
            again: again.parse().ok()?,
        });
    }
    Some(History { chapters })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::{History, MOST_CHAPTERS, purpose};

    const CREATED: time::OffsetDateTime = datetime!(2026-11-20 12:00:00.123456789 UTC);

    #[test]
    fn a_history_is_read_as_it_was_described_and_whatever_the_server_says_of_the_creation() {
        let lost = CREATED + time::Duration::DAY;
        let history = History::since("TODO", CREATED).lost(215, 400, 200, lost);
        let text = history.describe("every event");
        let said = "every event; counted since 2026-11-20T12:00:00.123456789Z; \
                    from 215 since 2026-11-21T12:00:00.123456789Z, given again from 200";
        assert_eq!(text, said);
        assert_eq!(purpose(&text), "every event");
        let moved = CREATED + time::Duration::WEEK;
        assert_eq!(History::read("TODO", Some(&text), moved), history);
        assert_eq!(history.given_again().collect::<Vec<_>>(), [200]);
    }

    #[test]
    fn a_stream_of_an_earlier_release_counts_since_its_creation() {
        for description in [None, Some("every event"), Some("odd; counted since ever")] {
            let history = History::read("TODO", description, CREATED);
            assert_eq!(history, History::since("TODO", CREATED));
            assert_eq!(history.identity(7).created(), CREATED);
        }
    }

    #[test]
    fn what_is_stored_after_a_loss_is_later_than_all_before_it_and_another_event() {
        let first = History::since("TODO", CREATED);
        // The clock of the process that records it went back.
        let history = first.lost(215, 400, 215, CREATED - time::Duration::DAY);
        let position = |history: &History, at| history.identity(at).position(at);
        assert_eq!(position(&history, 214), position(&first, 214));
        assert!(position(&history, 215) > position(&first, 400));
        let id = |history: &History| history.identity(215).derive_id(215);
        assert_ne!(id(&history), id(&first));
        // A second loss, of everything that was stored since the first one too.
        let again = history.lost(100, 230, 90, CREATED);
        assert_eq!(again.given_again().collect::<Vec<_>>(), [90]);
        assert!(position(&again, 100) > position(&history, 230));
    }

    #[test]
    fn a_description_has_room_for_any_number_of_losses() {
        let mut history = History::since("TODO", CREATED);
        for loss in 1..200 {
            let at = 1_000_000_000_000 + loss;
            history = history.lost(at, at, at, CREATED);
        }
        assert_eq!(history.given_again().count(), MOST_CHAPTERS - 1);
        assert!(history.describe("every event of the todo lists").len() < 4096);
    }
}
