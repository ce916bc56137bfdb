//! Clients that public generators make from `/openapi.json`, and from nothing else, on a journey through
//! the API.

use std::{fs, os::unix::fs::symlink, path::Path};

use testkit::SystemOptions;
use tokio::process::Command;

use crate::{
    guide::{root, target},
    user::User,
};

/// The generators' directories, where `cargo xtask test` installs them.
const PYTHON: &str = "openapi-python-client-0.29.1/bin";
const TYPESCRIPT: &str = "openapi-typescript-7.13.0/node_modules";

/// The directory of the journeys.
const FOLDER: &str = "crates/e2e/tests/it/generated";

async fn start() -> User {
    User::start(SystemOptions::default().only(&["todo-api", "save-handler"])).await
}

/// Runs a program in a folder; it has to succeed.
async fn run(folder: &Path, program: &Path, arguments: &[&str]) {
    assert!(
        program.exists(),
        "`{}` is not there: `cargo xtask test` installs it, which needs, once, the network",
        program.display()
    );
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONPATH", folder.join("client"))
        .kill_on_drop(true);
    let output = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{arguments:?}: {said}\n{complaints}"
    );
}

#[tokio::test]
async fn a_client_in_python_that_is_made_of_the_document_adds_changes_and_deletes() {
    let user = start().await;
    let api = user.system.api().unwrap();
    let api = api.trim_end_matches('/');
    let own = tempfile::tempdir().unwrap();
    let programs = target().join(PYTHON);
    let generator = programs.join("openapi-python-client");
    let document = format!("{api}/openapi.json");
    let arguments = [
        "generate",
        "--meta",
        "setup",
        "--output-path",
        "client",
        "--url",
        &document,
    ];
    run(own.path(), &generator, &arguments).await;
    let journey = root().join(FOLDER).join("journey.py");
    let journey = journey.to_str().unwrap();
    run(own.path(), &programs.join("python"), &[journey, api]).await;
}

#[tokio::test]
async fn a_client_in_typescript_whose_types_are_made_of_the_document_adds_changes_and_deletes() {
    let user = start().await;
    let api = user.system.api().unwrap();
    let api = api.trim_end_matches('/');
    let own = tempfile::tempdir().unwrap();
    let packages = target().join(TYPESCRIPT);
    symlink(&packages, own.path().join("node_modules")).unwrap();
    for file in ["journey.mts", "tsconfig.json"] {
        fs::copy(root().join(FOLDER).join(file), own.path().join(file)).unwrap();
    }
    let document = format!("{api}/openapi.json");
    let programs = packages.join(".bin");
    let arguments = [document.as_str(), "--output", "todo.d.ts"];
    run(own.path(), &programs.join("openapi-typescript"), &arguments).await;
    run(own.path(), &programs.join("tsc"), &["--project", "."]).await;
    run(
        own.path(),
        Path::new("/usr/bin/env"),
        &["node", "journey.mjs", api],
    )
    .await;
}
