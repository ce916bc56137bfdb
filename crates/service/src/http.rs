//! The handling that every HTTP request gets: a request id, metrics, a limit of concurrent requests, and
//! limits on reading its body.

mod body;
mod content_encoding;
mod identity;
mod json;
mod origin;
mod quoted;
mod request_layer;
mod request_metrics;
mod slash;
mod span;
mod text;
mod trace;

pub mod push;

use std::net::SocketAddr;

pub use body::{BODY_LIMIT, body, body_up_to, strip_byte_order_mark};
pub use identity::{REQUEST_ID, RequestId};
pub use json::{Json, Plain, json_body, to_json};
pub use origin::origin;
pub use quoted::outside_quotes;
pub use request_layer::{ResponseFormat, observed, with_request_layer};
pub use slash::nothing_here;
pub use text::is_text;

/// The peer address of a request's connection, as an extension of the request. Behind a proxy it is the
/// proxy's.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);
