//! A broker and a database of the test's own, ready for a saver.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use bus::{Bus, Delivery, Streams, TODO};
use events::{Envelope, Event, ItemSaved, TodoEvent, header};
use save_handler::Saver;
use store::{Database, ItemStore};
use testkit::{Broker, BrokerOptions, eventually, http};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(10);

pub(crate) struct World {
    broker: Broker,
    pub(crate) bus: Bus,
    database: testkit::Database,
    published: Cell<usize>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let broker = Broker::start(BrokerOptions::default()).await.unwrap();
        let database = testkit::Database::create().await;
        store::migrate(&database.url()).await.unwrap();
        let bus = Bus::connect(&broker.url(), "save-handler", "save-handler-1")
            .await
            .unwrap();
        bus.ensure_streams(Streams::default()).await.unwrap();
        Self {
            broker,
            bus,
            database,
            published: Cell::new(0),
        }
    }

    pub(crate) fn saver(&self) -> Saver {
        let database = Database::connect(&self.database.url(), "save-handler-1", 1).unwrap();
        Saver::new(ItemStore::new(database), self.bus.clone(), "save-handler")
    }

    /// Runs statements, and returns the result of the last of them.
    pub(crate) async fn sql(&self, statements: &str) -> String {
        let answer = self.database.execute(statements).await.unwrap();
        answer.trim().to_owned()
    }

    pub(crate) async fn publish<E: Event>(&self, event: &E, id: Uuid, correlation: Option<&str>) {
        let correlation = (header::CORRELATION_ID, correlation);
        self.publish_with(event, id, correlation).await;
    }

    /// Publishes an event with the reply subject `subject`.
    pub(crate) async fn publish_asking<E: Event>(&self, event: &E, id: Uuid, subject: &str) {
        let reply_to = (header::REPLY_TO, Some(subject));
        self.publish_with(event, id, reply_to).await;
    }

    async fn publish_with<E: Event>(
        &self,
        event: &E,
        id: Uuid,
        (name, value): (&'static str, Option<&str>),
    ) {
        let sealed = Envelope::seal(event, id.into(), "tester", OffsetDateTime::now_utc());
        let sealed = sealed.with(name, value.map(str::to_owned));
        self.bus.publish(&sealed).await.unwrap();
        self.published.update(|count| count + 1);
    }

    /// Waits until the saver has handled everything and `announced` announcements are stored.
    /// Returns their number.
    pub(crate) async fn quiet(&self, announced: usize) -> usize {
        eventually("everything is saved and announced", SOON, async || {
            let address = format!("{}/jsz?consumers=true", self.broker.monitor_url());
            let report = http::get(&address).await.unwrap().json().unwrap();
            let streams = report["account_details"][0]["stream_detail"]
                .as_array()
                .cloned();
            let todo = streams
                .into_iter()
                .flatten()
                .find(|stream| stream["name"] == TODO);
            let todo = todo.unwrap_or_default();
            let mut groups = todo["consumer_detail"].as_array().into_iter().flatten();
            let Some(group) = groups.find(|group| group["name"] == "save-handler") else {
                return Err(todo);
            };
            let idle = group["num_pending"] == 0 && group["num_ack_pending"] == 0;
            let stored = todo["state"]["messages"].as_u64().unwrap_or_default();
            let stored = usize::try_from(stored).unwrap() - self.published.get();
            if idle && stored >= announced {
                Ok(stored)
            } else {
                Err(todo)
            }
        })
        .await
    }

    /// Returns the first `count` announcements in the stream, each with its correlation id.
    pub(crate) async fn announcements(&self, count: usize) -> Vec<(ItemSaved, Option<String>)> {
        let stop = CancellationToken::new();
        let read = RefCell::new(Vec::new());
        let name = format!("reader-{}", Uuid::now_v7());
        let group = self.bus.group(&name, ItemSaved::SUBJECT);
        let reading = group.each(stop.clone(), async |delivery: &Delivery<TodoEvent>| {
            if let TodoEvent::Saved(saved) = &delivery.event {
                read.borrow_mut()
                    .push((saved.clone(), delivery.meta.correlation_id.clone()));
            }
            Ok(())
        });
        let ending = async {
            eventually("the announcements are read", SOON, async || {
                read.borrow().len() == count
            })
            .await;
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(reading, ending);
        ended.unwrap();
        read.into_inner()
    }
}
