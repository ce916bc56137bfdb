//! `/system`: the flow of events through the whole system, and `/system/live`, which pushes it.
//!
//! A picture is taken on request, and every second while somebody watches; concurrent viewers share it.
//! Members are found by service discovery with a short timeout: a member that answered lately and does not
//! now is shown as missing. A viewer that reads slowly gets fewer pictures, and always the newest.

mod figures;
mod flow;
mod lookout;
mod memory;
mod picture;
mod tables;

use std::{convert::Infallible, future::ready, sync::Arc};

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use bytes::Bytes;
use futures_util::{
    Stream, StreamExt,
    stream::{once, unfold},
};
use service::http::push;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    assets,
    language::Language,
    render::{self, Frame},
    texts::SystemTexts,
};

pub(crate) use lookout::Lookout;
use picture::Picture;
use tables::{GroupRow, MemberRow};

/// A time of day.
const TIME: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

#[derive(Template)]
#[template(path = "system.html")]
struct SystemPage<'f> {
    frame: Frame,
    texts: &'static SystemTexts,
    style: &'static str,
    script: &'static str,
    as_of: String,
    flow: &'f Flow,
}

/// The pushed part of the page: everything that changes.
#[derive(Template)]
#[template(path = "_system.html")]
struct Pushed<'f> {
    flow: &'f Flow,
}

/// The picture and its tables, in a language.
struct Flow {
    texts: &'static SystemTexts,
    alarms: Vec<String>,
    wide: String,
    tall: String,
    groups: Vec<GroupRow>,
    members: Vec<MemberRow>,
}

/// A browser that watches.
struct Viewer {
    pictures: watch::Receiver<Option<Arc<Picture>>>,
    language: Language,
    stop: CancellationToken,
    /// The HTML that was sent last, and the time of the next keep-alive.
    shown: String,
    patience: Instant,
}

/// The page, with the system as it is now.
pub(crate) async fn page(State(app): State<Arc<App>>, language: Language) -> Response {
    let texts = &language.0.system;
    let picture = app.lookout().picture().await;
    let template = SystemPage {
        frame: Frame::new(language),
        texts,
        style: assets::path("system.css"),
        script: assets::path("system.js"),
        as_of: (texts.as_of)(&picture.at.format(TIME).unwrap_or_default()),
        flow: &Flow::new(&picture, language),
    };
    render::page(StatusCode::OK, &template)
}

/// Streams the system's state, whenever it has changed, until the browser disconnects or this process stops.
pub(crate) async fn live(State(app): State<Arc<App>>, language: Language) -> Response {
    let viewer = Viewer {
        pictures: app.lookout().watch(),
        language,
        stop: app.stop().clone(),
        shown: String::new(),
        patience: Instant::now() + push::KEEP_ALIVE,
    };
    push::answer(viewer.into_stream())
}

impl Flow {
    fn new(picture: &Picture, language: Language) -> Self {
        let texts = &language.0.system;
        Self {
            texts,
            alarms: tables::alarms(picture, texts),
            wide: flow::wide(picture, texts),
            tall: flow::tall(picture, texts),
            groups: tables::groups(picture, texts),
            members: tables::members(picture, OffsetDateTime::now_utc(), language.0),
        }
    }
}

impl Viewer {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        let pictures = unfold(self, async |mut viewer| {
            let next = viewer.next().await?;
            Some((next, viewer))
        });
        once(ready(push::retry_hint())).chain(pictures).map(Ok)
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let news = tokio::select! {
                () = self.stop.cancelled() => return None,
                news = timeout_at(self.patience, self.pictures.changed()) => news,
            };
            let told = match news {
                Ok(Ok(())) => self.frame(),
                Ok(Err(_)) => return None,
                Err(_) => Some(push::beat(None)),
            };
            if told.is_some() {
                self.patience = Instant::now() + push::KEEP_ALIVE;
                return told;
            }
        }
    }

    /// The newest picture, unless its HTML is the same as before.
    fn frame(&mut self) -> Option<Bytes> {
        let picture = self.pictures.borrow_and_update().clone()?;
        let flow = &Flow::new(&picture, self.language);
        let pushed = Pushed { flow }.render().ok()?;
        if pushed == self.shown {
            return None;
        }
        let mut frame = "event: picture\n".to_owned();
        for line in pushed.lines() {
            frame.push_str("data: ");
            frame.push_str(line);
            frame.push('\n');
        }
        frame.push('\n');
        self.shown = pushed;
        Some(frame.into())
    }
}
