//! `cargo xtask test`: runs every test, against real servers.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use testkit::database::VARIABLE;
use testkit::{Postgres, PostgresOptions, install};
use tokio::process::Command;

use crate::cargo::{cargo, code, finish};
use crate::docs;
use crate::stop::Stop;
use crate::{npm, pypi};

/// Options of the tests.
#[derive(Args)]
pub(crate) struct Options {
    /// Arguments for the test runner, such as `-p bus` or a part of a test's name; examples in the
    /// documentation are then left out
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Python packages: one tests the API by its document, the other generates a client from it. The tests
/// in `crates/e2e/tests/it` that use them name the versions too.
const IN_PYTHON: [pypi::Package; 2] = [
    pypi::Package {
        name: "schemathesis",
        version: "4.32.5",
    },
    pypi::Package {
        name: "openapi-python-client",
        version: "0.29.1",
    },
];

/// The database's limit of connections: every test makes a few, and the runner starts several at once.
const CONNECTIONS: u32 = 500;

/// JavaScript packages: one generates types from the API's document; the others run in the browser, to
/// check the pages' accessibility, and as a suite for everything that follows `TodoMVC`.
const IN_JAVASCRIPT: [npm::Package; 3] = [
    npm::Package {
        name: "openapi-typescript",
        version: "7.13.0",
        with: &["openapi-fetch@0.17.0", "typescript@5.9.3"],
        directory: "openapi-typescript",
    },
    npm::Package {
        name: "axe-core",
        version: "4.14.1",
        with: &[],
        directory: "axe-core",
    },
    npm::Package {
        name: "todomvc-tests",
        version: "1.0.0",
        with: &["@playwright/test@1.61.1"],
        directory: "todomvc-tests",
    },
];

/// Runs the tests; the exit code is that of the runner.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    install::ensure_servers()?;
    // From here on a signal must not end us before the cluster is stopped.
    let mut stop = Stop::listen()?;
    let mut postgres = Postgres::start(PostgresOptions {
        max_connections: CONNECTIONS,
        apart: true,
        ..PostgresOptions::default()
    })
    .await?;
    let url = postgres.url("postgres");
    let tested = test(&options, &url, &mut stop).await;
    postgres.stop().await?;
    tested
}

async fn test(options: &Options, postgres: &str, stop: &mut Stop) -> Result<ExitCode> {
    let parts = chosen_packages(&options.args);
    // Tests of the whole system start the services' programs, and open the page in a browser.
    if parts.is_empty() || parts.contains(&"e2e") {
        // If one of these cannot be installed, the tests that need it fail, and say so too.
        if let Err(error) = install::ensure_browser() {
            eprintln!("warning: a browser is NOT there: {error:#}");
        }
        for package in IN_PYTHON {
            if let Err(error) = package.ensure(stop).await {
                eprintln!("warning: {} is NOT there: {error:#}", package.name);
            }
        }
        for package in IN_JAVASCRIPT {
            if let Err(error) = package.ensure(stop).await {
                eprintln!("warning: {} is NOT there: {error:#}", package.name);
            }
        }
        let built = finish(cargo().args(["build", "--workspace"]), stop).await?;
        if !built.success() {
            return Ok(code(built));
        }
    }
    let mut runner = runner().await;
    if parts.is_empty() {
        runner.arg("--workspace");
    }
    let tests = finish(runner.args(&options.args).env(VARIABLE, postgres), stop).await?;
    if !options.args.is_empty() {
        return Ok(code(tests));
    }
    let mut examples = cargo();
    examples
        .args(["test", "--doc", "--workspace"])
        .env(VARIABLE, postgres);
    let examples = finish(&mut examples, stop).await?;
    let documents = docs::check(stop).await?;
    let ended = [tests, examples].into_iter().find(|ended| !ended.success());
    Ok(ended.map_or(documents, code))
}

/// Returns `cargo nextest`, which runs the tests of all crates in parallel, or `cargo test` if it is not
/// installed.
async fn runner() -> Command {
    let known = cargo().args(["nextest", "--version"]).output().await;
    let mut command = cargo();
    if known.is_ok_and(|output| output.status.success()) {
        command.args(["nextest", "run"]);
        if may_mount() {
            // Ignored tests need to mount.
            command.arg("--run-ignored=all");
        }
    } else {
        command.args(["test", "--no-fail-fast", "--lib", "--bins", "--tests"]);
    }
    command
}

/// Returns whether we may mount disks, as root usually may: the kernel's capability `CAP_SYS_ADMIN`.
fn may_mount() -> bool {
    const SYS_ADMIN: u32 = 21;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    effective.is_some_and(|bits| bits >> SYS_ADMIN & 1 == 1)
}

/// Returns the packages that the runner's arguments choose.
fn chosen_packages(args: &[String]) -> Vec<&str> {
    let mut chosen = Vec::new();
    let mut rest = args.iter().map(String::as_str);
    while let Some(argument) = rest.next() {
        match argument {
            "-p" | "--package" => chosen.extend(rest.next()),
            _ => chosen.extend(
                argument
                    .strip_prefix("--package=")
                    .or_else(|| argument.strip_prefix("-p")),
            ),
        }
    }
    chosen
}
