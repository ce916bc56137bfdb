//! A public test suite for implementations of the `TodoMVC` specification, run against the page: the
//! package `todomvc-tests`, run by Playwright.

use std::{fs, path::Path};

use testkit::{System, SystemOptions};
use tokio::process::Command;

use crate::browser::target;

/// The suite's directory, where `cargo xtask test` installs it.
const PACKAGE: &str = "todomvc-tests-1.0.0";

/// Our settings for the suite.
const CONFIG: &str = include_str!("todomvc/playwright.config.ts");
const FIXTURES: &str = include_str!("todomvc/fixtures.ts");

/// Copies the suite, with our settings, to where it finds the packages that it uses: Playwright runs no
/// tests inside `node_modules`.
fn lay_out(package: &Path, suite: &Path) {
    let theirs = package.join("node_modules/todomvc-tests/tests");
    for (from, to) in [
        ("app.spec.ts", "app.spec.ts"),
        ("fixtures.ts", "original.ts"),
    ] {
        fs::copy(theirs.join(from), suite.join(to)).unwrap();
    }
    fs::write(suite.join("fixtures.ts"), FIXTURES).unwrap();
    fs::write(suite.join("playwright.config.ts"), CONFIG).unwrap();
}

#[tokio::test]
async fn a_suite_that_others_wrote_for_todomvc_passes() {
    let package = target().join(PACKAGE);
    assert!(
        package.is_dir(),
        "`{}` is not there: `cargo xtask test` installs it, which needs npm and, once, the network",
        package.display()
    );
    let suite = tempfile::tempdir_in(&package).unwrap();
    lay_out(&package, suite.path());
    let options = SystemOptions::default().only(&["todo-web", "save-handler"]);
    let system = System::start(options).await.unwrap();

    let mut run = Command::new("node");
    run.arg(package.join("node_modules/@playwright/test/cli.js"));
    run.arg("test").current_dir(suite.path());
    run.env("BASE_URL", system.web().unwrap());
    let output = run.kill_on_drop(true).output().await.unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}\n{complaints}");
}
