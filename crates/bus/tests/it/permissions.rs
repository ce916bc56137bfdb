//! Who may do what at the broker, by the product's own configuration.

use std::{sync::Arc, time::Duration};

use async_nats::{ConnectOptions, Event, jetstream};
use bus::{Bus, Fed, Replies, Roster, Start, Streams, Topic};
use events::{SaveReply, TodoEvent};
use futures_util::StreamExt;
use testkit::{Broker, BrokerOptions, eventually};
use tokio::{sync::Mutex, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::world::{SOON, Seen, during, new_item};

const NEW: &str = "events.todo.newitem";

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

/// A plain client, and what the broker has refused it so far.
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

/// Waits until the broker has said no to one more.
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

/// What nobody but setup and the operator may do to the streams.
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
async fn a_publisher_publishes_item_events_and_does_nothing_else() {
    let broker = broker().await;
    for user in ["todo-web", "todo-api"] {
        bus(&broker, user).await.wait_connected().await;
        let publisher = bus(&broker, user).await;
        publisher.wait_connected().await;
        publisher.publish(&new_item("a")).await.unwrap();
        let others = [
            "events.todo.itemsaved",
            "events.other",
            "dead.save-handler",
            "_INBOX.save-handler.x",
            "replies.todo-api.x.1",
            "queries.todo.list",
            "$SRV.STATS",
            "$JS.API.CONSUMER.CREATE.TODO.mine",
            "$JS.API.CONSUMER.MSG.NEXT.TODO.save-handler",
            "$JS.ACK.TODO.save-handler.1.1.1.1.1",
        ];
        is_refused(
            &broker,
            user,
            &others,
            &[
                "events.todo.>",
                "_INBOX.save-handler.>",
                "_INBOX.roll.>",
                "replies.>",
                "$SRV.*.save-handler",
                ">",
            ],
        )
        .await;
        is_refused(&broker, user, &STREAMS, &[]).await;
    }
}

#[tokio::test]
async fn a_group_handles_its_events_and_does_nothing_else() {
    let broker = broker().await;
    let publisher = bus(&broker, "todo-web").await;
    publisher.wait_connected().await;
    publisher.publish(&new_item("a")).await.unwrap();
    for (user, other) in [
        ("save-handler", "audit-handler"),
        ("audit-handler", "save-handler"),
    ] {
        let (seen, stop) = (Seen::default(), CancellationToken::new());
        let member = bus(&broker, user).await;
        let handle = async |event: &_| {
            seen.note(event);
            Ok(())
        };
        let group = member
            .group(user, events::ALL_SUBJECTS)
            .each(stop.clone(), handle);
        during(&stop, [group], seen.reach(1)).await;
        let others = [
            "events.todo.newitem".to_owned(),
            format!("dead.{other}"),
            format!("_INBOX.{other}.x"),
            "_INBOX.x".to_owned(),
            "$SRV.STATS".to_owned(),
            format!("$JS.API.CONSUMER.CREATE.TODO.{other}"),
            format!("$JS.API.CONSUMER.DELETE.TODO.{user}"),
            format!("$JS.API.CONSUMER.MSG.NEXT.TODO.{other}"),
            format!("$JS.ACK.TODO.{other}.1.1.1.1.1"),
            format!("replay.{user}"),
            format!("$JS.API.CONSUMER.CREATE.REPLAYS.{user}"),
            format!("$JS.API.CONSUMER.CREATE.REPLAYS.{user}.replay.{other}"),
            format!("$JS.API.CONSUMER.CREATE.DEAD_LETTERS.{user}"),
            format!("$JS.API.CONSUMER.MSG.NEXT.REPLAYS.{other}"),
        ];
        let others = others.each_ref().map(String::as_str);
        is_refused(
            &broker,
            user,
            &others,
            &[
                "events.todo.newitem",
                "dead.>",
                "queries.todo.list",
                "replies.>",
                "_INBOX.roll.>",
                ">",
            ],
        )
        .await;
        is_refused(&broker, user, &STREAMS, &[]).await;
    }
    let others = ["events.todo.itemsaved", "replies.todo-api.x.1"];
    is_refused(&broker, "audit-handler", &others, &[]).await;
}

#[tokio::test]
async fn the_api_hears_the_savers_answers_and_nobody_elses() {
    let broker = broker().await;
    let (api, saver) = (
        bus(&broker, "todo-api").await,
        bus(&broker, "save-handler").await,
    );
    saver.wait_connected().await;
    let expected = Replies::open(&api).await.unwrap().expect();
    // What the connection has sent before is taken when it is answered.
    api.wait_connected().await;
    api.publish(&new_item("a")).await.unwrap();
    let reply = SaveReply { saved: None }.seal(expected.reply_to().clone(), None);
    saver.reply_all(vec![reply]).await;
    assert!(expected.within(SOON).await.is_some());
    is_refused(
        &broker,
        "todo-api",
        &[],
        &["replies.todo-web.>", "replies.*.x.1"],
    )
    .await;
    is_refused(
        &broker,
        "todo-web",
        &[],
        &["replies.todo-web.>", "replies.todo-api.>"],
    )
    .await;
    is_refused(
        &broker,
        "housekeeper",
        &["replies.todo-api.x.1"],
        &["replies.>"],
    )
    .await;
    is_refused(&broker, "setup", &["replies.todo-api.x.1"], &["replies.>"]).await;
}

#[tokio::test]
async fn every_service_answers_roll_calls_and_who_must_not_works_all_the_same() {
    let broker = broker().await;
    let services = &USERS[2..];
    let mut members = Vec::new();
    let mut expected = Roster::default();
    for service in services {
        members.push(bus(&broker, service).await);
        expected = expected.member(service, &format!("{service}-1"));
    }
    let address = broker.url_for("operator", "operator");
    let operator = Bus::visit(&address, "todoctl", "todoctl").await.unwrap();
    operator.wait_connected().await;
    eventually("all have answered", SOON, async || {
        let present = operator.roll_call(&expected, Duration::from_secs(1)).await;
        let missing = expected.missing(&present.unwrap());
        if missing.is_empty() {
            Ok(())
        } else {
            Err(missing)
        }
    })
    .await;
    // This one was never told of roll calls.
    let setup = bus(&broker, "setup").await;
    setup.ensure_streams(Streams::default()).await.unwrap();
}

#[tokio::test]
async fn the_api_answers_whoever_asks_once_and_nobody_else() {
    const TOPIC: Topic = Topic {
        name: "list",
        subject: "queries.todo.list",
        about: "",
        request_schema: "",
        response_schema: "",
    };
    let broker = broker().await;
    let api = bus(&broker, "todo-api").await;
    // Whatever the prefix of the inbox in which the answer is awaited.
    let (operator, refused) = client(&broker, "operator").await;
    let asked = eventually("it is answered", SOON, async || {
        operator.request(TOPIC.subject, "hello".into()).await
    });
    let stop = CancellationToken::new();
    let topics = [TOPIC];
    let answering = api.answer(&topics, stop, async |_, question| Ok(question.to_vec()));
    tokio::select! {
        answer = asked => assert_eq!(&answer.payload[..], b"hello"),
        ended = answering => panic!("{ended:?}"),
    }
    assert!(refused.lock().await.is_empty());
    is_refused(&broker, "todo-api", &["_INBOX.x", "queries.todo.get"], &[]).await;
}

#[tokio::test]
async fn the_page_reads_what_is_saved_and_cannot_change_a_group_by_it() {
    let broker = broker().await;
    let page = bus(&broker, "todo-web").await;
    let mut feed = page.feed(NEW, Start::After(0));
    page.wait_connected().await;
    page.publish(&new_item("a")).await.unwrap();
    let given = timeout(SOON, async {
        while !matches!(feed.next::<TodoEvent>().await, Fed::Event(_)) {}
    });
    given.await.unwrap();

    let (seen, stop) = (Seen::default(), CancellationToken::new());
    let member = bus(&broker, "save-handler").await;
    let handle = async |event: &_| {
        seen.note(event);
        Ok(())
    };
    let group = member.group("save-handler", events::ALL_SUBJECTS);
    during(&stop, [group.each(stop.clone(), handle)], seen.reach(1)).await;
    let (operator, _) = client(&broker, "operator").await;
    let stream = jetstream::new(operator).get_stream("TODO").await.unwrap();
    let before = stream.consumer_info("save-handler").await.unwrap().config;
    let options = ConnectOptions::with_user_and_password("todo-web".into(), "todo-web".into());
    let options = options.custom_inbox_prefix("_INBOX.todo-web");
    let intruder = options.connect(address(&broker)).await.unwrap();
    for name in ["name", "durable_name"] {
        let wanted = serde_json::json!({
            "stream_name": "TODO",
            "config": {
                name: "save-handler", "filter_subject": NEW, "deliver_policy": "new",
                "deliver_subject": "_INBOX.todo-web.mine", "ack_policy": "none",
            },
        });
        let create = "$JS.API.CONSUMER.CREATE.TODO";
        let answer = intruder.request(create, wanted.to_string().into()).await;
        let answer: serde_json::Value = serde_json::from_slice(&answer.unwrap().payload).unwrap();
        assert!(answer["error"].is_object(), "{name}: {answer}");
    }
    let after = stream.consumer_info("save-handler").await.unwrap().config;
    assert_eq!(after, before);
}

#[tokio::test]
async fn setup_makes_the_streams_and_reads_nothing_of_them() {
    let broker = broker().await;
    let others = [
        "events.todo.newitem",
        "dead.save-handler",
        "$JS.API.STREAM.DELETE.TODO",
        "$JS.API.STREAM.PURGE.TODO",
        "$JS.API.STREAM.MSG.GET.TODO",
        "$JS.API.CONSUMER.CREATE.TODO.mine",
    ];
    is_refused(&broker, "setup", &others, &["events.todo.>", "dead.>"]).await;
}

#[tokio::test]
async fn the_housekeeper_looks_on_and_removes_what_is_handled_and_does_nothing_else() {
    let broker = broker().await;
    let housekeeper = bus(&broker, "housekeeper").await;
    housekeeper.wait_connected().await;
    let standing = housekeeper.standing().await.unwrap();
    assert_eq!(housekeeper.make_room(&standing, &[]).await.unwrap(), 0);
    let others = [
        "events.todo.newitem",
        "dead.save-handler",
        "$JS.API.STREAM.PURGE.DEAD_LETTERS",
        "$JS.API.STREAM.DELETE.TODO",
        "$JS.API.STREAM.UPDATE.TODO",
        "$JS.API.STREAM.MSG.GET.TODO",
        "$JS.API.CONSUMER.CREATE.TODO.mine",
        "$JS.API.CONSUMER.DELETE.TODO.save-handler",
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
