//! The whole system as processes of this machine: broker, database, `setup`, and the services.
//!
//! `cargo xtask up` runs it, and tests of the whole system break it on purpose.

mod member;
mod operate;
mod options;
mod passwords;
mod ports;
mod servers;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

use crate::process::{Process, Signal, detach};
use crate::{Broker, Link, Postgres, orphans};
use member::{Recipe, Running};
use passwords::Passwords;
use ports::Ports;
use servers::{start_broker, start_postgres};

pub use member::Member;
pub use operate::Exit;
pub use options::{Event, Report, SERVICES, SystemOptions};
pub use passwords::write_privately;

/// The name of the database.
const DATABASE: &str = "todo";

/// The program that creates tables and streams.
const SETUP: &str = "setup";

/// The service of the web page.
const WEB: &str = "todo-web";

/// The broker's user for people, who has every permission.
const OPERATOR: &str = "operator";

/// The links between the services and their servers.
struct Links {
    broker: Link,
    postgres: Link,
    /// Between the web service and the link that all services take to the broker.
    web: Link,
}

/// A running system. Dropping it kills it; [`stop`](Self::stop) ends it in good order.
pub struct System {
    // Dropped in this order: services first.
    members: Vec<Running>,
    links: Option<Links>,
    broker: Broker,
    postgres: Postgres,
    passwords: Passwords,
    ports: Ports,
    options: SystemOptions,
    dir: PathBuf,
    _temporary: Option<TempDir>,
}

impl System {
    /// Starts everything and waits until every member is ready.
    pub async fn start(options: SystemOptions) -> Result<Self> {
        let (dir, temporary) = match options.dir.clone() {
            Some(dir) => (std::path::absolute(dir)?, None),
            None => temporary()?,
        };
        for folder in [member::NOTES, member::ADDRESSES] {
            fs::create_dir_all(dir.join(folder))
                .with_context(|| format!("cannot make `{}`", dir.display()))?;
        }
        // The database may have to run as another user, which has to reach its own directory in this
        // one.
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o711))?;
        stop_leftovers(&dir).await?;
        let passwords = Passwords::keep(&dir.join("passwords.json"))?;
        let mut ports = Ports::keep(&options, &dir)?;
        (options.report)(Event::Step("starting the broker and the database"));
        let broker_ports = (
            ports.choose(&options, ports::BROKER, None)?,
            ports.choose(&options, ports::MONITOR, options.monitor_port)?,
        );
        let postgres_port = ports.choose(&options, ports::POSTGRES, None)?;
        let (broker, postgres) = tokio::try_join!(
            start_broker(&options, &dir, &passwords, broker_ports),
            start_postgres(&options, &dir, &passwords, postgres_port)
        )?;
        let links = if options.linked {
            Some(Links::start(&broker, &postgres).await?)
        } else {
            None
        };
        let mut system = Self {
            members: Vec::new(),
            links,
            broker,
            postgres,
            passwords,
            ports,
            options,
            dir,
            _temporary: temporary,
        };
        system.set_up().await?;
        system.start_members().await?;
        Ok(system)
    }

    /// Stops the processes that an earlier system in `dir` left behind when it was killed: first the
    /// services.
    pub async fn stop_leftovers(dir: &Path) -> Result<()> {
        stop_leftovers(dir).await?;
        orphans::stop(&dir.join("broker/nats.pid"), Signal::SIGTERM, member::STOP)
            .await
            .map(drop)
    }

    /// Returns the web page's URL, if the service runs.
    pub fn web(&self) -> Option<String> {
        self.first(WEB)
    }

    /// Returns the API's URL, if the service runs.
    pub fn api(&self) -> Option<String> {
        self.first("todo-api")
    }

    /// Returns the URL of the broker's monitoring endpoints.
    pub fn monitor(&self) -> String {
        self.broker.monitor_url()
    }

    /// Returns the broker's URL for the operator.
    pub fn nats(&self) -> String {
        self.broker.url()
    }

    /// Returns the database's URL for its owner.
    pub fn database(&self) -> String {
        self.postgres.url(DATABASE)
    }

    /// Runs statements as the database's owner and returns the rows of the last one as text: one line
    /// per row, columns separated by `|`.
    pub async fn sql(&self, statements: &str) -> Result<String> {
        self.postgres.execute(DATABASE, statements).await
    }

    /// Returns the path of a service's program.
    pub fn program(&self, service: &str) -> Result<PathBuf> {
        self.options.program(service)
    }

    /// Returns the data directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the directory of the database's files; see [`Postgres::dir`].
    pub fn database_dir(&self) -> &Path {
        self.postgres.dir()
    }

    /// Returns the broker.
    pub fn broker(&mut self) -> &mut Broker {
        &mut self.broker
    }

    /// Returns the database server.
    pub fn postgres(&mut self) -> &mut Postgres {
        &mut self.postgres
    }

    /// Returns the link between the services and the broker, in a system that is
    /// [`linked`](SystemOptions::linked).
    pub fn broker_link(&self) -> Option<&Link> {
        self.links.as_ref().map(|links| &links.broker)
    }

    /// Returns the link between todo-web and the broker, in a system that is
    /// [`linked`](SystemOptions::linked): what is done to it affects todo-web only.
    pub fn web_link(&self) -> Option<&Link> {
        self.links.as_ref().map(|links| &links.web)
    }

    /// Returns the link between the services and the database, in a system that is
    /// [`linked`](SystemOptions::linked).
    pub fn postgres_link(&self) -> Option<&Link> {
        self.links.as_ref().map(|links| &links.postgres)
    }

    /// Runs `setup` to its end, which creates streams and tables.
    pub async fn set_up(&mut self) -> Result<()> {
        (self.options.report)(Event::Step("setting up streams and tables"));
        self.postgres.ensure_database(DATABASE).await?;
        let mut command = Command::new(self.options.program(SETUP)?);
        command
            .envs(self.environment(SETUP, false))
            .envs(self.passwords.variables())
            .env("MEMBER", SETUP);
        if self.options.apart {
            detach(&mut command);
        }
        let mut process =
            Process::spawn(SETUP, command, member::lines(SETUP, &self.options.report))?;
        let ended = timeout(Duration::from_mins(2), process.wait()).await;
        let status = ended.with_context(|| format!("setup does not end:{}", process.tail()))??;
        ensure!(
            status.success(),
            "setup ended with {status}:{}",
            process.tail()
        );
        Ok(())
    }

    async fn start_members(&mut self) -> Result<()> {
        let scale = self.options.scale.clone();
        let names: Vec<_> = scale.iter().filter(|(_, count)| **count > 0).collect();
        if names.is_empty() {
            return Ok(());
        }
        let list: Vec<_> = names
            .iter()
            .map(|(name, count)| format!("{name} ×{count}"))
            .collect();
        (self.options.report)(Event::Step(&format!("starting {}", list.join(", "))));
        for (service, count) in names {
            for number in 1..=*count {
                let recipe = self.recipe(service, number, &[])?;
                self.members
                    .push(recipe.spawn(&self.dir, &self.options.report)?);
            }
        }
        try_join_all(self.members.iter_mut().map(Running::ready))
            .await
            .map(drop)
    }

    fn recipe(&mut self, service: &str, number: usize, more: &[(&str, &str)]) -> Result<Recipe> {
        let mut env = self.environment(service, true);
        env.extend(
            more.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let name = format!("{service}-{number}");
        let given = self.options.port(service).filter(|_| number == 1);
        let port = self.ports.choose(&self.options, &name, given)?;
        Ok(Recipe {
            name,
            service: service.to_owned(),
            program: self.options.program(service)?,
            apart: self.options.apart,
            env,
            port,
            port_is_given: given.is_some(),
        })
    }

    /// Returns the environment variables of each member of a service; the rest of its environment, such
    /// as `RUST_LOG`, is ours.
    fn environment(&self, service: &str, linked: bool) -> Vec<(String, String)> {
        // A new group begins with its name as its password, as every service does in development.
        let password = self.passwords.of(service).unwrap_or(service);
        let mut nats = self.broker.url_for(service, password);
        if !self.options.has_user(service) {
            nats = self.broker.url();
        }
        // The tables belong to the database's owner, so `setup` logs in as the owner.
        let mut database = if service == SETUP {
            self.database()
        } else {
            self.postgres.url_for(DATABASE, service, password)
        };
        if let (true, Some(links)) = (linked, &self.links) {
            let link = if service == WEB {
                &links.web
            } else {
                &links.broker
            };
            (nats, database) = (link.url(&nats), links.postgres.url(&database));
        }
        let mut env = vec![
            ("NATS_URL".to_owned(), nats),
            ("DATABASE_URL".to_owned(), database),
        ];
        let format = self.options.log_format.clone();
        env.extend(format.map(|format| ("LOG_FORMAT".to_owned(), format)));
        let filter = self.options.log_filter.clone();
        env.extend(filter.map(|filter| ("RUST_LOG".to_owned(), filter)));
        env.extend(self.options.env.get(service).into_iter().flatten().cloned());
        env
    }

    fn first(&self, service: &str) -> Option<String> {
        let first = self
            .members
            .iter()
            .find(|member| member.recipe.service == service)?;
        first.describe().http
    }
}

impl Links {
    async fn start(broker: &Broker, postgres: &Postgres) -> Result<Self> {
        let broker = Link::start(&broker.url()).await?;
        Ok(Self {
            web: Link::start(&broker.address().to_string()).await?,
            postgres: Link::start(&postgres.url(DATABASE)).await?,
            broker,
        })
    }
}

fn temporary() -> Result<(PathBuf, Option<TempDir>)> {
    let temporary = tempfile::Builder::new().prefix("todo-system-").tempdir()?;
    Ok((temporary.path().to_owned(), Some(temporary)))
}

async fn stop_leftovers(dir: &Path) -> Result<()> {
    let notes = fs::read_dir(dir.join(member::NOTES))
        .into_iter()
        .flatten()
        .flatten();
    let notes: Vec<PathBuf> = notes.map(|note| note.path()).collect();
    let stops = notes
        .iter()
        .map(|note| orphans::stop(note, Signal::SIGTERM, member::STOP));
    try_join_all(stops).await.map(drop)
}
