//! A broker with dead letters, and a person at a terminal.

use std::{
    process::{Output, Stdio},
    time::Duration,
};

use bus::{Bus, Delivery, HandlerError, Streams};
use events::{Envelope, ItemId, NewItem, TodoEvent};
use testkit::{Broker, BrokerOptions, eventually};
use time::OffsetDateTime;
use tokio::{io::AsyncWriteExt, process::Command};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Timeout of anything that should take a moment.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) struct World {
    pub(crate) broker: Broker,
    pub(crate) bus: Bus,
}

impl World {
    pub(crate) async fn new() -> Self {
        let broker = Broker::start(BrokerOptions::default()).await.unwrap();
        let bus = Bus::connect(&broker.url(), "tester", "tester-1").await;
        let bus = bus.unwrap();
        bus.ensure_streams(Streams::default()).await.unwrap();
        Self { broker, bus }
    }

    /// Connects a member of another service.
    pub(crate) async fn member(&self, service: &str, name: &str) -> Bus {
        let member = Bus::connect(&self.broker.url(), service, name).await;
        member.unwrap()
    }

    /// Returns the command that runs the tool, not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_todoctl"));
        command.args(arguments).env("NATS_URL", self.broker.url());
        command.stdin(Stdio::null());
        command
    }

    /// Runs the tool to its end.
    pub(crate) async fn todoctl(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().await.unwrap()
    }

    /// Runs the tool until it succeeds, and returns its output.
    pub(crate) async fn printed_at_last(&self, arguments: &[&str]) -> String {
        eventually(&format!("{arguments:?} goes well"), SOON, async || {
            let output = self.todoctl(arguments).await;
            if output.status.success() {
                Ok(String::from_utf8(output.stdout).unwrap())
            } else {
                Err(output)
            }
        })
        .await
    }

    /// Runs the tool at a terminal of its own, at which `typed` is typed.
    pub(crate) async fn at_a_terminal(&self, arguments: &str, typed: &str) -> Output {
        let tool = concat!(env!("CARGO_BIN_EXE_todoctl"), " ");
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--command"]);
        command.args([&[tool, arguments].concat(), "/dev/null"]);
        command.env("NATS_URL", self.broker.url());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut terminal = command.spawn().unwrap();
        let mut keyboard = terminal.stdin.take().unwrap();
        keyboard.write_all(typed.as_bytes()).await.unwrap();
        let output = terminal.wait_with_output().await.unwrap();
        // Closing the terminal earlier would end the tool.
        drop(keyboard);
        output
    }

    /// Runs the tool, which must succeed, and returns its output.
    pub(crate) async fn printed(&self, arguments: &[&str]) -> String {
        let output = self.todoctl(arguments).await;
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {problem}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the tool, which must end with 1, and returns its error messages.
    pub(crate) async fn complaint(&self, arguments: &[&str]) -> String {
        let output = self.todoctl(arguments).await;
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Adds an item; returns the event's id.
    pub(crate) async fn add(&self, item: &str) -> String {
        let id = ItemId::from(Uuid::now_v7());
        let event = NewItem {
            id: Some(id),
            list: None,
            item: item.parse().unwrap(),
            added_at: None,
        };
        let sealed = Envelope::seal(&event, id.into(), "tester", OffsetDateTime::now_utc());
        self.bus.publish(&sealed).await.unwrap();
        id.to_string()
    }

    /// Lowers the stream's limit so that no event fits.
    pub(crate) async fn fill_the_stream(&self) {
        let streams = Streams {
            limit: 100,
            ..Streams::default()
        };
        self.bus.ensure_streams(streams).await.unwrap();
    }

    /// Has a group reject every event, until there are `letters` dead letters.
    pub(crate) async fn refuse(&self, group: &str, reason: &str, letters: u64) {
        let stop = CancellationToken::new();
        let refuse = async |_: &Delivery<TodoEvent>| Err(HandlerError::Reject(reason.into()));
        let joined = self.bus.group(group, events::ALL_SUBJECTS);
        let working = joined.each(stop.clone(), refuse);
        let watching = async {
            self.letters_become(letters).await;
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(working, watching);
        ended.unwrap();
    }

    /// Has a group work until it has handled `count` events. Returns their bodies.
    pub(crate) async fn handle(&self, group: &str, count: usize) -> Vec<String> {
        let (stop, bodies) = (CancellationToken::new(), std::cell::RefCell::default());
        let handle = async |event: &Delivery<Option<TodoEvent>>| {
            let body = String::from_utf8_lossy(event.payload()).into_owned();
            let bodies: &std::cell::RefCell<Vec<_>> = &bodies;
            bodies.borrow_mut().push(body);
            Ok(())
        };
        let joined = self.bus.group(group, events::ALL_SUBJECTS);
        let working = joined.each(stop.clone(), handle);
        let watching = async {
            eventually("the events are handled", SOON, async || {
                let handled = bodies.borrow().len();
                if handled == count {
                    Ok(())
                } else {
                    Err(handled)
                }
            })
            .await;
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(working, watching);
        ended.unwrap();
        bodies.into_inner()
    }

    pub(crate) async fn letters_become(&self, count: u64) {
        let what = format!("there are {count} dead letters");
        eventually(&what, SOON, async || {
            let state = self.bus.dead_letters_state().await.unwrap();
            if state.count == count {
                Ok(())
            } else {
                Err(state)
            }
        })
        .await;
    }
}
