//! The JSON API of the todo list.
//!
//! The promise: `202` means that the broker has stored the event, and that its effects will come. Every other
//! answer to a request that changes something says in a problem document (RFC 9457) whether to change the
//! request or to try again, and trying again with the same `Idempotency-Key` never makes two. The API reads
//! the database and never writes to it, so adding works while the database is unavailable, and reading works
//! while the broker is.
//!
//! A change with `Prefer: wait=N` is answered up to N seconds later with the item after the save (`waiting`),
//! or with `202` if it is not saved by then. The `ETag` of an item is its version, for conditional requests
//! (`condition`). Every address answers `OPTIONS`, and `HEAD` where it answers `GET`.
//!
//! | address | |
//! |---|---|
//! | `POST /todo` | adds an item: `add` |
//! | `POST /todo/batch` | adds many items: `batch` |
//! | `GET /todo/events` | tells of each save as it happens: `watch` |
//! | `GET /todo` | lists items, page by page: `list` |
//! | `GET /todo/{id}` | shows an item: `show` |
//! | `PATCH /todo/{id}` | changes its text, whether it is done, or its place: `change` |
//! | `DELETE /todo/{id}` | deletes it: `delete` |
//! | `/todos`, `/lists/{list}/todos` | a list for programs written for Todo-Backend: `todos` |
//! | `GET /openapi.json` | what can be done here, for everybody: `openapi` |
//! | `GET /docs` | a page to read that, and to try it: `docs` |
//! | `GET /asyncapi.yaml` | what is said over the broker, for everybody: `contract` |
//!
//! The same answers are given over the broker, on `queries.todo.list`, `queries.todo.get` and
//! `queries.todo.count`: `questions`.
//!
//! # Adding an address
//!
//! Write its handler in a module named after what it does, returning `Result<_, Problem>`, say beside it by
//! `#[utoipa::path(…)]` what it takes and answers, and add it to [`parts`]; a new kind of problem has a row in
//! `openapi::refusals` and in `docs/problems.md`. `cargo xtask docs` writes `docs/openapi.json` anew. Test it in
//! `tests/it/`, in a module of the same name.

mod absent;
mod accept;
mod add;
mod app;
mod batch;
mod body;
mod change;
mod condition;
mod contract;
mod cors;
mod delete;
mod docs;
mod idempotent;
mod key;
mod list;
mod openapi;
mod options;
mod pace;
mod policy;
mod prefer;
mod presentation;
mod questions;
mod representation;
mod root;
mod show;
mod todos;
mod tokens;
mod waiting;
mod watch;

use std::sync::Arc;

use anyhow::Context;
use axum::{
    Extension, Router,
    routing::{MethodRouter, get, post},
};
use bus::{Bus, Replies};
use service::{Service, WrongSetting, http, settings};
use store::Database;
use utoipa_axum::{router::OpenApiRouter, routes};

use idempotent::{once, served, up_to};
use openapi::{Document, For};
use presentation::Data;

pub use app::App;
pub use cors::Origins;
pub use policy::Policy;
pub use questions::{TOPICS, answer};
pub use tokens::Tokens;

/// The JSON API of the todo list: its settings.
#[derive(clap::Args, Clone)]
pub struct Settings {
    #[command(flatten)]
    broker: settings::Broker,
    #[command(flatten)]
    database: settings::DatabasePool,
    #[command(flatten)]
    policy: Policy,
}

/// Runs the service until it is asked to stop.
///
/// It is ready while the broker or the database is available: with the broker, callers can add and change;
/// with the database, they can read.
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

    let replies = Replies::open(&bus).await;
    let replies = replies.context("cannot have an inbox for answers")?;
    let app = App::new(bus.clone(), replies, &database, service.stop());
    let routes = routes(app.clone(), &settings.policy);
    let work = async {
        tokio::try_join!(service.serve(routes), async {
            let answered = questions::answer(&app, &bus, service.stop()).await;
            answered.context("cannot answer questions")
        })
    };
    tokio::select! {
        worked = work => drop(worked?),
        () = app.watch() => {}
        () = bus.watch_capacity() => {}
    }
    bus.close().await;
    database.close().await;
    Ok(())
}

/// Builds the routes of this service for callers that the `policy` admits, without those that every service
/// has. The documents are open to everybody.
pub fn routes(app: App, policy: &Policy) -> Router {
    let parts = parts(policy);
    let app = Arc::new(app);
    let items = parts
        .items
        .fallback(http::nothing_here)
        .with_state(Arc::clone(&app));
    let pace = policy.pace();
    let items = policy.guard(policy.condition(items), pace.clone());
    // Everybody gets the same document, and callers read it before they have a token.
    let document = Document::of(&parts.api);
    let documents = parts.documents.layer(Extension(document));
    // A browser sends its preflight request without a token.
    let todos = policy.guard(parts.todos.with_state(app), pace);
    let todos = policy.share(todos, Some(todos::open()));
    http::with_request_layer::<Data>(policy.share(items.merge(documents), None).merge(todos))
}

/// Returns the OpenAPI document of the API under `policy`, as indented JSON.
pub fn document(policy: &Policy) -> String {
    // Every key in it is a text, so writing it cannot fail.
    serde_json::to_string_pretty(&parts(policy).api).unwrap_or_default()
}

/// The routes and their OpenAPI document.
struct Parts {
    /// For callers admitted by the policy.
    items: Router<Arc<App>>,
    /// For the same callers, and by default for pages of every origin.
    todos: Router<Arc<App>>,
    /// For everybody.
    documents: Router,
    api: utoipa::openapi::OpenApi,
}

fn parts(policy: &Policy) -> Parts {
    let items = OpenApiRouter::default()
        .routes(served(
            routes!(list::list, add::add),
            get(list::list).post(once(add::add)),
        ))
        .routes(served(
            routes!(batch::batch),
            post(up_to(batch::BODY_LIMIT, batch::batch)),
        ))
        .routes(routes!(watch::watch))
        .routes(served(
            routes!(show::show, change::change, delete::delete),
            get(show::show)
                .patch(once(change::change))
                .delete(once(delete::delete)),
        ));
    let read = |handler: MethodRouter<_>| {
        let methods = "GET,HEAD,OPTIONS".to_owned();
        handler.merge(options::allow(methods))
    };
    let documents = OpenApiRouter::default()
        .routes(routes!(openapi::json))
        .routes(routes!(contract::asyncapi))
        .routes(routes!(docs::page))
        .route("/", read(get(root::root)))
        .route("/docs/problems", read(get(docs::problems)))
        .route("/docs/page.css", read(get(docs::style)))
        .route("/docs/page.js", read(get(docs::script)));
    let callers = For::Callers {
        with_token: policy.asks_for_tokens(),
    };
    let mut api = openapi::empty();
    Parts {
        items: openapi::declared(items, callers, &mut api),
        todos: openapi::declared(todos::routes(), callers, &mut api),
        documents: openapi::declared(documents, For::Everybody, &mut api),
        api,
    }
}
