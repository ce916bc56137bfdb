//! Writing and reading of items.

mod absence;
mod apply;
mod count;
mod get;
mod list;
mod lists;
mod newest;
mod row;

use crate::Database;

/// The items in the database.
#[derive(Clone)]
pub struct ItemStore(Database);

impl ItemStore {
    /// The items in `database`.
    pub fn new(database: Database) -> Self {
        Self(database)
    }
}
