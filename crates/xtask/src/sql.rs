//! `cargo xtask sql`: records the metadata of the queries in `.sqlx`, which the compiler checks them
//! against, from a real database; needed after a change of a migration or a query.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use clap::Args;
use testkit::{Postgres, PostgresOptions, install};

use crate::cargo::{cargo, root, succeed};
use crate::stop::Stop;

/// Options of the task.
#[derive(Args)]
pub(crate) struct Options {
    /// Compare with the recorded metadata, and change nothing
    #[arg(long)]
    check: bool,
}

/// The database that the migrations are applied to.
const DATABASE: &str = "todo";

/// Records or compares.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    install::ensure_postgres()?;
    let mut stop = Stop::listen()?;
    tokio::select! {
        done = record_or_compare(&options) => done.map(|()| ExitCode::SUCCESS),
        signal = stop.asked() => {
            eprintln!("stopped by {signal}");
            Ok(ExitCode::from(130))
        }
    }
}

async fn record_or_compare(options: &Options) -> Result<()> {
    let mut postgres = Postgres::start(PostgresOptions {
        apart: true,
        ..PostgresOptions::default()
    })
    .await?;
    let answers = answers(&postgres).await;
    postgres.stop().await?;
    let answers = answers?;
    let recorded = root().join(".sqlx");
    let before = if recorded.exists() {
        read_all(&recorded)?
    } else {
        BTreeMap::new()
    };
    let different = differences(&before, &answers);
    if options.check {
        ensure!(
            different.is_empty(),
            "the recorded queries are not those of the code; run `cargo xtask sql` and commit `.sqlx`:\n  {}",
            different.join("\n  ")
        );
    } else {
        write_all(&recorded, &before, &answers)?;
    }
    println!("{} queries, {} changed", answers.len(), different.len());
    Ok(())
}

/// Returns the database's metadata of each query of `store`: file name and content.
async fn answers(postgres: &Postgres) -> Result<BTreeMap<String, Vec<u8>>> {
    postgres.create_database(DATABASE).await?;
    for migration in migrations()? {
        eprintln!(
            "   Migrating {}",
            migration.file_name().unwrap_or_default().display()
        );
        postgres.execute_file(DATABASE, &migration).await?;
    }
    // The macros run only when their crate is compiled.
    let source = root().join("crates/store/src/lib.rs");
    fs::File::options()
        .append(true)
        .open(&source)?
        .set_modified(SystemTime::now())?;
    let directory = tempfile::tempdir()?;
    let mut check = cargo();
    check.args(["check", "--package", "store", "--all-targets"]);
    check
        .env("DATABASE_URL", postgres.url(DATABASE))
        .env("SQLX_OFFLINE", "false");
    check.env("SQLX_OFFLINE_DIR", directory.path());
    succeed(&mut check).await?;
    read_all(directory.path())
}

/// Returns the migrations in their order.
fn migrations() -> Result<Vec<PathBuf>> {
    let directory = root().join("migrations");
    let entries = fs::read_dir(&directory)
        .with_context(|| format!("cannot read `{}`", directory.display()))?;
    let mut files: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    Ok(files)
}

fn read_all(directory: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        files.insert(
            entry.file_name().to_string_lossy().into_owned(),
            fs::read(entry.path())?,
        );
    }
    Ok(files)
}

fn write_all(
    directory: &Path,
    before: &BTreeMap<String, Vec<u8>>,
    after: &BTreeMap<String, Vec<u8>>,
) -> Result<()> {
    fs::create_dir_all(directory)?;
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        fs::remove_file(directory.join(name))?;
    }
    for (name, content) in after
        .iter()
        .filter(|(name, content)| before.get(*name) != Some(*content))
    {
        fs::write(directory.join(name), content)?;
    }
    Ok(())
}

/// Returns the names of the files that differ, with the kind of the difference.
fn differences(
    before: &BTreeMap<String, Vec<u8>>,
    after: &BTreeMap<String, Vec<u8>>,
) -> Vec<String> {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let gone = gone.map(|name| format!("{name}: no query has it any more"));
    let other = after
        .iter()
        .filter_map(|(name, content)| match before.get(name) {
            Some(recorded) if recorded == content => None,
            Some(_) => Some(format!("{name}: the database answers differently")),
            None => Some(format!("{name}: not recorded")),
        });
    gone.chain(other).collect()
}
