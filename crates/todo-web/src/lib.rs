//! The web page of the todo list, rendered on the server and working without any script.
//!
//! The promise: a form that was sent is either accepted, which means that the broker has stored its
//! event, or answered with a page that says what to do and keeps what was typed. The page reads the
//! database and never writes to it; that is the work of the groups that handle the events. So
//! posting works while the database is away, and reading works while the broker is.
//!
//! Each path has its module: `list` for `/` and `/lists/{name}`, `lists` for `/lists`, `all` for changes of a
//! whole list, `live` for `/live`, `add` for `/new`, `item` for `/items/{id}` and the paths below it,
//! `system` for `/system`, `assets` for styles and scripts. Every text that a person reads is in `texts`,
//! once per language.
//!
//! The scripts use the same forms: each change is a `POST` with a key, whose response is a `verdict` in place
//! of a page, and its result is pushed at `/live`.
//!
//! # Adding a page
//!
//! 1. Write its template in `templates/`, extending `base.html`; askama escapes what it shows.
//! 2. Write its handler in a module named after the address, and add the route to [`routes`].
//! 3. Put its words into `Texts`; it compiles when each language has them.
//! 4. Test it in `tests/it/`, in a module named after the address.

mod add;
mod all;
mod app;
mod assets;
mod back;
mod form;
mod item;
mod language;
mod list;
mod lists;
mod live;
mod refusal;
mod render;
mod system;
mod texts;
mod verdict;
mod view;
mod when;

use std::sync::Arc;

use anyhow::Context;
use axum::{
    Router,
    routing::{get, post},
};
use bus::Bus;
use service::{Service, WrongSetting, http, settings};
use store::Database;
use tower_http::{compression::CompressionLayer, csrf::CsrfLayer};

pub use app::App;
use render::Pages;

/// The web page of the todo list: its settings.
#[derive(clap::Args, Clone, Debug)]
pub struct Settings {
    #[command(flatten)]
    broker: settings::Broker,
    #[command(flatten)]
    database: settings::DatabasePool,
}

/// Runs the service until it is asked to stop.
///
/// It is ready while the broker or the database is available: with the broker, visitors can add and change
/// items, with the database they see their lists.
pub async fn run(service: Service, settings: Settings) -> anyhow::Result<()> {
    let bus = Bus::connect(
        service.sign(&settings.broker.nats_url).as_str(),
        service.name(),
        service.member(),
    )
    .await
    .context("cannot connect to the broker (NATS_URL)")?;
    let database = Database::connect(
        service.sign(settings.database.database_url()).as_str(),
        service.member(),
        settings.database.database_connections,
    )
    .context(WrongSetting("DATABASE_URL"))?;
    service.ready_when_either(
        ("broker", bus.connected()),
        ("database", database.reachable()),
    );
    service.refused_when("DATABASE_URL", database.refusal());

    let app = App::new(bus.clone(), &database, service.stop());
    let watching = app.watch();
    tokio::select! {
        served = service.serve(routes(app)) => served?,
        () = watching => {}
        () = bus.watch_capacity() => {}
    }
    bus.close().await;
    database.close().await;
    Ok(())
}

/// The routes of the service, without those that every service has.
pub fn routes(app: App) -> Router {
    let routes = Router::new()
        .route("/", get(list::home))
        .route("/list", get(list::page))
        .route("/lists", get(lists::index))
        .route("/lists/{name}", get(list::home))
        .route("/lists/{name}/all", get(list::page))
        .route("/lists/{name}/complete", post(all::complete))
        .route("/lists/{name}/reopen", post(all::reopen))
        .route("/lists/{name}/clear", post(all::clear))
        .route("/live", get(live::live))
        .route("/new", get(add::form).post(add::submit))
        .route("/items/{id}", get(item::page))
        .route("/items/{id}/complete", post(item::complete))
        .route("/items/{id}/reopen", post(item::reopen))
        .route("/items/{id}/rename", post(item::rename))
        .route("/items/{id}/move", post(item::reorder))
        .route("/items/{id}/delete", post(item::delete))
        .route("/items/{id}/restore", post(item::restore))
        .route("/system", get(system::page))
        .route("/system/live", get(system::live))
        .merge(assets::routes())
        .fallback(http::nothing_here)
        .layer(CompressionLayer::new())
        // A form of another site would act in the visitor's name without their intention (CSRF).
        .layer(CsrfLayer::new())
        .with_state(Arc::new(app));
    http::with_request_layer::<Pages>(routes)
}
