//! A database of one test's own, in the PostgreSQL cluster that all tests of a run share.

use anyhow::Result;
use uuid::Uuid;

use crate::postgres::Server;

/// The environment variable with the URL of the shared cluster.
pub const VARIABLE: &str = "TODO_TEST_POSTGRES";

/// A fresh, empty database. Dropping this value drops the database too, a moment later.
pub struct Database {
    server: Server,
    name: String,
}

impl Database {
    /// Makes a database in the cluster that `cargo xtask test` has started.
    ///
    /// # Panics
    /// If there is no such cluster: a test cannot go on without one.
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

    /// Returns the database's URL.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs statements and returns the rows of the last one as text: one line per row, columns separated
    /// by `|`.
    pub async fn execute(&self, sql: &str) -> Result<String> {
        self.server.execute(&self.name, sql).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The cluster may be gone already, and the database with it. `drop database` waits for each
        // connection that is just being established, and some may belong to the very runtime that this
        // call blocks; so psql is started and not awaited.
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
