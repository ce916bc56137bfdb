//! Access to PostgreSQL: every statement of the system is here, and no other crate names sqlx.
//!
//! The promises:
//!
//! * [`ItemStore::apply`] may be called with any part of the stream, in any order, by any number of
//!   members, again and again: the table ends as if each event had been applied once, in stream
//!   order. See `fold.rs` and `items/apply.rs` for why.
//! * No call outlives the database's answer by more than a few seconds, and none hands a connection
//!   that it left in the middle of something to the next. See `database.rs`.
//! * Every error names the step that failed, and [`StoreError::kind`] tells whether to wait, to give
//!   up the row, or to look for a mistake.
//!
//! # Adding a statement
//!
//! 1. If it needs a column, add a migration with a later time in its name; a released one is never
//!    edited. Explain the column there, and name its constraints.
//! 2. Write one function with one checked macro, and run it through `Database::run`:
//!
//!    ```text
//!    pub async fn oldest(&self, list: &ListName) -> Result<Option<Item>, StoreError> {
//!        let query = sqlx::query_as!(ItemRow, "select …", list.as_str());
//!        let row = self.0.run("oldest", async |connection| query.fetch_optional(connection).await);
//!        …
//!    }
//!    ```
//! 3. Give [`StoreError`] a variant for the step, and record the statement with `cargo xtask sql`.

mod address;
mod audit;
mod cursor;
mod database;
mod erase;
mod error;
mod fitness;
mod fold;
mod health;
mod history;
mod item;
mod items;
mod lease;
mod migrate;
mod owner;
mod roles;
mod sqlstate;
mod utc;

pub use audit::{AuditEntry, AuditLog};
pub use cursor::{Cursor, InvalidCursor};
pub use database::Database;
pub use erase::ItemErasure;
pub use error::{Cause, ErrorKind, StoreError};
pub use history::{History, ItemHistory, PastEvent};
pub use item::{Absence, Counts, Item, ItemState, ListCounts, Lists, Page, Saved};
pub use items::ItemStore;
pub use migrate::migrate;
pub use owner::Owner;
pub use roles::{Role, ensure_roles};
