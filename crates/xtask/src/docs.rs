//! `cargo xtask docs`: writes `docs/asyncapi.yaml` anew, from what the code says, and has the official
//! parser of AsyncAPI read it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;
use testkit::install;
use tokio::process::Command;

use crate::cargo::{cargo, code, finish, root, target_dir};
use crate::stop::Stop;

/// The document.
const DOCUMENT: &str = "docs/asyncapi.yaml";

/// The parser's package and version.
const PARSER: (&str, &str) = ("@asyncapi/parser", "3.6.3");

/// What has the parser read a file.
const VALIDATE: &str = include_str!("docs/validate.js");

/// Nothing is to be chosen.
#[derive(Args)]
pub(crate) struct Options {}

/// Writes and reads it.
pub(crate) async fn run(Options {}: Options) -> Result<ExitCode> {
    let mut stop = Stop::listen()?;
    let mut write = cargo();
    // The test that compares is the one that knows what is right.
    let test = "asyncapi::the_document_is_what_the_code_says";
    write.args(["test", "--quiet", "--package", "e2e", "--test", "it", "--"]);
    write.args(["--exact", test]).env("RECORD_DOCS", "1");
    let written = finish(&mut write, &mut stop).await?;
    if !written.success() {
        return Ok(code(written));
    }
    let parser = parser(&mut stop).await?;
    validate(&parser, &mut stop).await
}

/// Has the parser read the document. Where the parser cannot be had, this is said, and nothing fails.
pub(crate) async fn check(stop: &mut Stop) -> Result<ExitCode> {
    match parser(stop).await {
        Ok(parser) => validate(&parser, stop).await,
        Err(error) => {
            eprintln!(
                "warning: {DOCUMENT} was NOT read by {}: {error:#}",
                PARSER.0
            );
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn validate(parser: &Path, stop: &mut Stop) -> Result<ExitCode> {
    let mut node = Command::new("node");
    node.args(["-e", VALIDATE]).arg(root().join(DOCUMENT));
    node.current_dir(parser).kill_on_drop(true);
    let read = finish(&mut node, stop).await?;
    let (name, version) = PARSER;
    if read.success() {
        eprintln!("{DOCUMENT} is valid, says {name} {version}");
    } else {
        eprintln!("error: {DOCUMENT} is not valid, says {name} {version}");
    }
    Ok(code(read))
}

/// The directory where the parser is; it is fetched once.
async fn parser(stop: &mut Stop) -> Result<PathBuf> {
    let (name, version) = PARSER;
    let directory = target_dir()
        .await?
        .join(format!("asyncapi-parser-{version}"));
    if directory.exists() {
        return Ok(directory);
    }
    if !runs("npm").await {
        install::ensure_packages(&["nodejs", "npm"])?;
    }
    eprintln!(
        "Installing {name} {version} under `{}`",
        directory.display()
    );
    // What is there is there as a whole.
    let unfinished = target_dir().await?.join("asyncapi-parser.unfinished");
    fs::create_dir_all(&unfinished)?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts"]);
    npm.args([
        "--loglevel=error",
        "--fetch-retries=1",
        "--fetch-timeout=20000",
    ]);
    npm.arg("--prefix")
        .arg(&unfinished)
        .arg(format!("{name}@{version}"));
    npm.stdout(Stdio::null()).kill_on_drop(true);
    let installed = finish(&mut npm, stop).await?;
    ensure!(
        installed.success(),
        "npm cannot install it ({installed}); this needs the network, once"
    );
    fs::rename(&unfinished, &directory).context("cannot keep the parser")?;
    Ok(directory)
}

async fn runs(program: &str) -> bool {
    let mut command = Command::new(program);
    command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().await.is_ok_and(|status| status.success())
}
