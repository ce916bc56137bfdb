//! Headers and path parameters of requests, for the document. The handlers read them with extractors of their
//! own, whose errors are more precise. Query parameters are declared beside each handler.
#![expect(dead_code, reason = "only the document is made of these")]

use utoipa::IntoParams;
use uuid::Uuid;

/// The path parameter with the id of an item.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct Id {
    /// The item's identifier, as `POST /todo` gave it.
    #[param(example = json!("01a1f961-0f41-7277-9d2b-20d8f82dad2d"))]
    id: Uuid,
}

/// The header `Idempotency-Key`.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct Key {
    /// A text of your own, another one for each thing that you ask for. A request that is sent again with its
    /// key is answered as the first time, for a day, and has no second effect.
    #[param(
        rename = "Idempotency-Key",
        nullable = false,
        pattern = "^[!-~]([ -~]{0,253}[!-~])?$",
        max_length = 255,
        example = json!("5fd2b3a8-order-66")
    )]
    key: Option<String>,
}

/// The header `Prefer`, to wait for the save.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct Wait {
    /// `wait=N`: answer when it is saved, N seconds later at most, and 30 at the longest (RFC 7240). Whatever else
    /// it says is ignored.
    #[param(rename = "Prefer", nullable = false, example = json!("wait=5"))]
    prefer: Option<String>,
}

/// The header `Last-Event-ID` of a subscriber that reconnects.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct LastEventId {
    /// The id of the event that you had last. It counts before `after`.
    #[param(rename = "Last-Event-ID", nullable = false, example = json!("12"))]
    id: Option<String>,
}

/// The header `If-None-Match` of a request that reads.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct IfNoneMatch {
    /// The `ETag` of what you have: if the item is still the same, the answer is 304 and has no body.
    #[param(rename = "If-None-Match", nullable = false, example = json!("\"1\""))]
    tags: Option<String>,
}

/// The header `If-Match` of a request that changes.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct IfMatch {
    /// The `ETag` of the item as you read it: if it is saved in another version when the request comes, the answer
    /// is 412 and nothing happens. What was accepted before and is not saved yet is not seen. Where
    /// `REQUIRE_IF_MATCH` is set, the header has to be there.
    #[param(
        rename = "If-Match",
        nullable = false,
        example = json!("\"1\"")
    )]
    tags: Option<String>,
}
