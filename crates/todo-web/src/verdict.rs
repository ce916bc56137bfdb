//! Responses to the page's scripts: whether a change is accepted, in a form that no intermediary imitates.
//!
//! A browser keeps a change until it is accepted or refused, and a captive portal, a sign-in page or a proxy
//! between it and this service may answer instead, with any status. So a script names its change in the
//! request header [`CHANGE`], and ignores a response that does not name it back. A request without the
//! header gets a page, as for every form.

use axum::{
    extract::Request,
    http::{HeaderName, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use service::http::Json;

use crate::{
    refusal::{Reason, Refusal},
    texts::Texts,
};

/// The header in which a script names its change by its key.
pub(crate) const CHANGE: HeaderName = HeaderName::from_static("todo-change");

/// The name of a change that a script sent.
pub(crate) struct Change(String);

/// The problem of the typed text, in words. A response with it stays the same however often the form is
/// sent.
#[derive(Clone)]
pub(crate) struct Problem(pub(crate) String);

#[derive(Serialize)]
struct Verdict<'a> {
    change: &'a str,
    #[serde(flatten)]
    answer: Answer,
}

/// The outcome of a change. A script keeps a change whose outcome it does not understand.
#[derive(Serialize)]
#[serde(tag = "answer", rename_all = "lowercase")]
enum Answer {
    /// The broker has stored it.
    Accepted,
    /// It will never be accepted, for this reason.
    Refused { why: String },
    /// It may be accepted when it is sent again.
    Later,
}

impl Change {
    /// The change that a request names; none if no script sent it.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let name = request.headers().get(CHANGE)?.to_str().ok()?;
        (request.method() == Method::POST).then(|| Self(name.to_owned()))
    }

    /// Replaces `response` by the change's outcome.
    pub(crate) fn judge(self, mut response: Response, texts: &Texts) -> Response {
        let extensions = response.extensions_mut();
        let refusal = extensions.remove::<Refusal>();
        let problem = extensions.remove::<Problem>();
        let status = refusal
            .as_ref()
            .map_or(response.status(), |refusal| refusal.status);
        let refused = refusal
            .filter(|refusal| refusal.reason.is_final())
            .map(|refusal| (texts.refusal)(refusal.reason).0.to_owned());
        let refused = problem.map(|Problem(problem)| problem).or(refused);
        let (status, answer) = match refused {
            Some(why) => (status, Answer::Refused { why }),
            None if status.is_redirection() => (StatusCode::OK, Answer::Accepted),
            None => (status, Answer::Later),
        };
        let change = &self.0;
        let verdict = Json(Verdict { change, answer });
        let headers = [(header::CACHE_CONTROL, "no-store")];
        (status, headers, verdict).into_response()
    }
}

impl Reason {
    /// Returns whether the same change would be refused again. A refusal that an intermediary caused, or a
    /// version of this service that does not know the change yet, is not final.
    fn is_final(self) -> bool {
        match self {
            Self::BadRequest | Self::UnknownItem | Self::TooLarge => true,
            Self::BadPage
            | Self::NotFound
            | Self::WrongMethod
            | Self::WrongType
            | Self::TooSlow
            | Self::Foreign
            | Self::Busy
            | Self::DatabaseAway(_)
            | Self::NotAccepted(_)
            | Self::Internal => false,
        }
    }
}
