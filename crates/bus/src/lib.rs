//! The broker: publish, join a group, acknowledge, dead letters, requests and responses. This is the only
//! crate that knows that it is NATS.
//!
//! The promises:
//!
//! * [`Bus::publish`] says yes only after the stream has stored the event; any other answer means
//!   that trying again with the same id is right, and never makes two.
//! * A [`Group`] hands each event of the stream, from the first one, to one of its members, again
//!   and again until a member settles it. What cannot be handled goes to the dead letters with
//!   the reason; an outage delays and blames no event.
//! * [`Replies`] hands a reply to the caller that waits for it, if it comes in time. It may be lost, and
//!   then the caller waited for nothing; what the reply is about is not lost with it.
//! * [`Bus::ask`] returns a response in time, or the reason why there is none. Members that
//!   [`answer`](Bus::answer) share the requests.
//! * The ledger ([`Bus::note`]) is a key-value store with compare and set: of several writers that have
//!   seen the same revision, one may write. It keeps an entry for a day, if it has the capacity.
//! * A client that connects as a member of a service answers service discovery by itself.
//!   [`Bus::roll_call`] waits for nobody longer than it was told to.
//! * The connection comes back by itself, and so do the groups.
//!
//! # Adding a group
//!
//! ```no_run
//! # async fn example(stop: tokio_util::sync::CancellationToken) -> Result<(), Box<dyn std::error::Error>> {
//! use bus::{Bus, Delivery, Failure};
//! use events::TodoEvent;
//!
//! let bus = Bus::connect("nats://localhost:4222", "mail-handler", "mail-handler-1").await?;
//! bus.group("mail-handler", events::ALL_SUBJECTS)
//!     .each(stop, async |event: &Delivery<TodoEvent>| {
//!         println!("{}", event.meta.id);
//!         Ok::<(), Failure>(())
//!     })
//!     .await?;
//! # Ok(())
//! # }
//! ```

mod access;
mod ask;
mod bookmark;
mod connection;
mod dead;
mod delivery;
mod dial;
mod echo;
mod erase;
mod feed;
mod gather;
mod group;
mod hand;
mod handler;
mod headers;
mod history;
mod joining;
mod ledger;
mod link;
mod loss;
mod member;
mod outage;
mod places;
mod publish;
mod pull;
mod reach;
mod refusals;
mod replies;
mod roll;
mod room;
mod settle;
mod spans;
mod streams;
mod subject;
mod subscribe;
mod underway;
mod unreadable;

pub use ask::{AnswerError, AskError, Refusal, Topic};
pub use bookmark::{Bookmark, BookmarkError};
pub use connection::{Bus, ConnectError};
pub use dead::{DeadEvent, DeadLetter, DeadLettersState, Desk, DeskError, LETTER_HEADERS};
pub use delivery::{Delivery, Failure};
pub use erase::{EraseError, Texts};
pub use feed::{Fed, Feed, Start};
pub use group::{Batches, Group, GroupError, Patience, Retries};
pub use history::History;
pub use joining::group_settings;
pub use ledger::{LARGEST_NOTE, LEDGER, LedgerError, NOTED_FOR, Note};
pub use loss::{Loss, LossWatch};
pub use places::RemoveError;
pub use publish::{PublishError, Stored};
pub use reach::Reach;
pub use replies::{Expected, Replies};
pub use roll::{LastError, Missing, Present, Regulars, RollCallError, Roster, Work};
pub use room::{GroupStanding, RoomError, Standing};
pub use streams::{DEAD_LETTERS, REPLAYS, StreamError, Streams, TODO};
pub use subscribe::{Heard, SubscribeError, Subscription};
pub use unreadable::{Inspection, Unreadable};
