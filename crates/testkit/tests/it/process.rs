use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use testkit::{Output, Process, Signal};
use tokio::process::Command;

const SOON: Duration = Duration::from_secs(5);

fn shell(script: &str) -> Process {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    Process::spawn("shell", command, Output::Lines(None)).unwrap()
}

#[tokio::test]
async fn lines_of_both_streams_are_forwarded_as_they_are_and_kept_without_colours() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let mut command = Command::new("sh");
    command.args(["-c", r"printf '\033[32mgreen\033[0m\n'; echo red >&2"]);
    let output = Output::Lines(Some(Arc::new(move |line| {
        sink.lock().unwrap().push(line.to_owned());
    })));

    let mut process = Process::spawn("shell", command, output).unwrap();
    process.wait_for_line("green", SOON).await.unwrap();
    process.wait_for_line("red", SOON).await.unwrap();

    assert!(process.wait().await.unwrap().success());
    let mut lines = process.lines();
    lines.sort();
    assert_eq!(lines, ["green", "red"]);
    let mut seen = seen.lock().unwrap().clone();
    seen.sort();
    assert_eq!(seen, ["\u{1b}[32mgreen\u{1b}[0m", "red"]);
}

#[tokio::test]
async fn waiting_for_a_line_ends_with_the_process() {
    let process = shell("echo something else");

    let error = process
        .wait_for_line("the word", Duration::from_mins(1))
        .await
        .unwrap_err();

    assert!(error.to_string().contains("something else"), "{error}");
}

#[tokio::test]
async fn stopping_asks_first_and_insists_later() {
    let mut polite = shell("trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done");
    let mut deaf = shell("trap '' TERM; echo up; while :; do sleep 0.01; done");
    polite.wait_for_line("up", SOON).await.unwrap();
    deaf.wait_for_line("up", SOON).await.unwrap();

    let asked = polite.stop(Signal::SIGTERM, SOON).await.unwrap();
    let began = Instant::now();
    let insisted = deaf
        .stop(Signal::SIGTERM, Duration::from_millis(100))
        .await
        .unwrap();

    assert_eq!(asked.code(), Some(7));
    assert_eq!(insisted.code(), None);
    assert!(began.elapsed() >= Duration::from_millis(100));
    polite.signal(Signal::SIGTERM).unwrap_err();
}

#[tokio::test]
async fn a_paused_process_can_be_stopped() {
    let mut process = shell("echo up; sleep 60");
    process.wait_for_line("up", SOON).await.unwrap();
    process.pause().unwrap();

    let began = Instant::now();
    process
        .stop(Signal::SIGTERM, Duration::from_secs(30))
        .await
        .unwrap();

    assert!(began.elapsed() < SOON);
}
