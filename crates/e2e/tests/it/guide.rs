//! The guide `docs/adding-a-group.md`, followed word by word in a copy of the workspace.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use cargo_metadata::MetadataCommand;
use tempfile::TempDir;
use testkit::{Output, Process, Signal, System, SystemOptions, eventually, http};
use tokio::process::Command;

use crate::user::{SOON, User, between};

/// Files that a build reads besides the crates.
const BUILD_FILES: [&str; 6] = [
    ".cargo",
    ".sqlx",
    "docs",
    "migrations",
    "Cargo.toml",
    "rust-toolchain.toml",
];

/// Variables that cargo sets for a test, about its package. Some build scripts read them, and would run
/// again.
const OURS: [&str; 7] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_LINKS",
    "CARGO_PKG_NAME",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
];

/// The files and settings that the guide has the reader write.
struct Guide {
    text: String,
    name: String,
    manifest: String,
    program: String,
    compose: String,
    user: String,
}

impl Guide {
    fn read() -> Self {
        let text = fs::read_to_string(root().join("docs/adding-a-group.md")).unwrap();
        let block = |kind: &str| between(&text, &format!("```{kind}\n"), "```").to_owned();
        let manifest = block("toml");
        Self {
            name: between(&manifest, "name = \"", "\"").to_owned(),
            manifest,
            program: block("rust"),
            compose: block("yaml"),
            user: block("conf"),
            text,
        }
    }

    /// Carries out steps 1 and 2 in a copy of the workspace.
    fn follow(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        let crates = copy.path().join("crates");
        fs::create_dir(&crates).unwrap();
        // Links are as good as copies for files that a build only reads, and keep the files' times:
        // cargo compares them, and would compile copies again.
        for file in BUILD_FILES {
            symlink(root().join(file), copy.path().join(file)).unwrap();
        }
        for entry in fs::read_dir(root().join("crates")).unwrap() {
            let entry = entry.unwrap();
            symlink(entry.path(), crates.join(entry.file_name())).unwrap();
        }
        // Cargo adds the new crate to this file.
        fs::copy(root().join("Cargo.lock"), copy.path().join("Cargo.lock")).unwrap();

        let folder = crates.join(&self.name);
        fs::create_dir_all(folder.join("src")).unwrap();
        fs::write(folder.join("Cargo.toml"), &self.manifest).unwrap();
        fs::write(folder.join("src/main.rs"), &self.program).unwrap();
        copy
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Returns cargo's target directory.
pub(crate) fn target() -> PathBuf {
    let mut metadata = MetadataCommand::new();
    metadata.current_dir(root()).no_deps();
    let metadata = metadata.other_options(["--offline".to_owned()]);
    metadata.exec().unwrap().target_directory.into()
}

/// Carries out step 4: builds the group, where the rest of the workspace is built already.
async fn build(name: &str, copy: &Path) -> PathBuf {
    let target = target();
    let mut cargo = Command::new(env!("CARGO"));
    // With `--package`, as the guide says, cargo would leave out the features of dependencies that only
    // other crates enable, and compile all of those again.
    cargo.args(["build", "--offline", "--workspace", "--bin", name]);
    cargo.current_dir(copy).env("CARGO_TARGET_DIR", &target);
    for variable in OURS {
        cargo.env_remove(variable);
    }
    let output = cargo.kill_on_drop(true).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && !said.contains("warning"),
        "{said}"
    );
    target.join("debug").join(name)
}

/// Adds the group's user to the list in `users`, and has the broker reload it.
fn let_in(guide: &Guide, users: &Path, system: &mut System) {
    let before = fs::read_to_string(users).unwrap();
    let (list, end) = before.rsplit_once("  ]\n}").unwrap();
    fs::write(users, format!("{list}{}  ]\n}}{end}", guide.user)).unwrap();
    system.broker().reload().unwrap();
}

/// Starts a member of the group, which logs in as its own user.
async fn start(program: &Path, name: &str, system: &mut System) -> (Process, String) {
    let mut command = Command::new(program);
    let file = system.dir().join("group-address");
    command.env("ADDRESS_FILE", &file);
    let broker = format!("nats://127.0.0.1:{}", system.broker().port());
    command.env("NATS_URL", broker);
    command.env("HTTP_ADDR", "127.0.0.1:0");
    let process = Process::spawn(name, command, Output::Lines(None)).unwrap();
    let address = eventually("the group listens", SOON, async || {
        fs::read_to_string(&file).map_err(|_| process.tail())
    });
    let address = format!("http://{}", address.await.trim());
    (process, address)
}

/// Returns the values of the group's own counter, by label.
async fn counts(address: &str) -> BTreeMap<String, u64> {
    let metrics = http::get(&format!("{address}/metrics"))
        .await
        .unwrap()
        .text();
    let counts = metrics.lines().filter_map(|line| {
        let (what, count) = line
            .strip_prefix("todo_events_total{what=\"")?
            .split_once("\"} ")?;
        Some((what.to_owned(), count.parse().unwrap()))
    });
    counts.collect()
}

/// Returns the members' processes, and how often each of them has connected to the broker or begun to
/// listen.
fn seen(system: &System) -> Vec<(String, Option<u32>, usize)> {
    let members = system.members().into_iter();
    members
        .map(|member| {
            let lines = system.lines(&member.name).unwrap();
            let starts = ["connected to broker", "listening on"];
            let started = |line: &&String| starts.iter().any(|start| line.contains(start));
            let starts = lines.iter().filter(started).count();
            (member.name, member.pid, starts)
        })
        .collect()
}

#[tokio::test]
async fn whoever_follows_the_guide_has_a_group_that_gets_every_event_since_the_first() {
    let guide = Guide::read();
    let copy = guide.follow();
    let program = build(&guide.name, copy.path()).await;

    let users = copy.path().join("users.conf");
    fs::copy(root().join("message-queue/users.conf"), &users).unwrap();
    let mut user = User::start(SystemOptions::default().users(&users)).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(user.add(&format!("item {n}")).await);
    }
    let item = format!("/todo/{}", ids[4]);
    user.saved(&ids[4]).await;
    let done = user.send("PATCH", &item, r#"{"completed":true}"#).await;
    assert_eq!(done.status, 202);
    user.publish("events.todo.newitem", "no event").await;
    user.quiet(&["save-handler", "audit-handler"]).await;
    let before = seen(&user.system);

    let_in(&guide, &users, &mut user.system);
    let (mut process, address) = start(&program, &guide.name, &mut user.system).await;
    let stored = user.messages("TODO").await;
    eventually("the group has every event", SOON, async || {
        let counts = counts(&address).await;
        if counts.values().sum::<u64>() == stored {
            Ok(())
        } else {
            Err(format!("{counts:?}; {}", process.tail()))
        }
    })
    .await;
    let first = counts(&address).await;
    let count = |what: &str| first.get(what).copied();
    assert_eq!(count("added"), Some(5));
    assert_eq!(count("completed"), Some(1));
    assert_eq!(count("unreadable"), Some(1));
    assert_eq!(count("saved"), Some(stored - 7));
    let ready = http::get(&format!("{address}/readyz")).await.unwrap();
    assert_eq!(ready.status, 200, "{}", ready.text());

    // It answers discovery requests, for which its author has written nothing.
    let expected = format!("{}=1,save-handler=1", guide.name);
    let status = ["status", "--json", "--expect", &expected, "--within", "10s"];
    let status = user.todoctl(&status).output().await.unwrap();
    assert!(status.status.success(), "{status:?}");

    assert_eq!(seen(&user.system), before, "somebody was disturbed");
    user.add("one more").await;
    eventually("the group goes on with what is new", SOON, async || {
        let counts = counts(&address).await;
        counts["added"] == 6 && counts["saved"] == stored - 6
    })
    .await;
    let end = process.stop(Signal::SIGTERM, SOON).await.unwrap();
    assert!(end.success(), "{end}");
}

#[test]
fn the_guides_compose_file_adds_one_service_and_nothing_else() {
    let guide = Guide::read();
    let name = &guide.name;
    for step in [
        format!("`crates/{name}`"),
        format!("`crates/{name}/src/main.rs`"),
        format!("cargo build --package {name}"),
        "`message-queue/users.conf`".to_owned(),
        "docker compose exec message-queue nats-server --signal reload=1".to_owned(),
    ] {
        assert!(guide.text.contains(&step), "the guide does not say {step}");
    }
    let compose = guide.compose.lines();
    let keys = |indent: &str| {
        compose
            .clone()
            .filter_map(|line| line.strip_prefix(indent))
            .filter(|line| !line.starts_with([' ', '#']) && line.contains(':'))
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(""), ["services:"]);
    assert_eq!(keys("  "), [format!("{name}:")]);
    // It equals the files of existing groups, but for the name.
    let audit = fs::read_to_string(root().join("docker-compose-audit.yml")).unwrap();
    let services = |text: &str| text.split_once("services:").unwrap().1.trim().to_owned();
    assert_eq!(
        services(&guide.compose),
        services(&audit)
            .replace("audit-handler", name)
            .replace("AUDIT_HANDLER", &name.replace('-', "_").to_uppercase())
    );
}
