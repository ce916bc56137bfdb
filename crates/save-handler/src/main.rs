//! save-handler: applies every item event to the database and publishes `itemsaved`. Add members
//! to save more.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::named(env!("CARGO_PKG_NAME")).run(save_handler::run)
}
