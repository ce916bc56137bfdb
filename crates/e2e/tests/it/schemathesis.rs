//! The API, tested from `/openapi.json` and nothing else: schemathesis sends what the document allows
//! and what it forbids, follows its links, and compares every response with it.

use testkit::SystemOptions;
use tokio::process::Command;

use crate::{
    guide::{root, target},
    user::User,
};

/// The program, where `cargo xtask test` installs it.
const PROGRAM: &str = "schemathesis-4.32.5/bin/schemathesis";

/// The directory of its settings.
const FOLDER: &str = "crates/e2e/tests/it/schemathesis";

const TOKEN: &str = "a-token-for-schemathesis";

/// Runs it against the whole system; `prefer` is the `Prefer` header of every request.
async fn try_out(phases: &str, prefer: &str) {
    let program = target().join(PROGRAM);
    assert!(
        program.is_file(),
        "`{}` is not there: `cargo xtask test` installs it, which needs python3 and, once, the network",
        program.display()
    );
    let options = SystemOptions::default()
        .without("todo-web")
        .without("audit-handler")
        .env("todo-api", "API_TOKENS", TOKEN);
    let user = User::start(options).await;
    let api = user.system.api().unwrap();
    let api = api.trim_end_matches('/');
    let own = tempfile::tempdir().unwrap();
    let mut run = Command::new(program);
    run.arg("--config-file")
        .arg(root().join(FOLDER).join("schemathesis.toml"));
    run.arg("run").arg(format!("{api}/openapi.json"));
    run.args(["--checks", "all", "--phases", phases]);
    run.args(["--header", &format!("Authorization: Bearer {TOKEN}")]);
    run.args(["--header", &format!("Prefer: {prefer}")]);
    // Its extensions are beside its settings; the files that it keeps beside its report are not needed.
    run.env("PYTHONPATH", root().join(FOLDER))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    run.current_dir(own.path()).kill_on_drop(true);
    let output = run.output().await.unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}\n{complaints}");
    let troubles = user.system.lines_of("todo-api");
    let troubles = troubles
        .iter()
        .filter(|line| line.contains("ERROR") || line.contains("WARN"));
    let troubles: Vec<_> = troubles
        .filter(|line| !line.contains("development password"))
        .collect();
    assert!(troubles.is_empty(), "{troubles:#?}");
}

#[tokio::test]
async fn whatever_is_sent_is_answered_as_the_document_says() {
    try_out("examples,coverage,fuzzing", "respond-async").await;
}

#[tokio::test]
async fn whatever_follows_on_what_is_answered_as_the_document_says() {
    try_out("examples,stateful", "wait=3").await;
}
