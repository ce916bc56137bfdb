//! The web page, by default on port 8080: it shows the list, which it reads from the database, and
//! publishes an event for each form that is sent. It never writes to the database.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::named(env!("CARGO_PKG_NAME"))
        .listening_on("0.0.0.0:8080")
        .run(todo_web::run)
}
