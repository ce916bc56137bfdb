//! Rendering of responses, from whichever layer, as pages in the visitor's language.

use askama::Template;
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use events::ItemText;
use service::http::{RequestId, ResponseFormat};
use tracing::error;

use crate::{
    assets, back,
    language::Language,
    refusal::Refusal,
    texts::Texts,
    verdict::Change,
    view::{Place, View},
};

/// The content security policy of the pages. It allows their own styles, icon and scripts, and the scripts'
/// requests to this service; anything else in a page, such as another script, was injected.
const ALLOWED: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
                       connect-src 'self'; form-action 'self'; base-uri 'none'; \
                       frame-ancestors 'none'";

/// `Retry-After` (seconds) of a response while a part of the system is unavailable.
const RETRY_AFTER_S: u32 = 1;

/// The data that every page has.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) texts: &'static Texts,
    pub(crate) style: &'static str,
}

/// The page that a refusal is shown as.
#[derive(Template)]
#[template(path = "refusal.html")]
struct RefusalPage<'a> {
    frame: Frame,
    title: &'static str,
    advice: &'static str,
    refusal: &'a Refusal,
    back: String,
}

impl Frame {
    /// The frame of a page in `language`.
    pub(crate) fn new(language: Language) -> Self {
        Self {
            texts: language.0,
            style: assets::path("style.css"),
        }
    }

    /// The hint how long an item's text may be.
    pub(crate) fn item_hint(self) -> String {
        (self.texts.item_hint)(ItemText::LIMIT)
    }
}

/// Answers with a page.
///
/// No browser keeps it: going back to a form that was sent would bring back its key too, and a second
/// item under the same key would be taken for the first one sent twice.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => {
            let headers = [(header::CACHE_CONTROL, "no-store")];
            let mut response = (status, headers, Html(html)).into_response();
            if status == StatusCode::SERVICE_UNAVAILABLE {
                let headers = response.headers_mut();
                headers.insert(header::RETRY_AFTER, RETRY_AFTER_S.into());
            }
            response
        }
        Err(error) => {
            error!(%error, "cannot render a page");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Answers are pages in the visitor's language, refusals too. Headers of what was refused (such as `Allow`)
/// stay.
pub(crate) struct Pages {
    language: Language,
    /// The list that the request came from.
    list: View,
    /// The change that a script has sent; its response is not a page.
    change: Option<Change>,
}

impl ResponseFormat for Pages {
    fn of(request: &Request) -> Self {
        Self {
            language: Language::of(request.headers()),
            list: back::list_of(request.uri(), request.headers()),
            change: Change::of(request),
        }
    }

    fn apply(mut self, mut response: Response, _: &RequestId) -> Response {
        if let Some(change) = self.change.take() {
            response = change.judge(response, self.language.0);
        } else if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
            response = self.show(&refusal, response.headers());
        } else if failed(&response) && !is_page(response.headers()) {
            let refusal = Refusal::of(response.status());
            response = self.show(&refusal, response.headers());
        }
        protect(response.headers_mut());
        response
    }
}

impl Pages {
    /// The page for `refusal`, which takes the place of an answer with the headers `before`.
    fn show(&self, refusal: &Refusal, before: &HeaderMap) -> Response {
        let (title, advice) = (self.language.0.refusal)(refusal.reason);
        let back = refusal.back.as_ref().map(Place::view);
        let template = RefusalPage {
            frame: Frame::new(self.language),
            title,
            advice,
            refusal,
            back: back.as_ref().unwrap_or(&self.list).address(),
        };
        let mut response = page(refusal.status, &template);
        if let Some(allow) = before.get(header::ALLOW) {
            response.headers_mut().insert(header::ALLOW, allow.clone());
        }
        response
    }
}

fn failed(response: &Response) -> bool {
    let status = response.status();
    status.is_client_error() || status.is_server_error()
}

fn is_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

fn protect(headers: &mut HeaderMap) {
    const PROTECTIONS: [(HeaderName, &str); 4] = [
        (header::CONTENT_SECURITY_POLICY, ALLOWED),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in PROTECTIONS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_page(headers) {
        let language = HeaderValue::from_static("accept-language");
        headers.append(header::VARY, language);
    }
}
