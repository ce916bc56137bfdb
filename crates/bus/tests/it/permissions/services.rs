//! Permissions of each service on events and on others' replies.

use async_nats::{ConnectOptions, jetstream};
use bus::{ExpectedMembers, FeedItem, Replies, Start, Topic};
use events::{SaveReply, TodoEvent};
use testkit::eventually;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{STREAMS, address, broker, bus, client, is_refused};
use crate::world::{SOON, Seen, during, new_item};

const NEW: &str = "events.todo.newitem";

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
            "$SRV.PING",
            "$SRV.STATS.save-handler",
            "$JS.API.CONSUMER.CREATE.TODO.mine",
            "$JS.API.CONSUMER.DELETE.TODO.save-handler",
            "$JS.API.CONSUMER.LIST.DEAD_LETTERS",
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
                "replies.>",
                "$SRV.*.save-handler",
                ">",
            ],
        )
        .await;
        is_refused(&broker, user, &STREAMS, &[]).await;
    }
    let looking = [
        "$SRV.STATS",
        "$JS.API.CONSUMER.LIST.TODO",
        "$JS.API.STREAM.MSG.GET.TODO",
        "$JS.API.STREAM.INFO.DEAD_LETTERS",
    ];
    is_refused(&broker, "todo-api", &looking, &["_INBOX.roll.>"]).await;
}

#[tokio::test]
async fn the_page_calls_the_roll_and_looks_how_far_the_groups_are() {
    let broker = broker().await;
    let page = bus(&broker, "todo-web").await;
    page.wait_connected().await;
    let (seen, stop) = (Seen::default(), CancellationToken::new());
    let member = bus(&broker, "save-handler").await;
    let handle = async |event: &_| {
        seen.note(event);
        Ok(())
    };
    let group = member.group("save-handler", events::ALL_SUBJECTS);
    page.publish(&new_item("handled")).await.unwrap();
    during(&stop, [group.each(stop.clone(), handle)], seen.reach(1)).await;
    page.publish(&new_item("waiting")).await.unwrap();

    let expected = ExpectedMembers::default()
        .member("todo-web", "todo-web-1")
        .member("save-handler", "save-handler-1");
    let present = page.discover(&expected, SOON).await.unwrap();
    assert!(expected.missing(&present).is_empty(), "{present:?}");
    let standing = page.stream_status().await.unwrap();
    assert_eq!(standing.groups["save-handler"].waiting, 1);
    assert!(standing.dead_letters.is_empty());
    let oldest = page.oldest_unsettled(&standing).await.unwrap();
    assert!(oldest.contains_key("save-handler"), "{oldest:?}");
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
    // The broker has processed the subscription when it acknowledges an event that the connection sent
    // after it.
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
    // With any prefix of the inbox for the response.
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
async fn the_api_writes_into_the_ledger_and_nobody_else_does() {
    let broker = broker().await;
    let (api, key) = (bus(&broker, "todo-api").await, Uuid::now_v7());
    api.wait_connected().await;
    api.put_entry(key, 0, "one".into()).await.unwrap();
    assert_eq!(&api.get_entry(key).await.unwrap().unwrap().body[..], b"one");
    let ledger = ["ledger.x", "$JS.API.STREAM.MSG.GET.LEDGER"];
    for user in ["todo-web", "save-handler", "audit-handler", "housekeeper"] {
        is_refused(&broker, user, &ledger, &[]).await;
    }
}

#[tokio::test]
async fn the_api_reads_what_is_stored() {
    let broker = broker().await;
    let api = bus(&broker, "todo-api").await;
    api.wait_connected().await;
    api.publish(&new_item("a")).await.unwrap();
    let mut feed = api.feed(NEW, Start::After(0));
    let given = timeout(SOON, async {
        while !matches!(feed.next::<TodoEvent>().await, FeedItem::Event(_)) {}
    });
    given.await.unwrap();
}

#[tokio::test]
async fn the_page_reads_what_is_saved_and_cannot_change_a_group_by_it() {
    let broker = broker().await;
    let page = bus(&broker, "todo-web").await;
    let mut feed = page.feed(NEW, Start::After(0));
    page.wait_connected().await;
    page.publish(&new_item("a")).await.unwrap();
    let given = timeout(SOON, async {
        while !matches!(feed.next::<TodoEvent>().await, FeedItem::Event(_)) {}
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
