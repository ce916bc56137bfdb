//! A person wishes that a text were gone for good.

use std::{fs, path::Path, process::Output};

use serde_json::json;
use testkit::{SystemOptions, http};
use tokio::process::Command;

use crate::user::User;

/// Part of each text that is to be erased.
const SECRET: &str = "secret";

/// The same as PostgreSQL shows bytes, in hexadecimal.
const IN_HEX: &str = "736563726574";

const GROUPS: [&str; 2] = ["save-handler", "audit-handler"];

/// Everything that can be seen of the items.
const SEEN: &str = "select string_agg(item || ' ' || version, ',' order by item_id) from items \
    where created_position is not null and not deleted";

impl User {
    /// Runs the command of the manual, as the owner of the tables.
    async fn erase(&self, id: &str) -> Output {
        let mut command = Command::new(self.system.program("setup").unwrap());
        command
            .args(["--erase-items", id])
            .env("NATS_URL", self.system.nats())
            .env("DATABASE_URL", self.system.database())
            .kill_on_drop(true);
        command.output().await.unwrap()
    }

    /// Changes the text, with a key, so that the answer is noted in the ledger.
    async fn rename_with_a_key(&self, id: &str, item: &str) {
        let api = self.system.api().unwrap();
        let address = format!("{}/todo/{id}", api.trim_end_matches('/'));
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", item),
        ];
        let body = json!({ "item": item }).to_string();
        let answer = http::request("PATCH", &address, &headers, body.as_bytes());
        assert_eq!(answer.await.unwrap().status, 202);
    }

    /// The API says that there is no such item, and not that it will be there in a moment.
    async fn is_gone(&self, path: &str) {
        let answer = self.get(path).await;
        let said = answer.text();
        assert_eq!(answer.status, 404, "{said}");
        assert!(!said.contains("not-saved-yet"), "{said}");
    }

    /// Every row of every table of ours, as text.
    async fn tables(&self) -> String {
        let names = "select string_agg(format('%I.%I', table_schema, table_name), ' ') \
            from information_schema.tables \
            where table_schema in ('public', 'audit') and table_type = 'BASE TABLE'";
        let names = self.sql(names).await;
        assert!(names.contains("public.items") && names.contains("audit.events"));
        let mut all = String::new();
        for name in names.split(' ') {
            all += &self
                .sql(&format!(
                    "select string_agg(one::text, ' ') from {name} one"
                ))
                .await;
        }
        all
    }

    /// Tells whether the database has the text, and whether the broker's files do.
    async fn is_kept(&mut self) -> [bool; 2] {
        let tables = self.tables().await;
        let store = self.system.broker().dir().join("store");
        [
            tables.contains(SECRET) || tables.contains(IN_HEX),
            has(&store, SECRET.as_bytes()),
        ]
    }
}

/// Tells whether a file under this directory has these bytes.
fn has(directory: &Path, bytes: &[u8]) -> bool {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries.map(|entry| entry.path()).any(|path| {
        if path.is_dir() {
            return has(&path, bytes);
        }
        let content = fs::read(&path).unwrap_or_default();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

#[tokio::test]
async fn an_erased_text_is_nowhere_and_no_replay_and_no_rebuild_brings_it_back() {
    let mut user = User::start(SystemOptions::default().scale("save-handler", 1)).await;
    let kept = user.add("eggs").await;
    let id = user.add("secret one").await;
    user.saved(&id).await;
    user.rename_with_a_key(&id, "secret two").await;
    user.quiet(&GROUPS).await;
    // What the savers refuse is a dead letter.
    user.sql("alter table items add constraint odd check (item <> 'secret three')")
        .await;
    user.rename_with_a_key(&id, "secret three").await;
    user.quiet(&GROUPS).await;
    user.sql("alter table items drop constraint odd").await;
    assert_eq!(user.messages("DEAD_LETTERS").await, 1);

    let refused = user.erase(&id).await;
    let said = String::from_utf8_lossy(&refused.stdout) + String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("is not deleted"), "{said}");
    let path = format!("/todo/{id}");
    let gone = user.send("DELETE", &path, "").await;
    assert!(gone.status < 300, "{}", gone.text());
    user.quiet(&GROUPS).await;
    assert_eq!(user.is_kept().await, [true, true]);

    let erased = user.erase(&id).await;
    let said = String::from_utf8_lossy(&erased.stdout) + String::from_utf8_lossy(&erased.stderr);
    assert!(erased.status.success(), "{said}");
    assert_eq!(user.is_kept().await, [false, false], "{said}");
    assert!(user.erase(&id).await.status.success(), "it may run again");
    user.is_gone(&path).await;
    let audited = "select count(*) from audit.events where item_id = ";
    let audited = user.sql(&format!("{audited}'{id}'")).await;
    assert!(audited.parse::<u32>().unwrap() >= 4, "{audited}");

    // Nothing is left that could be replayed, and all is made anew of what the stream has.
    let replay = user.todoctl(&["dead", "replay", "--all"]).output().await;
    assert_eq!(replay.unwrap().status.code(), Some(1));
    let seen = user.sql(SEEN).await;
    assert!(seen.contains("eggs"), "{seen}");
    user.system.stop_member("save-handler-1").await.unwrap();
    user.operator(&["forget", "save-handler", "--yes"]).await;
    user.sql("truncate items").await;
    user.system.relaunch("save-handler-1").await.unwrap();
    user.saved(&kept).await;
    user.quiet(&GROUPS).await;
    assert_eq!(user.sql(SEEN).await, seen);
    user.is_gone(&path).await;
    assert_eq!(user.is_kept().await, [false, false]);
}
