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
//! * The ledger ([`Bus::put_entry`]) is a key-value store with compare and set: of several writers that have
//!   seen the same revision, one may write. It keeps an entry for a day, if it has the capacity.
//! * A client that connects as a member of a service answers service discovery by itself.
//!   [`Bus::discover`] waits for nobody longer than it was told to.
//! * The connection comes back by itself, and so do the groups.
//!
//! # Adding a group
//!
//! ```no_run
//! # async fn example(stop: tokio_util::sync::CancellationToken) -> Result<(), Box<dyn std::error::Error>> {
//! use bus::{Bus, Delivery, HandlerError};
//! use events::TodoEvent;
//!
//! let bus = Bus::connect("nats://localhost:4222", "mail-handler", "mail-handler-1").await?;
//! bus.group("mail-handler", events::ALL_SUBJECTS)
//!     .each(stop, async |event: &Delivery<TodoEvent>| {
//!         println!("{}", event.meta.id);
//!         Ok::<(), HandlerError>(())
//!     })
//!     .await?;
//! # Ok(())
//! # }
//! ```

mod access;
mod ack;
mod ask;
mod buffer;
mod capacity;
mod config_mismatch;
mod connection;
mod consumer;
mod consumer_state;
mod dead_letters;
mod delete_group;
mod delivery;
mod discovery;
mod dispatch;
mod durable_reader;
mod erase;
mod feed;
mod gather;
mod group;
mod headers;
mod history;
mod in_flight;
mod ledger;
mod loss;
mod outage;
mod publish;
mod pull;
mod reach;
mod reconnect;
mod refusals;
mod replies;
mod spans;
mod streams;
mod subject;
mod subscribe;
mod unreadable;
mod worker;

pub use ask::{AnswerError, AskError, Refusal, Topic};
pub use capacity::{CapacityError, GroupStatus, StreamStatus};
pub use connection::{Bus, ConnectError};
pub use consumer::group_settings;
pub use dead_letters::{
    DeadEvent, DeadLetter, DeadLetterError, DeadLetters, DeadLettersState, LETTER_HEADERS,
};
pub use delete_group::DeleteGroupError;
pub use delivery::{Delivery, HandlerError};
pub use discovery::{
    DiscoverError, ExpectedMembers, LastError, MemberInfo, Missing, RecentMembers, Work,
};
pub use durable_reader::{DurableReader, DurableReaderError};
pub use erase::{EraseError, Texts};
pub use feed::{Feed, FeedItem, Start};
pub use group::{Batches, Group, GroupError, RedeliveryPolicy, RetryPolicy};
pub use history::History;
pub use ledger::{ENTRY_TTL, LEDGER, LedgerEntry, LedgerError, MAX_ENTRY_BYTES};
pub use loss::{Loss, LossWatch};
pub use publish::{PublishError, Stored};
pub use reach::Reach;
pub use replies::{Expected, Replies};
pub use streams::{DEAD_LETTERS, REPLAYS, StreamError, Streams, TODO};
pub use subscribe::{ReceivedMessage, SubscribeError, Subscription};
pub use unreadable::{Inspection, Unreadable};
