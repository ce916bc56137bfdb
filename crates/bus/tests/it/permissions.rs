//! Permissions at the broker, by the product's own configuration.

mod services;

use std::{sync::Arc, time::Duration};

use async_nats::{ConnectOptions, Event};
use bus::{Bus, ExpectedMembers, LossWatch, Streams};
use futures_util::StreamExt;
use testkit::{Broker, BrokerOptions, eventually};
use tokio::{sync::Mutex, time::timeout};

use crate::world::{SOON, new_item};

const USERS: [&str; 7] = [
    "operator",
    "setup",
    "housekeeper",
    "todo-web",
    "todo-api",
    "save-handler",
    "audit-handler",
];

/// A broker that knows the product's users, each by the password that it has for development, and
/// has its streams.
async fn broker() -> Broker {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let passwords = USERS.map(|user| {
        let variable = format!("{}_PASSWORD", user.replace('-', "_").to_uppercase());
        (variable, user.to_owned())
    });
    let broker = Broker::start(BrokerOptions {
        config: Some(here.join("../../message-queue/users.conf")),
        env: passwords.to_vec(),
        ..BrokerOptions::default()
    })
    .await
    .unwrap();
    let setup = bus(&broker, "setup").await;
    setup.ensure_streams(Streams::default()).await.unwrap();
    broker
}

async fn bus(broker: &Broker, user: &str) -> Bus {
    Bus::connect(&broker.url_for(user, user), user, &format!("{user}-1"))
        .await
        .unwrap()
}

fn address(broker: &Broker) -> String {
    format!("nats://127.0.0.1:{}", broker.port())
}

/// Returns a plain client, and the list of the broker's refusals so far.
async fn client(broker: &Broker, user: &str) -> (async_nats::Client, Arc<Mutex<Vec<String>>>) {
    let refused = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&refused);
    let options = ConnectOptions::new().event_callback(move |event| {
        let noted = Arc::clone(&noted);
        async move {
            if let Event::ServerError(error) = event {
                noted.lock().await.push(error.to_string());
            }
        }
    });
    let options = options.user_and_password(user.to_owned(), user.to_owned());
    let client = options.connect(address(broker)).await.unwrap();
    (client, refused)
}

/// Waits for one more refusal by the broker.
async fn one_more(refused: &Mutex<Vec<String>>, before: usize, what: &str) {
    eventually(&format!("{what} is refused"), SOON, async || {
        let refused = refused.lock().await;
        let last = refused
            .last()
            .is_some_and(|last| last.to_lowercase().contains("permissions"));
        if refused.len() > before && last {
            Ok(())
        } else {
            Err(format!("{refused:?}"))
        }
    })
    .await;
}

async fn is_refused(broker: &Broker, user: &str, publish: &[&str], subscribe: &[&str]) {
    let (client, refused) = client(broker, user).await;
    for subject in publish {
        let before = refused.lock().await.len();
        client
            .publish((*subject).to_owned(), "{}".into())
            .await
            .unwrap();
        one_more(&refused, before, &format!("{user} publishing on {subject}")).await;
    }
    for subject in subscribe {
        let before = refused.lock().await.len();
        let subscription = client.subscribe((*subject).to_owned()).await.unwrap();
        one_more(&refused, before, &format!("{user} listening on {subject}")).await;
        drop(subscription);
    }
}

/// Requests about the streams that only setup and the operator may send.
const STREAMS: [&str; 6] = [
    "$JS.API.STREAM.CREATE.OTHER",
    "$JS.API.STREAM.UPDATE.TODO",
    "$JS.API.STREAM.PURGE.TODO",
    "$JS.API.STREAM.DELETE.TODO",
    "$JS.API.STREAM.MSG.DELETE.TODO",
    "$JS.API.STREAM.MSG.GET.DEAD_LETTERS",
];

#[tokio::test]
async fn nobody_gets_in_without_a_name_or_with_a_wrong_password() {
    let broker = broker().await;
    assert!(async_nats::connect(address(&broker)).await.is_err());
    for user in USERS {
        let wrong = ConnectOptions::with_user_and_password(user.to_owned(), "wrong".to_owned());
        assert!(wrong.connect(address(&broker)).await.is_err(), "{user}");
        client(&broker, user).await;
    }
}

#[tokio::test]
async fn every_service_answers_roll_calls_and_who_must_not_works_all_the_same() {
    let broker = broker().await;
    let services = &USERS[2..];
    let mut members = Vec::new();
    let mut expected = ExpectedMembers::default();
    for service in services {
        members.push(bus(&broker, service).await);
        expected = expected.member(service, &format!("{service}-1"));
    }
    let address = broker.url_for("operator", "operator");
    let operator = Bus::connect_observer(&address, "todoctl", "todoctl")
        .await
        .unwrap();
    operator.wait_connected().await;
    eventually("all have answered", SOON, async || {
        let present = operator.discover(&expected, Duration::from_secs(1)).await;
        let missing = expected.missing(&present.unwrap());
        if missing.is_empty() {
            Ok(())
        } else {
            Err(missing)
        }
    })
    .await;
    // This one must not receive service discovery requests.
    let setup = bus(&broker, "setup").await;
    setup.ensure_streams(Streams::default()).await.unwrap();
}

#[tokio::test]
async fn setup_makes_the_streams_erases_what_it_is_told_to_and_adds_nothing() {
    let broker = broker().await;
    let setup = bus(&broker, "setup").await;
    setup.reach("save-handler").await.unwrap();
    let operator = bus(&broker, "operator").await;
    operator.wait_connected().await;
    let event = new_item("secret");
    operator.publish(&event).await.unwrap();
    let item = event.id.as_str().parse().unwrap();
    let texts = setup.find_texts(&[item]).await.unwrap();
    let erased = setup.erase_texts(&texts).await.unwrap();
    assert!(erased.contains(&("TODO", 1)), "{erased:?}");
    let others = [
        "events.todo.newitem",
        "dead.save-handler",
        "$JS.API.STREAM.DELETE.TODO",
        "$JS.API.STREAM.PURGE.TODO",
        "$JS.API.CONSUMER.CREATE.TODO.mine",
    ];
    is_refused(&broker, "setup", &others, &["events.todo.>", "dead.>"]).await;
}

#[tokio::test]
async fn the_housekeeper_looks_on_and_removes_what_is_handled_and_does_nothing_else() {
    let broker = broker().await;
    let housekeeper = bus(&broker, "housekeeper").await;
    housekeeper.wait_connected().await;
    let losses = housekeeper.mend_losses(&mut LossWatch::default()).await;
    assert_eq!(losses.unwrap(), []);
    let standing = housekeeper.stream_status().await.unwrap();
    assert_eq!(housekeeper.trim_handled(&standing, &[]).await.unwrap(), 0);
    let others = [
        "events.todo.newitem",
        "replay.save-handler",
        "$JS.API.STREAM.PURGE.DEAD_LETTERS",
        "$JS.API.STREAM.DELETE.TODO",
        "$JS.API.STREAM.UPDATE.DEAD_LETTERS",
        "$JS.API.STREAM.MSG.GET.DEAD_LETTERS",
        "$JS.API.STREAM.MSG.DELETE.DEAD_LETTERS",
        "$JS.API.CONSUMER.CREATE.DEAD_LETTERS.mine",
        // It recreates groups' consumers after a loss, and takes no event itself.
        "$JS.API.CONSUMER.MSG.NEXT.TODO.save-handler",
        "$JS.ACK.TODO.save-handler.1.1.1.1.1",
    ];
    is_refused(
        &broker,
        "housekeeper",
        &others,
        &["events.todo.>", "dead.>"],
    )
    .await;
}

#[tokio::test]
async fn the_operator_may_do_everything() {
    let broker = broker().await;
    let (client, refused) = client(&broker, "operator").await;
    let mut all = client.subscribe("events.>").await.unwrap();
    let answer = client
        .request("$JS.API.STREAM.PURGE.TODO", "".into())
        .await
        .unwrap();
    assert!(answer.payload.starts_with(b"{"));
    client
        .publish("events.todo.newitem", "{}".into())
        .await
        .unwrap();
    assert!(timeout(Duration::from_secs(5), all.next()).await.is_ok());
    assert!(refused.lock().await.is_empty());
}
