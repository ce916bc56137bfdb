//! `cargo xtask docs`: generates `docs/asyncapi.yaml` and `docs/openapi.json` from the code, and
//! validates the first with the official parser of AsyncAPI.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use tokio::process::Command;

use crate::cargo::{cargo, code, finish, root};
use crate::npm::Package;
use crate::stop::Stop;

/// The document that the parser validates.
const DOCUMENT: &str = "docs/asyncapi.yaml";

/// The parser's package.
const PARSER: Package = Package {
    name: "@asyncapi/parser",
    version: "3.6.3",
    with: &[],
    directory: "asyncapi-parser",
};

/// The script that runs the parser on a file.
const VALIDATE: &str = include_str!("docs/validate.js");

/// Options: none.
#[derive(Args)]
pub(crate) struct Options {}

/// Generates both documents and validates the first.
pub(crate) async fn run(Options {}: Options) -> Result<ExitCode> {
    let mut stop = Stop::listen()?;
    // The tests that compare the documents with the code can also write them. The API serves the first
    // document, so it is written before the API is built.
    for (package, module) in [("e2e", "asyncapi"), ("todo-api", "openapi")] {
        let test = format!("{module}::the_document_is_what_the_code_says");
        let mut write = cargo();
        write.args(["test", "--quiet", "--package", package, "--test", "it"]);
        write.args(["--", "--exact", &test]).env("RECORD_DOCS", "1");
        let written = finish(&mut write, &mut stop).await?;
        if !written.success() {
            return Ok(code(written));
        }
    }
    let parser = PARSER.ensure(&mut stop).await?;
    validate(&parser, &mut stop).await
}

/// Validates the document with the parser. If the parser cannot be installed, a warning is shown, and
/// nothing fails.
pub(crate) async fn check(stop: &mut Stop) -> Result<ExitCode> {
    match PARSER.ensure(stop).await {
        Ok(parser) => validate(&parser, stop).await,
        Err(error) => {
            eprintln!(
                "warning: {DOCUMENT} was NOT read by {}: {error:#}",
                PARSER.name
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
    let Package { name, version, .. } = PARSER;
    if read.success() {
        eprintln!("{DOCUMENT} is valid, says {name} {version}");
    } else {
        eprintln!("error: {DOCUMENT} is not valid, says {name} {version}");
    }
    Ok(code(read))
}
