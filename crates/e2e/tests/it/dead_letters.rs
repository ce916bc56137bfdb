//! The operator's commands on dead letters.

use serde_json::{Value, json};
use testkit::SystemOptions;

use crate::user::User;

/// A replay reaches no other group, not even the audit, and later changes stay as they are.
#[tokio::test]
async fn a_letter_whose_cause_is_mended_is_replayed_to_its_group_and_overwrites_nothing() {
    let user = User::start(SystemOptions::default()).await;
    let id = user.add("a pipe").await;
    user.saved(&id).await;
    user.sql("alter table items add constraint no_lead check (item <> 'lead')")
        .await;
    user.rename(&id, "lead").await;
    // In one batch the later change would hide the earlier one from the database.
    user.quiet(&["save-handler"]).await;
    user.rename(&id, "copper").await;
    let refused = user.add("lead").await;
    user.quiet(&["save-handler", "audit-handler"]).await;
    assert_eq!(user.saved(&id).await["item"], "copper");
    let list = user
        .operator(&["dead", "list", "--group", "save-handler"])
        .await;
    let lines: Vec<_> = list.lines().skip(1).collect();
    assert_eq!(lines.len(), 2, "{list}");
    assert!(lines[0].contains("events.todo.itemrenamed"), "{list}");
    assert!(lines[1].contains(&refused) && lines[1].contains("cannot be handled"));
    let page = user.operator(&["dead", "show", "--id", &refused]).await;
    assert!(
        page.contains("no_lead") && page.contains(r#""item":"lead""#),
        "{page}"
    );

    user.sql("alter table items drop constraint no_lead").await;
    let audited = user.sql(AUDITED).await;
    let said = user
        .operator(&["dead", "replay", "--reason", "no_lead"])
        .await;
    assert_eq!(said, "replayed 2 dead letters\n");
    let saved = user.saved(&refused).await;
    assert_eq!(
        (&saved["item"], &saved["version"]),
        (&json!("lead"), &json!(1))
    );
    user.quiet(&["save-handler", "audit-handler"]).await;
    let item = user.saved(&id).await;
    assert_eq!(
        (&item["item"], &item["version"]),
        (&json!("copper"), &json!(2))
    );
    assert_eq!(user.sql(AUDITED).await, audited);
    assert_eq!(
        (
            user.messages("DEAD_LETTERS").await,
            user.messages("REPLAYS").await
        ),
        (0, 0)
    );
    let again = user
        .todoctl(&["dead", "replay", "--all"])
        .output()
        .await
        .unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&again.stderr),
        "error: no dead letter matches\n"
    );
}

/// Counts the audited events, except those that a save publishes.
const AUDITED: &str = "select count(*), count(distinct sequence) from audit.events where subject not like '%itemsaved'";

#[tokio::test]
async fn poison_is_listed_with_its_reason_for_programs_too_and_can_be_discarded() {
    let user = User::start(SystemOptions::default().only(&["save-handler"])).await;
    user.publish("events.todo.newitem", "hello").await;
    user.publish("events.todo.whatever", "{}").await;
    user.quiet(&["save-handler"]).await;
    let lines = user.operator(&["dead", "list", "--json"]).await;
    let letters = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let mut reasons: Vec<_> = letters
        .map(|letter: Value| {
            let body = letter["event"]["body"].as_str().unwrap().to_owned();
            (letter["reason"].as_str().unwrap().to_owned(), body)
        })
        .collect();
    reasons.sort();
    let malformed = "the body is no NewItem: it is not JSON: expected value at line 1 column 1";
    let unknown = "unknown subject `events.todo.whatever`";
    let expected = [(malformed, "hello"), (unknown, "{}")];
    assert_eq!(
        reasons,
        expected.map(|(reason, body)| (reason.into(), body.into()))
    );
    let said = user
        .operator(&["dead", "discard", "--reason", "unknown subject"])
        .await;
    assert_eq!(said, "discarded 1 dead letter\n");
    assert_eq!(user.messages("DEAD_LETTERS").await, 1);
}

impl User {
    /// Runs `todoctl`, which must succeed, and returns its output.
    pub(crate) async fn operator(&self, arguments: &[&str]) -> String {
        let output = self.todoctl(arguments).output().await.unwrap();
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {problem}");
        String::from_utf8(output.stdout).unwrap()
    }

    async fn rename(&self, id: &str, item: &str) {
        let change = json!({ "item": item }).to_string();
        let answer = self.send("PATCH", &format!("/todo/{id}"), &change).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
}
