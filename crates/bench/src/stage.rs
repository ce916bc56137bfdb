//! The environment of all measurements: a private broker and a private database, made as `cargo xtask
//! up` makes them, and emptied before each measurement.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use async_nats::jetstream;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tempfile::TempDir;
use testkit::{System, SystemOptions, ports};
use tokio::process::Command;

use crate::broker;
use crate::cpu::Meter;
use crate::options::{Options, Sizes};
use crate::program::Program;
use crate::reference;

/// The stream that keeps every event.
pub(crate) const STREAM: &str = "TODO";

/// The servers, and our own connections to them.
pub(crate) struct Stage {
    pub(crate) system: System,
    pub(crate) client: async_nats::Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) database: PgConnection,
    pub(crate) sizes: Sizes,
    bin_dir: PathBuf,
    began: Instant,
    // Dropped last, when no process writes there any more.
    dir: TempDir,
}

impl Stage {
    /// Starts the servers.
    pub(crate) async fn set(options: &Options, began: Instant) -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        let dir = match &options.dir {
            Some(dir) => builder.prefix("todo-bench-").tempdir_in(dir),
            None => builder.prefix("todo-bench-").tempdir(),
        };
        let dir = dir.context("cannot make a directory for the servers")?;
        fs::create_dir(dir.path().join("logs"))?;
        let bin_dir = match &options.bin_dir {
            Some(dir) => dir.clone(),
            None => own_directory()?,
        };
        // A system with a directory of its own writes to the disk what it confirms, unlike that of a
        // test. The services are started one by one later.
        let system = System::start(SystemOptions {
            dir: Some(dir.path().to_owned()),
            bin_dir: Some(bin_dir.clone()),
            ..SystemOptions::default().only(&[])
        })
        .await?;
        let client = broker::connect(&system.nats()).await?;
        let mut database = PgConnection::connect(&system.database()).await?;
        sqlx::raw_sql(reference::TABLE)
            .execute(&mut database)
            .await?;
        Ok(Self {
            jetstream: jetstream::new(client.clone()),
            client,
            database,
            system,
            sizes: options.sizes(),
            bin_dir,
            began,
            dir,
        })
    }

    /// Shows progress.
    pub(crate) fn say(&self, text: &str) {
        eprintln!("{:>5.0} s  {text}", self.began.elapsed().as_secs_f64());
    }

    /// Resets everything: a new stream, without known message ids or consumers, empty tables, and a
    /// database that has made a checkpoint.
    pub(crate) async fn fresh(&mut self) -> Result<()> {
        self.jetstream
            .delete_stream(STREAM)
            .await
            .context("cannot delete the stream")?;
        self.system.set_up().await?;
        let names = "select string_agg(format('%I.%I', schemaname, tablename), ', ') from pg_tables \
             where schemaname not in ('pg_catalog', 'information_schema') \
             and tablename <> '_sqlx_migrations'";
        let row = sqlx::query(names).fetch_one(&mut self.database).await?;
        let tables: String = row.try_get(0)?;
        for statement in [format!("truncate {tables}"), "checkpoint".to_owned()] {
            sqlx::raw_sql(AssertSqlSafe(statement))
                .execute(&mut self.database)
                .await?;
        }
        Ok(())
    }

    /// Starts a member of a service and does not wait for it.
    pub(crate) fn service(
        &self,
        service: &str,
        number: usize,
        env: &[(&str, &str)],
    ) -> Result<Program> {
        let program = self.bin_dir.join(service);
        ensure!(
            program.is_file(),
            "`{}` is not there: `cargo xtask bench` builds it",
            program.display()
        );
        let (name, address) = (
            format!("{service}-{number}"),
            ports::loopback(ports::free_port()?),
        );
        let mut command = Command::new(program);
        command.env("NATS_URL", self.system.nats());
        command.env("DATABASE_URL", self.system.database());
        command
            .env("HTTP_ADDR", address.to_string())
            .env("MEMBER", &name);
        // The log settings of this program are not for them.
        command.env_remove("RUST_LOG").env_remove("LOG_FORMAT");
        command.envs(env.iter().copied());
        Program::start(&name, command, address, &self.dir.path().join("logs"))
    }

    /// Starts a reference and does not wait for it.
    pub(crate) fn reference(&self, name: &str) -> Result<Program> {
        let address = ports::loopback(ports::free_port()?);
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(name);
        command.args(["--nats", &self.system.nats()]);
        command.args(["--database", &self.system.database()]);
        command.args(["--listen", &address.to_string()]);
        Program::start(name, command, address, &self.dir.path().join("logs"))
    }

    /// Starts to measure the processor time of these programs and of both servers.
    pub(crate) fn meter(&mut self, programs: &[&Program]) -> Meter {
        let servers = [
            ("broker", self.system.broker().pid()),
            ("database", self.system.postgres().pid()),
        ];
        let programs = programs.iter().map(|program| ("program", program.pid()));
        Meter::start(&programs.chain(servers).collect::<Vec<_>>())
    }

    /// Returns the number that a statement selects.
    pub(crate) async fn count(&mut self, statement: &'static str) -> Result<u64> {
        let row = sqlx::query(statement).fetch_one(&mut self.database).await?;
        Ok(u64::try_from(row.try_get::<i64, _>(0)?)?)
    }

    /// Returns a description of this machine and the servers, for the table's notes.
    pub(crate) async fn machine(&mut self) -> Result<String> {
        let row = sqlx::query("show server_version")
            .fetch_one(&mut self.database)
            .await?;
        let postgres: String = row.try_get(0)?;
        let cores = std::thread::available_parallelism()?;
        let broker = self.system.broker().version();
        Ok(format!(
            "{cores} cores, shared by all programs and the load; nats-server {broker}, file storage; \
             PostgreSQL {postgres}, fsync on"
        ))
    }

    /// Stops the servers in good order.
    pub(crate) async fn clear(self) -> Result<()> {
        self.database.close().await?;
        self.system.stop().await.map(drop)
    }
}

/// Returns the directory of the running program.
fn own_directory() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let directory = program
        .parent()
        .context("the running program has no directory")?;
    Ok(directory.to_owned())
}
