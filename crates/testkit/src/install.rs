//! Finds the broker's and the database's programs on this machine, and installs them where it may.

mod packages;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

pub use packages::ensure_packages;

/// The oldest version of nats-server that has what the system needs.
pub const OLDEST_BROKER: Version = Version(2, 9);

/// The oldest version of PostgreSQL that has what the system needs.
pub const OLDEST_POSTGRES: Version = Version(15, 0);

/// The first two numbers of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.0, self.1)
    }
}

/// The broker's program.
#[derive(Clone, Debug)]
pub struct NatsServer {
    /// The program, by name when it is on the path.
    pub program: PathBuf,
    /// Its version.
    pub version: Version,
}

/// The database's programs.
#[derive(Clone, Debug)]
pub struct PostgresTools {
    /// The directory of `initdb`, `postgres` and `psql`.
    pub bin: PathBuf,
    /// The server's version.
    pub version: Version,
}

impl PostgresTools {
    /// Returns the path of one of the programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

/// Finds `nats-server`. The error, if there is none that is new enough, has the command that installs
/// it.
pub fn nats_server() -> Result<NatsServer> {
    // Debian installs it in a directory that is only on root's path.
    let places = [
        "nats-server",
        "/usr/sbin/nats-server",
        "/usr/local/sbin/nats-server",
    ];
    let found: Vec<_> = places
        .iter()
        .filter_map(|place| {
            Some(NatsServer {
                program: place.into(),
                version: version(place)?,
            })
        })
        .collect();
    let newest = found.iter().map(|server| server.version).max();
    found
        .into_iter()
        .find(|server| server.version >= OLDEST_BROKER)
        .with_context(|| missing("nats-server", OLDEST_BROKER, newest))
}

/// Finds PostgreSQL's programs. The error, if none are new enough, has the command that installs them.
pub fn postgres() -> Result<PostgresTools> {
    let found = all_postgres();
    let newest = found.iter().map(|tools| tools.version).max();
    found
        .into_iter()
        .find(|tools| tools.version >= OLDEST_POSTGRES)
        .with_context(|| missing("postgresql", OLDEST_POSTGRES, newest))
}

/// Finds PostgreSQL's programs of one major version. The error, if they are not installed, lists the
/// installed versions.
pub fn postgres_of(major: u32) -> Result<PostgresTools> {
    let found = all_postgres();
    let others: Vec<_> = found
        .iter()
        .map(|tools| tools.version.to_string())
        .collect();
    found
        .into_iter()
        .find(|tools| tools.version.0 == major)
        .with_context(|| format!("there is only PostgreSQL {}", others.join(" and ")))
}

/// Returns every installed version, in the order of preference.
fn all_postgres() -> Vec<PostgresTools> {
    let complete = |bin: &PathBuf| {
        ["initdb", "psql"]
            .iter()
            .all(|name| bin.join(name).exists())
    };
    postgres_directories()
        .into_iter()
        .filter(complete)
        .filter_map(|bin| {
            Some(PostgresTools {
                version: version(bin.join("postgres"))?,
                bin,
            })
        })
        .collect()
}

/// Finds both servers, and installs what is missing with the system's package manager.
pub fn ensure_servers() -> Result<(NatsServer, PostgresTools)> {
    let mut packages = Vec::new();
    if nats_server().is_err() {
        packages.push("nats-server");
    }
    if postgres().is_err() {
        packages.push("postgresql");
    }
    ensure_packages(&packages)?;
    Ok((nats_server()?, postgres()?))
}

/// Finds a browser and its driver, and installs them if they are missing.
pub fn ensure_browser() -> Result<()> {
    if version("chromedriver").is_some() {
        return Ok(());
    }
    // On Ubuntu the browser is a snap, which this one package installs.
    let packages: &[&str] = if packages::is_ubuntu() {
        &["chromium-chromedriver"]
    } else {
        &["chromium", "chromium-driver"]
    };
    ensure_packages(packages)?;
    let found = version("chromedriver").map(drop);
    found.context("`chromedriver` must be on the path, and Chromium where it looks for it")
}

/// Finds PostgreSQL's programs, and installs them if they are missing.
pub fn ensure_postgres() -> Result<PostgresTools> {
    if postgres().is_err() {
        ensure_packages(&["postgresql"])?;
    }
    postgres()
}

/// Finds PgBouncer, and installs it if it is missing.
pub fn ensure_pgbouncer() -> Result<PathBuf> {
    // Debian installs it in a directory that is only on root's path.
    let places = ["pgbouncer", "/usr/sbin/pgbouncer"];
    let find = || places.iter().find(|place| version(place).is_some());
    if find().is_none() {
        ensure_packages(&["pgbouncer"])?;
    }
    let found = find().context("`pgbouncer` must be on the path")?;
    Ok(found.into())
}

/// Returns the directories that may have PostgreSQL's programs: the one on the path, then Debian's,
/// newest first.
fn postgres_directories() -> Vec<PathBuf> {
    let mut directories = Vec::new();
    // The shell looks along the path; only the `service` runtime reads the environment.
    let found = Command::new("sh")
        .args(["-c", "command -v initdb"])
        .output();
    if let Ok(output) = found
        && let Ok(path) = Path::new(String::from_utf8_lossy(&output.stdout).trim()).canonicalize()
        && let Some(directory) = path.parent()
    {
        directories.push(directory.to_owned());
    }
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    directories.extend(versions.into_iter().map(|(_, directory)| directory));
    directories
}

/// Returns the version that a program prints, or `None` if it does not run.
fn version(program: impl AsRef<Path>) -> Option<Version> {
    let output = Command::new(program.as_ref())
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // `nats-server: v2.9.10`, `postgres (PostgreSQL) 15.18 (Debian 15.18-0)`, `… 18beta1`
    let word = text
        .split_whitespace()
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let mut numbers = word
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse().ok());
    Some(Version(
        numbers.next()??,
        numbers.next().flatten().unwrap_or(0),
    ))
}

fn missing(package: &str, oldest: Version, found: Option<Version>) -> String {
    let found = found.map_or("none".to_owned(), |version| format!("only {version}"));
    format!(
        "{package} {oldest} or newer is needed, {found} was found; {}",
        packages::what_to_type(&[package])
    )
}
