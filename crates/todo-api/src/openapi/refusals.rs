//! Refusals, for the document: a response for each status, with an example of each problem.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::json;
use utoipa::{
    IntoResponses,
    openapi::{
        Content, Header, Ref, RefOr, Response, Type,
        example::{Example, ExampleBuilder},
        schema::ObjectBuilder,
    },
};

use super::request_id;

/// A status that requests are refused with.
struct Refusal {
    status: u16,
    /// Its name in the document.
    name: &'static str,
    about: &'static str,
    /// The problems that have it, each with a detail.
    problems: &'static [(&'static str, &'static str)],
}

const fn refusal_of(
    status: u16,
    name: &'static str,
    about: &'static str,
    problems: &'static [(&'static str, &'static str)],
) -> Refusal {
    Refusal {
        status,
        name,
        about,
        problems,
    }
}

const REFUSALS: [Refusal; 16] = [
    refusal_of(
        400,
        "BadRequest",
        "the request cannot be understood",
        &[
            (
                "malformed-json",
                "the body is no JSON: expected value at line 1 column 1",
            ),
            (
                "bad-query",
                "give each parameter of the address at most once, as it is documented",
            ),
            (
                "bad-idempotency-key",
                "`Idempotency-Key` must be given once and have 1 to 255 printable ASCII characters",
            ),
            ("bad-request", "the body did not arrive whole"),
        ],
    ),
    refusal_of(
        401,
        "Unauthorized",
        "a token is needed",
        &[(
            "unauthorized",
            "send one of this service's tokens in the header `Authorization: Bearer …`",
        )],
    ),
    refusal_of(
        404,
        "NotFound",
        "there is nothing, or it is not saved yet: then there is a `Retry-After`",
        &[
            (
                "not-found",
                "there is no item with this id; it may have been deleted, or, while saving lags far \
                 behind, not be saved yet",
            ),
            (
                "not-saved-yet",
                "this item is not saved yet; if it was accepted it appears in a moment: try again, or \
                 ask with `Prefer: wait=10`",
            ),
        ],
    ),
    refusal_of(
        406,
        "NotAcceptable",
        "the header `Accept` rules out every answer",
        &[(
            "not-acceptable",
            "the answer would be `application/json`, which the header `Accept` rules out",
        )],
    ),
    refusal_of(
        408,
        "RequestTimeout",
        "the body took longer than 10 seconds",
        &[("timeout", "the body took too long to arrive; send it again")],
    ),
    refusal_of(
        409,
        "Conflict",
        "a request with this key is being answered now: try again after `Retry-After` seconds",
        &[(
            "request-in-flight",
            "a request with this `Idempotency-Key` is being answered now; send it again later",
        )],
    ),
    refusal_of(
        410,
        "Gone",
        "the item that the key stands for was added and has been deleted",
        &[(
            "deleted-since",
            "the item that this `Idempotency-Key` stands for was added and has been deleted; to add it \
             again, send another key",
        )],
    ),
    refusal_of(
        412,
        "PreconditionFailed",
        "the item is not in the version that `If-Match` names",
        &[(
            "precondition-failed",
            "the item is not as `If-Match` expects: its `ETag` is \"2\" now; read it again",
        )],
    ),
    refusal_of(
        413,
        "ContentTooLarge",
        "the body has more than 16384 bytes, or a batch more than 2 MiB or 1000 items",
        &[
            ("body-too-large", "the body may have up to 16384 bytes"),
            (
                "too-many-items",
                "a batch may have up to 1000 items; nothing of this was accepted",
            ),
        ],
    ),
    refusal_of(
        415,
        "UnsupportedMediaType",
        "the body is not said to be JSON, or packed in a way that is not known here",
        &[
            (
                "unsupported-media-type",
                "send JSON with `Content-Type: application/json`",
            ),
            (
                "unsupported-content-encoding",
                "send the body as it is, or packed once, with `Content-Encoding: gzip` or `deflate`",
            ),
        ],
    ),
    refusal_of(
        422,
        "UnprocessableContent",
        "parts of the request are wrong, each of which is named",
        &[
            ("invalid-field", "change the fields in `errors`"),
            (
                "nothing-to-change",
                "give at least one of `item`, `completed` and `order`",
            ),
            (
                "idempotency-key-reused",
                "this `Idempotency-Key` was sent with another request: another method, address or body; \
                 send a key of its own with each",
            ),
        ],
    ),
    refusal_of(
        428,
        "PreconditionRequired",
        "`If-Match` is needed, where `REQUIRE_IF_MATCH` is set",
        &[(
            "precondition-required",
            "send the `ETag` of the item as you read it in the header `If-Match`",
        )],
    ),
    refusal_of(
        429,
        "TooManyRequests",
        "the caller comes too often, where `REQUESTS_PER_SECOND` is set: try again after `Retry-After` seconds",
        &[(
            "too-many-requests",
            "each caller may send 10 requests a second; send it again later",
        )],
    ),
    refusal_of(
        500,
        "InternalServerError",
        "a mistake of the service; its log says more",
        &[("internal", "")],
    ),
    refusal_of(
        503,
        "ServiceUnavailable",
        "it cannot be done now: try again after `Retry-After` seconds",
        &[(
            "unavailable",
            "this cannot be accepted now; send it again, with the same `Idempotency-Key` if you gave one",
        )],
    ),
    refusal_of(
        504,
        "GatewayTimeout",
        "it was accepted, and was not saved within 10 seconds: it will be",
        &[
            (
                "not-saved-in-time",
                "this was accepted and will be saved, only not within 10 s; look for it later and do not \
                 send it again, unless with the same `Idempotency-Key`",
            ),
            (
                "not-cleared-in-time",
                "not everything was gone within 10 s; what was deleted stays so, and sending this again \
                 deletes the rest",
            ),
        ],
    ),
];

impl Refusal {
    fn response(&self) -> Response {
        let mut content = Content::new(Some(Ref::from_schema_name("Problem")));
        content.examples = self
            .problems
            .iter()
            .map(|(kind, detail)| ((*kind).to_owned(), RefOr::T(self.example(kind, detail))))
            .collect();
        let mut response = Response::new(self.about);
        response
            .content
            .insert("application/problem+json".to_owned(), RefOr::T(content));
        let mut headers = vec![("x-request-id", request_id())];
        match self.status {
            401 => headers.push(("www-authenticate", text("`Bearer`, with what was wrong"))),
            415 => headers.push(("accept-encoding", text("how the body may be packed"))),
            404 | 409 | 429 | 503 => headers.push(("retry-after", seconds())),
            _ => {}
        }
        let headers = headers.into_iter();
        let headers = headers.map(|(name, header)| (name.to_owned(), RefOr::T(header)));
        response.headers = headers.collect();
        response
    }

    fn example(&self, kind: &str, detail: &str) -> Example {
        let status = StatusCode::from_u16(self.status).unwrap_or_default();
        let mut problem = json!({
            "type": format!("/problems/{kind}"),
            "title": status.canonical_reason(),
            "status": self.status,
            "requestId": "01a1f970-fee6-726e-b8f6-b56c51fbadad",
        });
        if !detail.is_empty() {
            problem["detail"] = detail.into();
        }
        if kind == "invalid-field" {
            problem["errors"] =
                json!([{ "field": "item", "detail": "must not be empty or blank" }]);
        }
        let example = ExampleBuilder::new().value(Some(problem));
        example.build()
    }
}

fn text(about: &str) -> Header {
    let mut header = Header::default();
    header.description = Some(about.to_owned());
    header
}

fn seconds() -> Header {
    let number = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1));
    let mut header = Header::new(number.build());
    header.description = Some("after how many seconds to try again".to_owned());
    header
}

/// All of them, by name.
pub(super) fn components() -> BTreeMap<String, RefOr<Response>> {
    let all = REFUSALS.iter();
    all.map(|refusal| (refusal.name.to_owned(), RefOr::T(refusal.response())))
        .collect()
}

/// Returns a reference to the response with this status.
pub(crate) fn refusal(status: &str) -> RefOr<Response> {
    let found = REFUSALS
        .iter()
        .find(|refusal| refusal.status.to_string() == status);
    let name = found.map_or("InternalServerError", |refusal| refusal.name);
    RefOr::Ref(Ref::from_response_name(name))
}

/// Declares sets of refusals, for handlers to name.
macro_rules! sets {
    ($($(#[$doc:meta])* $name:ident: [$($status:literal),*];)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$($status),*].into_iter().map(|status: &str| (status.to_owned(), refusal(status))).collect()
            }
        }
    )*};
}

sets! {
    /// For operations that wait for the save.
    InTime: ["504"];
    /// For operations that read.
    Reading: ["400", "406"];
    /// For documents.
    Documents: ["406"];
    /// For operations with a body.
    Body: ["400", "406", "408", "413", "415", "422"];
    /// For operations with validated parameters.
    Fields: ["422"];
    /// For operations with an optional `Idempotency-Key`.
    Once: ["400", "408", "409", "413", "415", "422"];
    /// For operations whose key determines the id of the item.
    Keyed: ["410"];
    /// For operations on one item.
    OfItem: ["404"];
    /// For operations with an optional `If-Match`.
    Conditional: ["412", "428"];
}
