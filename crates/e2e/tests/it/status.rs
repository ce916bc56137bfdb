//! The operator's view of the whole system over the broker.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{SystemOptions, eventually};

use crate::user::{SOON, User};

/// The members that are expected when everything runs.
const EVERYBODY: &str = "save-handler=3,todo-web=1,todo-api=1,audit-handler=1,housekeeper=1";

impl User {
    /// Returns the status, and whether `todoctl` found all expected members within this time.
    async fn status(&self, expected: &str, within: &str) -> (Value, bool) {
        let arguments = ["status", "--json", "--expect", expected, "--within", within];
        let output = self.todoctl(&arguments).output().await.unwrap();
        let status = serde_json::from_slice(&output.stdout);
        let problem = String::from_utf8_lossy(&output.stderr);
        (
            status.unwrap_or_else(|_| panic!("{problem}")),
            output.status.success(),
        )
    }
}

fn members<'s>(status: &'s Value, service: &str) -> Vec<&'s str> {
    let members = status["members"].as_array().unwrap().iter();
    members
        .filter(|member| member["service"] == service)
        .map(|member| member["member"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn every_member_is_shown_with_its_work_and_a_frozen_one_is_missing_and_holds_up_nobody() {
    let options = SystemOptions::default().scale("save-handler", 3);
    let user = User::start(options).await;
    for n in 0..20 {
        user.add(&format!("item {n}")).await;
    }
    user.quiet(&["save-handler", "audit-handler"]).await;
    let (status, complete) = user.status(EVERYBODY, "10s").await;
    assert!(complete, "{status}");
    let savers = ["save-handler-1", "save-handler-2", "save-handler-3"];
    assert_eq!(members(&status, "save-handler"), savers);
    let handled = status["members"].as_array().unwrap().iter();
    let handled = handled.filter(|member| member["service"] == "save-handler");
    let handled = handled.map(|member| member["work"][0]["handled"].as_u64().unwrap());
    // Each item, and its `itemsaved`.
    assert_eq!(handled.sum::<u64>(), 40, "{status}");
    let api = status["members"].as_array().unwrap().iter();
    let mut api = api.filter(|member| member["service"] == "todo-api");
    let work = api.next().unwrap()["work"].as_array().unwrap().iter();
    let published: Vec<_> = work.filter(|work| work["name"] == "publish").collect();
    assert_eq!(published[0]["handled"], 20);
    assert_eq!(
        status["groups"]["save-handler"],
        json!({"waiting": 0, "inHand": 0})
    );

    user.system.pause_member("save-handler-2").unwrap();
    let start = Instant::now();
    let (status, complete) = user.status(EVERYBODY, "700ms").await;
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(!complete);
    assert_eq!(members(&status, "save-handler"), [savers[0], savers[2]]);
    assert_eq!(
        status["missing"],
        json!([{"service": "save-handler", "member": null}])
    );
    assert_eq!(members(&status, "audit-handler").len(), 1);

    user.system.resume_member("save-handler-2").unwrap();
    eventually("it answers again", SOON, async || {
        let (status, complete) = user.status(EVERYBODY, "2s").await;
        if complete { Ok(()) } else { Err(status) }
    })
    .await;
}

#[tokio::test]
async fn items_are_listed_over_the_broker_with_either_of_two_apis_and_without_http() {
    let options = SystemOptions::default().scale("todo-api", 2);
    let mut user = User::start(options).await;
    let id = user.add("buy milk").await;
    let saved = user.saved(&id).await;
    let ask = async |user: &User, arguments: &[&str]| {
        let output = user.todoctl(arguments).output().await.unwrap();
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {problem}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    assert_eq!(ask(&user, &["get", &id, "--json"]).await, saved);
    for api in ["todo-api-1", "todo-api-2"] {
        assert_eq!(ask(&user, &["list", "--json"]).await, saved);
        let end = user.system.stop_member(api).await.unwrap();
        assert!(end.success(), "{end}");
    }
    let output = user.todoctl(&["list"]).output().await.unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("is todo-api running?"), "{complaint}");
}
