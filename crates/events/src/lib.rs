//! The contract between the services: the subjects, the event type of each, its form on the wire, and the
//! values that it is made of.
//!
//! The promise: a value of these types is valid. Text from outside becomes an [`ItemText`] or an
//! [`ItemId`] at the edge or it is refused there, and everything that [`TodoEvent::decode`] accepts can
//! be written back. Nothing here does I/O, reads a clock or draws a random number: the caller makes
//! identifiers and times and passes them in.
//!
//! # Adding an event
//!
//! 1. Write its struct in `todo.rs` and implement [`Event`] for it: its subject is
//!    `events.<area>.<name in lower case>`, its type the struct's name.
//! 2. Give it a variant in [`TodoEvent`] or [`ItemEvent`], and a line in the `match` of `decode.rs`.
//! 3. Pin its wire form by a snapshot in `tests/it/wire.rs`. Snapshots stay for ever: a field may be
//!    added with a default, and never changes its meaning.

mod book;
mod decode;
mod envelope;
mod item;
mod origin;
mod reply;
mod schema;
mod text;
mod todo;
mod trace;
mod visible;
mod when;

pub use decode::{Decode, Malformed, Meta, Raw, Received};
pub use envelope::{Envelope, EventId, header};
pub use item::{ItemId, Order};
pub use origin::{Origin, Position, StreamIdentity};
pub use reply::{Reply, ReplyTo, SaveReply};
pub use text::{InvalidText, ItemText, ListName};
pub use todo::{
    Event, ItemAdded, ItemCompleted, ItemDeleted, ItemEvent, ItemMoved, ItemRenamed, ItemReopened,
    ItemRestored, ItemSaved, NewItem, TodoEvent,
};
pub use trace::TraceContext;

/// Every subject of the product's events.
pub const ALL_SUBJECTS: &str = "events.todo.>";
