//! Error pages.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use events::EventId;

use crate::{
    app::{NotAccepted, Unread},
    view::Place,
};

/// Reasons why a request is refused; each language has its own text for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    BadRequest,
    BadPage,
    NotFound,
    UnknownItem,
    WrongMethod,
    WrongType,
    TooLarge,
    TooSlow,
    Foreign,
    Busy,
    DatabaseAway(Wanted),
    NotAccepted(NotAccepted),
    Internal,
}

/// Requests that cannot be served without the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// To see an item.
    Item,
    /// To change all items of a list.
    EachItem,
}

/// A refusal, to be shown as a page in the visitor's language.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) reason: Reason,
    pub(crate) again: Option<Box<Again>>,
    /// The page to go back to, if it does not follow from the page that the request came from.
    pub(crate) back: Option<Place>,
}

/// The form that was refused and may be sent again.
#[derive(Clone, Debug)]
pub(crate) struct Again {
    /// The form's action.
    pub(crate) action: String,
    /// The id of the change, if it has one: the change may have been made without a confirmation.
    pub(crate) key: Option<EventId>,
    /// The item's new place, if that is what it is about.
    pub(crate) order: Option<String>,
    /// The page to go back to.
    pub(crate) place: Place,
}

impl Refusal {
    /// 400: the cursor is invalid.
    pub(crate) fn bad_page() -> Self {
        Self::new(StatusCode::BAD_REQUEST, Reason::BadPage)
    }

    /// 404: there is no such item.
    pub(crate) fn unknown_item() -> Self {
        Self::new(StatusCode::NOT_FOUND, Reason::UnknownItem)
    }

    /// 503: the broker did not take the event; the form may be sent again.
    pub(crate) fn not_accepted(why: NotAccepted, again: Again) -> Self {
        Self {
            back: Some(again.place.clone()),
            again: Some(Box::new(again)),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, Reason::NotAccepted(why))
        }
    }

    /// 503 or 500: a query that the request needs has no result.
    pub(crate) fn unread(why: Unread, wanted: Wanted) -> Self {
        match why {
            Unread::Away => {
                let reason = Reason::DatabaseAway(wanted);
                Self::new(StatusCode::SERVICE_UNAVAILABLE, reason)
            }
            Unread::Broken => Self::of(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// Adds the page that the form was on.
    #[must_use]
    pub(crate) fn from(self, place: &Place) -> Self {
        Self {
            back: Some(place.clone()),
            ..self
        }
    }

    /// Returns the refusal for a response that has only a status.
    pub(crate) fn of(status: StatusCode) -> Self {
        let reason = match status {
            StatusCode::NOT_FOUND => Reason::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Reason::WrongMethod,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Reason::WrongType,
            StatusCode::PAYLOAD_TOO_LARGE => Reason::TooLarge,
            StatusCode::REQUEST_TIMEOUT => Reason::TooSlow,
            StatusCode::FORBIDDEN => Reason::Foreign,
            StatusCode::SERVICE_UNAVAILABLE => Reason::Busy,
            status if status.is_server_error() => Reason::Internal,
            _ => Reason::BadRequest,
        };
        Self::new(status, reason)
    }

    fn new(status: StatusCode, reason: Reason) -> Self {
        Self {
            status,
            reason,
            again: None,
            back: None,
        }
    }
}

impl IntoResponse for Refusal {
    /// The page is written by [`Pages`](crate::render::Pages), which knows the language.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
