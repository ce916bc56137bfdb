//! `GET /openapi.json`: the OpenAPI 3.1 document of this API, assembled from declarations beside each
//! handler.
//!
//! A handler declares in `#[utoipa::path(…)]` its parameters, its successful responses, and the sets of
//! refusals ([`refusals`]) that it can answer with. Responses that come from layers before all addresses are
//! added here. `docs/openapi.json` is the same document; `cargo xtask docs` writes it, and a test compares.

pub(crate) mod parameters;
pub(crate) mod refusals;
pub(crate) mod schemas;

use axum::{
    Extension, Router,
    body::Bytes,
    http::{HeaderMap, header},
    response::IntoResponse,
};
use service::{http::json_body, problem::Problem};
use utoipa::{
    OpenApi,
    openapi::{
        self, Header, PathItem, RefOr, Type,
        path::Operation,
        schema::ObjectBuilder,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;

use crate::{accept, options};

/// General description in the document.
const ABOUT: &str = "\
Lists items, and turns requests to add and change them into events. `202` means that the broker has stored \
the event: what follows from it will come, a moment later. With `Prefer: wait=N` the answer comes when the \
item is saved, up to N seconds later.

Every refusal is a problem document (RFC 9457) with a stable `type`, listed in `docs/problems.md`. Every \
answer has the request's identity in the header `x-request-id`, the caller's own if it sent one. Every \
address answers `OPTIONS`, and `HEAD` where it answers `GET`; any other method is answered with 405 and \
`Allow`.

The document describes this deployment: where it lists no token, none is needed.";

#[derive(OpenApi)]
#[openapi(
    info(title = "Todo on events", description = ABOUT, license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    servers((url = "/")),
    components(schemas(schemas::Problem)),
    tags(
        (name = "items", description = "What there is to do."),
        (name = "todos", description = "The same, as programs written for Todo-Backend know it: pages of every site may use \
                                        them, and each write is answered when it is saved."),
        (name = "documents", description = "What this API and the services behind it say of themselves; for everybody."),
    ),
)]
struct Api;

/// The document with nothing in it yet.
pub(crate) fn empty() -> openapi::OpenApi {
    let mut api = Api::openapi();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("one of the tokens in `API_TOKENS`, where it is set"))
        .build();
    let components = api.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    components.responses.extend(refusals::components());
    api
}

/// Audience of a group of addresses.
#[derive(Clone, Copy)]
pub(crate) enum For {
    Everybody,
    /// Callers, who may be rate limited and may need a token.
    Callers {
        with_token: bool,
    },
}

/// Splits `routes` into a router, with `OPTIONS` at each address, and its declarations, which are merged into
/// `api` together with the responses of the layers before them, which depend on the audience `whom`.
pub(crate) fn declared<S: Clone + Send + Sync + 'static>(
    routes: OpenApiRouter<S>,
    whom: For,
    api: &mut openapi::OpenApi,
) -> Router<S> {
    let (mut routes, mut declared) = routes.split_for_parts();
    for (path, item) in &mut declared.paths.paths {
        routes = routes.route(path, options::allow(methods(item)));
        operations(item).for_each(|operation| behind_layers(operation, whom));
    }
    api.merge(declared);
    routes
}

fn behind_layers(operation: &mut Operation, whom: For) {
    let responses = &mut operation.responses.responses;
    if let For::Callers { .. } = whom {
        responses.insert("429".to_owned(), refusals::refusal("429"));
    }
    if let For::Callers { with_token: true } = whom {
        responses.insert("401".to_owned(), refusals::refusal("401"));
        operation.security = Some(vec![SecurityRequirement::new("token", [] as [&str; 0])]);
    }
    for status in ["500", "503"] {
        responses.insert(status.to_owned(), refusals::refusal(status));
    }
    for response in responses.values_mut() {
        if let RefOr::T(response) = response {
            let headers = &mut response.headers;
            headers.insert("x-request-id".to_owned(), RefOr::T(request_id()));
        }
    }
}

/// The header with the request id, which every response has.
pub(crate) fn request_id() -> Header {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(64));
    let about =
        "the request's identity, which the logs and the events that it brings about have too";
    let mut header = Header::new(text.build());
    header.description = Some(about.to_owned());
    header
}

pub(crate) fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem {
        get,
        post,
        put,
        patch,
        delete,
        ..
    } = item;
    [get, post, put, patch, delete].into_iter().flatten()
}

/// The methods that an address supports, as in `Allow`.
fn methods(item: &PathItem) -> String {
    let known = [
        (item.get.is_some(), "GET,HEAD"),
        (item.post.is_some(), "POST"),
        (item.put.is_some(), "PUT"),
        (item.patch.is_some(), "PATCH"),
        (item.delete.is_some(), "DELETE"),
    ];
    let known = known.iter().filter(|(known, _)| *known);
    let mut methods: Vec<_> = known.map(|(_, method)| *method).collect();
    methods.push("OPTIONS");
    methods.join(",")
}

/// The document as it is sent.
#[derive(Clone)]
pub(crate) struct Document(Bytes);

impl Document {
    pub(crate) fn of(api: &openapi::OpenApi) -> Self {
        Self(json_body(api).into())
    }
}

/// Answers with the document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    tag = "documents",
    summary = "This document",
    description = "",
    responses(
        (status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = Object),
        refusals::Documents,
    ),
)]
pub(crate) async fn json(
    Extension(Document(document)): Extension<Document>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    const JSON: &str = "application/json";
    accept::expect(&headers, JSON)?;
    Ok(([(header::CONTENT_TYPE, JSON)], document))
}
