//! What the page's scripts are answered: whether a change is accepted, said as nobody else says it.
//!
//! A browser keeps a change until it is accepted or refused, and between it and this service may be a
//! captive portal, a sign-in page or a proxy that answers in its place, with whatever status it likes. So a
//! script names its change in the header [`CHANGE`], and believes no answer that does not name it back.
//! Without the header there are pages, as for every form.

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

/// What is wrong with what was typed, in words: an answer with it stays the same however often the form
/// is sent.
#[derive(Clone)]
pub(crate) struct Problem(pub(crate) String);

#[derive(Serialize)]
struct Verdict<'a> {
    change: &'a str,
    #[serde(flatten)]
    answer: Answer,
}

/// What becomes of a change. A script keeps what it does not understand.
#[derive(Serialize)]
#[serde(tag = "answer", rename_all = "lowercase")]
enum Answer {
    /// The broker has stored it.
    Accepted,
    /// It never will be, for this reason.
    Refused { why: String },
    /// It may be, when it is sent again.
    Later,
}

impl Change {
    /// The change that a script asks about, if it is a script.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let name = request.headers().get(CHANGE)?.to_str().ok()?;
        (request.method() == Method::POST).then(|| Self(name.to_owned()))
    }

    /// Says in place of `response` what becomes of it.
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
    /// Whether the same change would be refused again. What is the fault of the way that it took, or of a
    /// version that does not know it yet, is not its own.
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
