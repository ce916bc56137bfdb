//! What every HTTP request goes through: it gets an identity, is counted and is timed, has a place
//! among those that are answered at a time, and its body is read within limits.

mod body;
mod coding;
mod front;
mod identity;
mod json;
mod origin;
mod quoted;
mod record;
mod slash;
mod span;
mod text;

pub mod push;

use std::net::SocketAddr;

pub use body::{BODY_LIMIT, body, body_up_to, without_mark};
pub use front::{Presentation, fronted, observed};
pub use identity::{REQUEST_ID, RequestId};
pub use json::{Json, Plain, to_json};
pub use origin::origin;
pub use quoted::outside_quotes;
pub use slash::nothing_here;
pub use text::is_text;

/// Where a request comes from, among its extensions. Behind a proxy that is the proxy.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);
