//! The services of a system, the number of members of each, and where they run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};

/// The services of the whole system and the default number of members of each.
pub const SERVICES: [(&str, usize); 5] = [
    ("todo-web", 1),
    ("save-handler", 2),
    ("audit-handler", 1),
    ("housekeeper", 1),
    ("todo-api", 1),
];

/// Something to show to the user who watches the system.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The next step of the start or the stop begins.
    Step(&'a str),
    /// A member has written a line.
    Line {
        /// The member's name, such as `save-handler-1`.
        member: &'a str,
        /// The line.
        line: &'a str,
    },
}

/// A callback for each [`Event`].
pub type Report = Arc<dyn Fn(Event<'_>) + Send + Sync>;

/// Settings of a system. The default is one for a test: everything, in a temporary directory, on free
/// ports, silent.
#[derive(Clone)]
pub struct SystemOptions {
    /// The data directory; a temporary one by default.
    pub dir: Option<PathBuf>,
    /// The directory of the services' programs; that of the running program by default.
    pub bin_dir: Option<PathBuf>,
    /// Programs that run in place of a service's own, such as one with a fault that is to be found.
    pub programs: BTreeMap<String, PathBuf>,
    /// The members of each service; a service that is not named has none.
    pub scale: BTreeMap<String, usize>,
    /// The port of the web page.
    pub web_port: Option<u16>,
    /// The port of the API.
    pub api_port: Option<u16>,
    /// The port of the broker's monitoring.
    pub monitor_port: Option<u16>,
    /// For each process, the port that it takes at the first start of a system that is kept, if it is
    /// free, and the flag that chooses another one.
    pub usual_ports: BTreeMap<String, (u16, &'static str)>,
    /// `text` or `json`; that of our own environment by default.
    pub log_format: Option<String>,
    /// The filter of log lines (`RUST_LOG`); that of our own environment by default.
    pub log_filter: Option<String>,
    /// Further environment variables, for each member of a service.
    pub env: BTreeMap<String, Vec<(String, String)>>,
    /// Connects the services to the broker and the database through links that can be cut.
    pub linked: bool,
    /// Gives all processes groups of their own: a Ctrl-C on the terminal does not reach them, because we
    /// stop them in order.
    pub apart: bool,
    /// The configuration file with the broker's users; this repository's by default.
    pub users: Option<PathBuf>,
    /// The callback for progress and log lines.
    pub report: Report,
}

impl Default for SystemOptions {
    fn default() -> Self {
        Self {
            dir: None,
            bin_dir: None,
            programs: BTreeMap::new(),
            scale: SERVICES
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect(),
            web_port: None,
            api_port: None,
            monitor_port: None,
            usual_ports: BTreeMap::new(),
            log_format: Some("text".to_owned()),
            log_filter: Some("info,async_nats=off,sqlx=warn".to_owned()),
            env: BTreeMap::new(),
            linked: false,
            apart: false,
            users: None,
            report: Arc::new(|_| {}),
        }
    }
}

impl SystemOptions {
    /// Starts `count` members of a service.
    #[must_use]
    pub fn scale(mut self, service: &str, count: usize) -> Self {
        self.scale.insert(service.to_owned(), count);
        self
    }

    /// Starts no member of a service.
    #[must_use]
    pub fn without(self, service: &str) -> Self {
        self.scale(service, 0)
    }

    /// Starts one member of each of these services, and nothing else.
    #[must_use]
    pub fn only(mut self, services: &[&str]) -> Self {
        self.scale = services
            .iter()
            .map(|service| ((*service).to_owned(), 1))
            .collect();
        self
    }

    /// Sets an environment variable for each member of a service.
    #[must_use]
    pub fn env(mut self, service: &str, name: &str, value: &str) -> Self {
        let variables = self.env.entry(service.to_owned()).or_default();
        variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Puts links that can be cut between the services and their servers.
    #[must_use]
    pub fn linked(mut self) -> Self {
        self.linked = true;
        self
    }

    /// Takes the broker's users from another configuration file.
    #[must_use]
    pub fn users(mut self, file: &Path) -> Self {
        self.users = Some(file.to_owned());
        self
    }

    /// Returns the configuration file with the broker's users.
    pub(super) fn users_file(&self) -> PathBuf {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let ours = || {
            here.ancestors()
                .nth(2)
                .unwrap_or(here)
                .join("message-queue/users.conf")
        };
        self.users.clone().unwrap_or_else(ours)
    }

    /// Returns whether the broker has a user of the service's name with a password that we know.
    pub(super) fn has_user(&self, service: &str) -> bool {
        let users = fs::read_to_string(self.users_file()).unwrap_or_default();
        let user = format!("{{ user: {service}, password: ");
        let password = users.split_once(&user).map(|(_, rest)| rest);
        password.is_some_and(|password| {
            password.starts_with('$') || password.starts_with(&format!("\"{service}\""))
        })
    }

    /// Returns the port that the first member of a service shall listen on, if one was requested.
    pub(super) fn port(&self, service: &str) -> Option<u16> {
        match service {
            "todo-web" => self.web_port,
            "todo-api" => self.api_port,
            _ => None,
        }
    }

    /// Runs another program in place of a service's own.
    #[must_use]
    pub fn program_of(mut self, service: &str, program: PathBuf) -> Self {
        self.programs.insert(service.to_owned(), program);
        self
    }

    /// Returns the path of a program that was built along with the services.
    pub fn built(&self, name: &str) -> Result<PathBuf> {
        let directory = match &self.bin_dir {
            Some(directory) => directory.clone(),
            None => beside_us()?,
        };
        Ok(directory.join(name))
    }

    /// Returns the path of a service's program.
    pub(super) fn program(&self, service: &str) -> Result<PathBuf> {
        let program = match self.programs.get(service) {
            Some(program) => program.clone(),
            None => self.built(service)?,
        };
        ensure!(
            program.is_file(),
            "`{}` is not there: build it with `cargo build --workspace`, or run the tests with \
             `cargo xtask test`",
            program.display()
        );
        Ok(program)
    }
}

/// Returns the directory of the programs that were built along with the running one.
fn beside_us() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let directory = program
        .parent()
        .context("the running program has no directory")?;
    // A test's program is one directory deeper than the programs it is built with.
    let up = if directory.ends_with("deps") {
        directory.parent()
    } else {
        None
    };
    Ok(up.unwrap_or(directory).to_owned())
}
