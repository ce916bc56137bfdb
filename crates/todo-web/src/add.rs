//! `/new`: a form for an item, and where it is sent.

use askama::Template;
use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use events::{ItemId, ItemRenamed, ItemText, NewItem};
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::{App, Cause, NotAccepted},
    form::Sent,
    language::Language,
    render::{self, Frame},
    verdict::Problem,
    view::{Place, View},
};

/// The form for a new item.
///
/// The ids of the item and of its event are derived from the form's hidden key and the typed text. So one
/// form makes one item however often it is sent, and going back to it and typing another text adds another
/// item.
pub(crate) struct AddForm {
    pub(crate) key: ItemId,
    pub(crate) text: String,
    /// The text that was sent before under this key without a confirmation from the broker, which may have
    /// stored it all the same. It is empty if there were several.
    pub(crate) sent: Option<String>,
    /// Advice on the text, or the reason why it was not accepted.
    pub(crate) problem: Option<String>,
    /// The list that the item is for and the page to go back to.
    pub(crate) place: Place,
    /// The text given as the list's name if it is not a valid name; the visitor can correct it.
    pub(crate) misnamed: Option<String>,
}

/// The form's fields.
#[derive(Default, Deserialize)]
pub(crate) struct Fields {
    #[serde(default)]
    item: String,
    key: Option<String>,
    sent: Option<String>,
    /// Present if the key is the form's; otherwise it is the item's.
    form: Option<String>,
    #[serde(flatten)]
    place: Place,
}

#[derive(Template)]
#[template(path = "new.html")]
struct New {
    frame: Frame,
    form: AddForm,
}

impl AddForm {
    /// An empty form with a key of its own, on the page that shows this.
    pub(crate) fn empty(view: &View) -> Self {
        Self {
            key: new_key(),
            text: String::new(),
            sent: None,
            problem: None,
            place: Place::from(view),
            misnamed: None,
        }
    }

    /// The form as it was sent, with what is wrong with it.
    fn refused(key: ItemId, fields: Fields, problem: String) -> Self {
        Self {
            key,
            text: fields.item,
            sent: fields.sent,
            problem: Some(problem),
            place: fields.place,
            misnamed: None,
        }
    }
}

/// Shows the form alone.
pub(crate) async fn form(language: Language) -> Response {
    show(StatusCode::OK, AddForm::empty(&View::default()), language)
}

/// Publishes the typed item and redirects to the list, or answers with the form and what to change.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    language: Language,
    cause: Cause,
    Sent(mut fields): Sent<Fields>,
) -> Response {
    let texts = language.0;
    // A client that sends no key, such as a script, adds an item with each request.
    let Ok(key) = fields
        .key
        .as_ref()
        .map_or_else(|| Ok(new_key()), |key| key.parse())
    else {
        let form = AddForm::refused(new_key(), fields, texts.stale_key.to_owned());
        return refuse(StatusCode::BAD_REQUEST, form, language);
    };
    // Nothing that was meant for another list ends up in the default one.
    if let Some((name, invalid)) = fields.place.take_misnamed() {
        let mut form = AddForm::refused(key, fields, (texts.invalid_name)(invalid));
        form.misnamed = Some(name);
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, form, language);
    }
    let item: ItemText = match fields.item.parse() {
        Ok(item) => item,
        Err(invalid) => {
            let form = AddForm::refused(key, fields, (texts.invalid)(invalid));
            return refuse(StatusCode::UNPROCESSABLE_ENTITY, form, language);
        }
    };
    let edited = fields
        .sent
        .as_ref()
        .is_some_and(|sent| sent != item.as_str());
    let view = fields.place.view();
    let key = match fields.form {
        Some(_) => of_form(key, &view, &item),
        None => key,
    };
    if let Err(why) = publish(&app, key, &view, &item, edited, &cause).await {
        fields.sent = Some(if edited { String::new() } else { item.into() });
        let form = AddForm::refused(key, fields, (texts.not_accepted)(why).to_owned());
        return show(StatusCode::SERVICE_UNAVAILABLE, form, language);
    }
    Redirect::to(&view.address_about("accepted", key)).into_response()
}

/// Publishes the item `key`. If the item may have been stored with another text before, it is also renamed
/// to this one.
async fn publish(
    app: &App,
    key: ItemId,
    view: &View,
    item: &ItemText,
    edited: bool,
    cause: &Cause,
) -> Result<(), NotAccepted> {
    let added = NewItem {
        id: Some(key),
        list: (!view.is_default()).then(|| view.list.clone()),
        item: item.clone(),
        added_at: Some(OffsetDateTime::now_utc()),
    };
    app.publish(&added, key.into(), key, cause).await?;
    if edited {
        let item = item.clone();
        let renamed = ItemRenamed { id: key, item };
        app.publish(&renamed, Uuid::now_v7().into(), key, cause)
            .await?;
    }
    Ok(())
}

/// Shows the form with its problem, which stays the same if the form is sent again unchanged.
fn refuse(status: StatusCode, form: AddForm, language: Language) -> Response {
    let problem = form.problem.clone().unwrap_or_default();
    let mut response = show(status, form, language);
    response.extensions_mut().insert(Problem(problem));
    response
}

fn show(status: StatusCode, form: AddForm, language: Language) -> Response {
    let frame = Frame::new(language);
    render::page(status, &New { frame, form })
}

/// The item that is added by a form with this key. A browser that goes back shows the form with the key that it had,
/// and without a script there is nobody to give it another one.
fn of_form(key: ItemId, view: &View, item: &ItemText) -> ItemId {
    // No name or text has a line end, so that each part ends where it seems to.
    let list = view.list.as_str();
    ItemId::from_key(&format!("form\n{key}\n{list}\n{}", item.as_str()))
}

fn new_key() -> ItemId {
    Uuid::now_v7().into()
}
