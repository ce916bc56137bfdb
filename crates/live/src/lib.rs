//! Server-sent events of saved items, for all subscribers of a process.
//!
//! The promises:
//!
//! * A process has one feed from the broker for any number of subscribers ([`Subscriber`]), and each of them
//!   gets every change of the lists that it watches, in the stream's order. The event id is the stream's
//!   sequence.
//! * A subscriber that reconnects sends the id of its last event ([`LastEventId`]) and gets the changes that it
//!   missed, from memory or from the stream. If they cannot be sent in order any more, it gets one event
//!   `reset` instead, and then reads the whole state anew. So a slow subscriber costs a fresh state, and
//!   hardly any memory: only changes that were read from the stream are kept for it, which is done for few
//!   at a time, and for each for half a minute at most.
//! * All event streams end at shutdown.

mod channels;
mod hub;
mod last_event_id;
mod replay;
mod subscriber;
mod watched;

pub use hub::{ChannelKind, Hub};
pub use last_event_id::{LAST_EVENT_ID, LastEventId};
pub use subscriber::Subscriber;
pub use watched::Watched;
