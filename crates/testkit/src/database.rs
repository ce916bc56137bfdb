//! A database of one test's own, in the cluster that all tests of a run share.

use anyhow::Result;
use uuid::Uuid;

use crate::postgres::Server;

/// The variable with the address of the shared cluster.
pub const VARIABLE: &str = "TODO_TEST_POSTGRES";

/// A fresh, empty database. Dropping it drops the database too, a moment later.
pub struct Database {
    server: Server,
    name: String,
}

impl Database {
    /// Makes a database in the cluster that `cargo xtask test` has started.
    ///
    /// # Panics
    /// When there is no such cluster: a test has nothing better to do.
    pub async fn create() -> Self {
        let Some(url) = shared_cluster() else {
            panic!(
                "no database for tests ({VARIABLE} is not set): run the tests with `cargo xtask test`"
            )
        };
        match Self::create_in(&url).await {
            Ok(database) => database,
            Err(error) => panic!("cannot make a database for this test: {error:#}"),
        }
    }

    /// Makes a database in the cluster at `url`.
    pub async fn create_in(url: &str) -> Result<Self> {
        let server = Server::at(url)?;
        let name = format!("test_{}", Uuid::new_v4().simple());
        server
            .execute("postgres", &format!("create database {name}"))
            .await?;
        Ok(Self { server, name })
    }

    /// The database's address.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs statements and returns the rows of the last one as text: a line each, columns divided by `|`.
    pub async fn execute(&self, sql: &str) -> Result<String> {
        self.server.execute(&self.name, sql).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The cluster may be gone already, and takes the database with it. Nobody waits: the server
        // does, for each connection that is just being made, and some may be by the very runtime that
        // this blocks.
        let statement = format!("drop database if exists {} with (force)", self.name);
        drop(self.server.begin("postgres", &statement));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is how a test learns of the cluster; no service runs this"
)]
fn shared_cluster() -> Option<String> {
    std::env::var(VARIABLE).ok()
}
