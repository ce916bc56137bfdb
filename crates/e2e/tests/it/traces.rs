//! One trace from the browser to every browser, through the broker; and a system that works the same
//! whether or not there is a collector.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use testkit::{SystemOptions, eventually, http, system::SERVICES};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{
    collector::{Collector, Told},
    user::{SOON, User, between},
};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Starts a system whose services export their traces to this address, as often as every `pause`
/// milliseconds.
async fn traced(address: &str, pause: &str) -> User {
    let options = SERVICES
        .iter()
        .fold(SystemOptions::default(), |options, (service, _)| {
            options
                .env(service, "OTEL_EXPORTER_OTLP_ENDPOINT", address)
                .env(service, "OTEL_BSP_SCHEDULE_DELAY", pause)
        });
    User::start(options.scale("save-handler", 1)).await
}

/// Subscribes to the page's events, and returns the first that contains `what`, as it came.
async fn watch(web: &str, what: &str, meanwhile: impl Future<Output = ()>) -> String {
    let host = web.trim_start_matches("http://").trim_end_matches('/');
    let mut watching = TcpStream::connect(host).await.unwrap();
    let request = format!("GET /live HTTP/1.1\r\nHost: {host}\r\n\r\n");
    watching.write_all(request.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    let mut hear = async |what: &str| {
        loop {
            let text = String::from_utf8_lossy(&heard).into_owned();
            let said = text
                .split("\n\n")
                .find(|said| said.contains(what))
                .map(str::to_owned);
            if let Some(said) = said {
                return said;
            }
            let read = timeout(SOON, watching.read_buf(&mut heard)).await;
            assert_ne!(read.unwrap().unwrap(), 0, "it ended");
        }
    };
    hear("retry:").await;
    meanwhile.await;
    hear(what).await
}

/// Waits until the trace has `count` spans for which `counts` is true, and returns all its spans.
async fn trace(
    collector: &Collector,
    id: &str,
    count: usize,
    counts: impl Fn(&Told) -> bool,
) -> Vec<Told> {
    eventually("the trace is complete", SOON, async || {
        let told = collector.told().into_iter();
        let trace: Vec<_> = told.filter(|span| span.trace == id).collect();
        if trace.iter().filter(|span| counts(span)).count() >= count {
            Ok(trace)
        } else {
            let names = trace.iter().map(|span| (&span.service, &span.name));
            Err(format!("{:?}", names.collect::<Vec<_>>()))
        }
    })
    .await
}

/// Returns each span as `service: name < service: name of the parent`, but for receiving and settling:
/// those may have been done for several events at once.
fn tree(trace: &[Told]) -> Vec<String> {
    let label = |span: &Told| format!("{}: {}", span.service, span.name);
    let mut lines: Vec<_> = trace
        .iter()
        .filter(|span| is_work(span))
        .map(|span| {
            let parent = trace.iter().find(|other| other.id == span.parent);
            format!(
                "{} < {}",
                label(span),
                parent.map(label).unwrap_or_default()
            )
        })
        .collect();
    lines.sort();
    lines
}

fn is_work(span: &Told) -> bool {
    !["receive ", "ack "]
        .iter()
        .any(|start| span.name.starts_with(start))
}

#[tokio::test]
async fn the_browsers_form_and_the_page_that_hears_of_it_are_in_one_trace() {
    let collector = Collector::start().await;
    let user = traced(collector.url(), "100").await;
    let web = user.system.web().unwrap();
    let said = watch(&web, "buy milk", async {
        assert_eq!(user.add_on_the_page("buy milk").await.status, 303);
    })
    .await;
    let sequence = between(&said, "id: ", "\n");

    let sent = eventually("the form is told of", SOON, async || {
        let mut told = collector.told().into_iter();
        told.find(|span| span.name == "POST /new")
    })
    .await;
    assert_eq!((sent.kind, sent.parent.as_str()), (SpanKind::Server, ""));
    assert_eq!(sent.member, "todo-web-1");
    assert_eq!(sent.attributes["http.response.status_code"], "303");
    assert_eq!(sent.attributes["http.route"], "/new");

    let trace = trace(&collector, &sent.trace, 8, is_work).await;
    let expected = [
        "audit-handler: process events.todo.itemsaved < save-handler: publish events.todo.itemsaved",
        "audit-handler: process events.todo.newitem < todo-web: publish events.todo.newitem",
        "save-handler: process events.todo.itemsaved < save-handler: publish events.todo.itemsaved",
        "save-handler: process events.todo.newitem < todo-web: publish events.todo.newitem",
        "save-handler: publish events.todo.itemsaved < save-handler: process events.todo.newitem",
        "todo-web: POST /new < : ",
        "todo-web: process events.todo.itemsaved < save-handler: publish events.todo.itemsaved",
        "todo-web: publish events.todo.newitem < todo-web: POST /new",
    ];
    assert_eq!(
        tree(&trace),
        expected.map(|line| line.replace("< : ", "< "))
    );

    // The page received the event that this span processed: its event id is the stream sequence.
    let handed_out = trace
        .iter()
        .find(|span| span.service == "todo-web" && span.name == "process events.todo.itemsaved");
    let handed_out = &handed_out.unwrap().attributes;
    assert_eq!(handed_out["messaging.nats.stream.sequence"], sequence);

    // Each group received both events and settled them, alone or with others.
    let published: Vec<_> = trace
        .iter()
        .filter(|span| span.name.starts_with("publish "))
        .collect();
    for (service, done) in ["save-handler", "audit-handler"]
        .iter()
        .flat_map(|service| ["receive ", "ack "].map(|done| (*service, done)))
    {
        for event in &published {
            let what = format!("{service} tells of {done}{}", event.name);
            eventually(&what, SOON, async || {
                collector.told().iter().any(|span| {
                    let points = span.parent == event.id || span.links.contains(&event.id);
                    span.service == service && span.name.starts_with(done) && points
                })
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_callers_trace_goes_on_and_everything_is_told_before_the_end() {
    let collector = Collector::start().await;
    let user = traced(collector.url(), "60000").await;
    let address = format!("{}/todo", user.system.api().unwrap());
    let headers = [
        ("content-type", "application/json"),
        ("traceparent", PARENT),
    ];
    let body = br#"{"item":"buy milk"}"#;
    let answer = http::request("POST", &address, &headers, body)
        .await
        .unwrap();
    assert_eq!(answer.status, 202);
    user.quiet(&["save-handler", "audit-handler"]).await;
    for exit in user.system.stop().await.unwrap() {
        assert!(exit.status.success(), "{exit:?}");
    }
    let told = collector.told().into_iter();
    let trace: Vec<_> = told.filter(|span| PARENT.contains(&span.trace)).collect();
    let sent = trace.iter().find(|span| span.name == "POST /todo").unwrap();
    assert_eq!(sent.parent, "00f067aa0ba902b7");
    let published = trace.iter().find(|span| span.parent == sent.id).unwrap();
    assert_eq!(published.name, "publish events.todo.newitem");
    assert_eq!(
        trace.iter().filter(|span| is_work(span)).count(),
        8,
        "{:#?}",
        tree(&trace)
    );
}

#[tokio::test]
async fn a_collector_that_never_answers_holds_up_neither_work_nor_the_end() {
    // It accepts connections, and does nothing else.
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", deaf.local_addr().unwrap());
    let user = traced(&address, "100").await;
    let id = user.add("buy milk").await;
    user.saved(&id).await;
    let stopping = Instant::now();
    for exit in user.system.stop().await.unwrap() {
        assert!(exit.status.success(), "{exit:?}");
    }
    let took = stopping.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn a_collector_that_hangs_up_is_complained_of_once() {
    let rude = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", rude.local_addr().unwrap());
    let options = SystemOptions::default()
        .only(&["save-handler", "todo-api"])
        .env("save-handler", "OTEL_EXPORTER_OTLP_ENDPOINT", &address)
        .env("save-handler", "OTEL_BSP_SCHEDULE_DELAY", "10");
    let user = User::start(options).await;
    for number in 0..3 {
        let id = user.add(&format!("item {number}")).await;
        user.saved(&id).await;
        let called = timeout(SOON, rude.accept()).await;
        drop(called.unwrap().unwrap());
    }
    let complaints = || {
        let lines = user.system.lines_of("save-handler");
        let complaints = lines
            .iter()
            .filter(|line| line.contains("the collector does not take spans"));
        complaints.count()
    };
    eventually("it is complained of", SOON, async || complaints() > 0).await;
    assert_eq!(complaints(), 1);
}
