//! The JSON API, by default on port 8081: it reads items from the database, and publishes an event
//! for each request that adds or changes one. It never writes to the database.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::named(env!("CARGO_PKG_NAME"))
        .listening_on("0.0.0.0:8081")
        .run(todo_api::run)
}
