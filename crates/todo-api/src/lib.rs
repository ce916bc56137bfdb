//! The JSON API of the todo list.
//!
//! The promise: `202` means that the broker has stored the event, and whatever follows from it will
//! come. Every other answer to a request that changes something says in a problem document
//! (RFC 9457) whether to change the request or to try again, and trying again with the same
//! `Idempotency-Key` never makes two. The API reads the database and never writes to it, so adding
//! works while the database is away, and reading works while the broker is.
//!
//! Who sends `Prefer: wait=N` with a change hears up to N seconds later how the item is after the save
//! (`waiting`), or `202` if it is not saved by then.
//!
//! | address | |
//! |---|---|
//! | `POST /todo` | adds an item: `add` |
//! | `GET /todo` | lists items, page by page: `list` |
//! | `GET /todo/{id}` | shows an item: `show` |
//! | `PATCH /todo/{id}` | changes its text, whether it is done, or its place: `change` |
//! | `DELETE /todo/{id}` | deletes it: `delete` |
//! | `/todos`, `/lists/{list}/todos` | a list for programs written for Todo-Backend: `todos` |
//! | `GET /asyncapi.yaml` | what is said over the broker, for everybody: `contract` |
//!
//! The same is answered to whoever asks over the broker, on `queries.todo.list`, `queries.todo.get` and
//! `queries.todo.count`: `questions`.
//!
//! # Adding an address
//!
//! Write its handler in a module named after what it does, returning `Result<_, Problem>`, and add
//! it to [`routes`]. Test it in `tests/it/`, in a module of the same name.

mod add;
mod app;
mod body;
mod change;
mod contract;
mod delete;
mod key;
mod list;
mod prefer;
mod questions;
mod representation;
mod show;
mod todos;
mod tokens;
mod waiting;

use std::sync::Arc;

use anyhow::Context;
use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware,
    response::Response,
    routing::get,
};
use bus::{Bus, Replies};
use service::{
    Service,
    http::{self, Presentation, RequestId},
    problem, settings,
};
use store::Database;

pub use app::App;
pub use questions::{TOPICS, answer};
pub use tokens::Tokens;

/// The JSON API of the todo list: its settings.
#[derive(clap::Args, Clone)]
pub struct Settings {
    #[command(flatten)]
    broker: settings::Broker,
    #[command(flatten)]
    database: settings::DatabasePool,
    /// The tokens of which a caller must send one as `Authorization: Bearer …`, divided by commas,
    /// each of at least 16 characters. Without any, everybody may use the API.
    #[arg(long, env, hide_env_values = true)]
    api_tokens: Option<Tokens>,
}

/// Runs the service until it is asked to stop.
///
/// It is ready when both the broker and the database are there, since only then it can do all of its
/// work. Without either of them it still does what it can.
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
    .context("cannot use the database (DATABASE_URL)")?;
    service.ready_when("broker", bus.connected());
    service.ready_when("database", database.reachable());

    let replies = Replies::open(&bus).await;
    let replies = replies.context("cannot have an inbox for answers")?;
    let app = App::new(bus.clone(), replies, &database, service.stop());
    let routes = routes(app.clone(), settings.api_tokens.unwrap_or_default());
    let work = async {
        tokio::try_join!(service.serve(routes), async {
            let answered = questions::answer(&app, &bus, service.stop()).await;
            answered.context("cannot answer questions")
        })
    };
    tokio::select! {
        worked = work => drop(worked?),
        () = bus.leave_room() => {}
    }
    bus.close().await;
    database.close().await;
    Ok(())
}

/// The routes of the service, without those that every service has, for those who have one of the
/// `tokens`. The contract is for everybody.
pub fn routes(app: App, tokens: Tokens) -> Router {
    let app = Arc::new(app);
    let guarded = move |routes: Router<Arc<App>>| {
        let routes = routes.with_state(Arc::clone(&app));
        if tokens.is_empty() {
            return routes;
        }
        routes.layer(middleware::from_fn_with_state(
            tokens.clone(),
            tokens::guard,
        ))
    };
    let routes = Router::new()
        .route("/todo", get(list::list).post(add::add))
        .route(
            "/todo/{id}",
            get(show::show).patch(change::change).delete(delete::delete),
        )
        .fallback(async || StatusCode::NOT_FOUND);
    // A browser asks for leave before it sends a token.
    let todos = guarded(todos::routes()).layer(todos::open());
    // The same for everybody, and what a caller reads who has no token yet.
    let contract = Router::new().route("/asyncapi.yaml", get(contract::asyncapi));
    http::fronted::<Data>(guarded(routes).merge(todos).merge(contract))
}

/// What is answered is data: nobody shall take it for a page, or keep it. Every error is a problem
/// document.
struct Data;

impl Presentation for Data {
    fn of(_: &Request) -> Self {
        Self
    }

    fn present(self, response: Response, id: &RequestId) -> Response {
        protect(problem::documented(response, id))
    }
}

fn protect(mut response: Response) -> Response {
    const PROTECTIONS: [(HeaderName, &str); 3] = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in PROTECTIONS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}
