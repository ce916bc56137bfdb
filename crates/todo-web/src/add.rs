//! `/new`: a form for an item, and where it is sent.

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use events::{ItemId, ItemText, NewItem};
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::{App, Cause, NotAccepted},
    form::Sent,
    language::Language,
    render::{self, Frame},
};

/// The form for a new item.
///
/// Its hidden key becomes the identity of the item and of its event, so that however often one form
/// is sent, it makes one item.
pub(crate) struct AddForm {
    pub(crate) key: ItemId,
    pub(crate) text: String,
    /// What to change about the text, or why it was not accepted.
    pub(crate) problem: Option<String>,
    /// Whether typing goes here.
    pub(crate) focus: bool,
}

/// The form's fields.
#[derive(Default, Deserialize)]
pub(crate) struct Fields {
    #[serde(default)]
    item: String,
    key: Option<String>,
}

#[derive(Template)]
#[template(path = "new.html")]
struct New {
    frame: Frame,
    form: AddForm,
}

impl AddForm {
    /// An empty form with a key of its own.
    pub(crate) fn empty() -> Self {
        Self {
            key: new_key(),
            text: String::new(),
            problem: None,
            focus: false,
        }
    }

    /// Says whether the visitor is expected to type here next.
    pub(crate) fn focused(self, focus: bool) -> Self {
        Self { focus, ..self }
    }

    /// The form as it was sent, with what is wrong with it.
    fn refused(key: ItemId, text: String, problem: String) -> Self {
        Self {
            key,
            text,
            problem: Some(problem),
            focus: true,
        }
    }
}

/// Shows the form alone.
pub(crate) async fn form(language: Language) -> Response {
    show(StatusCode::OK, AddForm::empty().focused(true), language)
}

/// Publishes the item that was typed, and goes on to the list; or says what to change.
pub(crate) async fn submit(
    State(app): State<App>,
    language: Language,
    cause: Cause,
    Sent(fields): Sent<Fields>,
) -> Response {
    let texts = language.0;
    // Whoever sends no key, such as a script, gets one item for each time that it sends.
    let Ok(key) = fields.key.map_or_else(|| Ok(new_key()), |key| key.parse()) else {
        let form = AddForm::refused(new_key(), fields.item, texts.stale_key.to_owned());
        return show(StatusCode::BAD_REQUEST, form, language);
    };
    let item: ItemText = match fields.item.parse() {
        Ok(item) => item,
        Err(invalid) => {
            let form = AddForm::refused(key, fields.item, (texts.invalid)(invalid));
            return show(StatusCode::UNPROCESSABLE_ENTITY, form, language);
        }
    };
    let event = NewItem {
        id: Some(key),
        list: None,
        item,
        added_at: Some(OffsetDateTime::now_utc()),
    };
    match app.publish(&event, key.into(), key, cause).await {
        Ok(()) => Redirect::to(&format!("/?accepted={key}")).into_response(),
        Err(NotAccepted) => {
            let form = AddForm::refused(key, fields.item, texts.not_accepted.to_owned());
            show(StatusCode::SERVICE_UNAVAILABLE, form, language)
        }
    }
}

fn show(status: StatusCode, form: AddForm, language: Language) -> Response {
    let frame = Frame::new(language);
    render::page(status, &New { frame, form })
}

fn new_key() -> ItemId {
    Uuid::now_v7().into()
}
