//! What was saved, pushed to whoever watches, as server-sent events.
//!
//! The promises:
//!
//! * A process has one feed from the broker, however many [`Visitor`]s listen, and each of them gets every
//!   change of what it watches, in the stream's order. The id of an event is the stream's sequence.
//! * A visitor that comes back says which id it had last ([`Place`]) and gets what it missed, from memory or from
//!   the stream. What cannot be given in order any more is given up with one event `reset`: the
//!   visitor then takes its state anew. So a slow one costs a fresh state, and hardly any memory: only what comes
//!   from the stream is kept for it, which few at a time get, and each for half a minute at most.
//! * All streams end at the stop.

mod board;
mod hub;
mod place;
mod replay;
mod visitor;
mod watched;

pub use hub::{Audience, Hub};
pub use place::{LAST_EVENT_ID, Place};
pub use visitor::Visitor;
pub use watched::Watched;
