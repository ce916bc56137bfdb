//! Tests of a process from its start to its end. The example `idle` is one that does nothing.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

fn idle() -> Command {
    // Examples are built along with the tests, beside the folder of the test's own program.
    let tests = std::env::current_exe().unwrap();
    let program = tests
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/idle");
    let mut command = Command::new(program);
    command
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn refusal(variable: &str, value: &str) -> String {
    let output = idle().env(variable, value).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{variable}={value}");
    String::from_utf8(output.stderr).unwrap()
}

/// Starts the process and reads its address from its log.
fn started(format: &str) -> (Child, BufReader<ChildStdout>, String) {
    let mut command = idle();
    command
        .env("HTTP_ADDR", "127.0.0.1:0")
        .env("MEMBER", "idle-1")
        .env("LOG_FORMAT", format);
    listening(&mut command)
}

/// Starts the process, and reads its log up to where it listens.
fn listening(command: &mut Command) -> (Child, BufReader<ChildStdout>, String) {
    let mut child = command.spawn().unwrap();
    let mut log = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("listening for HTTP on ") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "it ended");
    }
    (child, log, line)
}

/// Stops the process, and returns the rest of its log.
fn ended(mut child: Child, mut log: BufReader<ChildStdout>) -> String {
    tell(&child, Signal::SIGTERM);
    assert!(child.wait().unwrap().success());
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    rest
}

fn address(line: &str) -> String {
    let (_, rest) = line.split_once("listening for HTTP on ").unwrap();
    rest.chars()
        .take_while(|c| c.is_ascii_digit() || ".:".contains(*c))
        .collect()
}

fn tell(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}

#[test]
fn a_wrong_setting_stops_the_start_with_its_name_and_what_was_expected() {
    let cases = [
        (
            "HTTP_ADDR",
            "8080",
            "error: HTTP_ADDR: expected an address and a port, such as 0.0.0.0:8080",
        ),
        (
            "MEMBER",
            "a b",
            "error: MEMBER: expected 1 to 63 letters, digits, `-`, `_` or `.`",
        ),
        (
            "LOG_FORMAT",
            "xml",
            "error: LOG_FORMAT: expected one of text, terminal, json",
        ),
        (
            "RUST_LOG",
            "a=b=c",
            "error: RUST_LOG: expected a filter such as info,bus=debug",
        ),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "https://u:secret@collector",
            "error: OTEL_EXPORTER_OTLP_ENDPOINT: expected the address of a collector without TLS",
        ),
        (
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "grpc",
            "error: OTEL_EXPORTER_OTLP_PROTOCOL: expected one of http/protobuf",
        ),
        (
            "NATS_CREDS",
            "/nowhere/me.creds",
            "error: NATS_CREDS: expected a file with credentials",
        ),
        (
            "NATS_NKEY",
            "Cargo.toml",
            "error: NATS_NKEY: expected a file with the seed of a user's NKEY",
        ),
        (
            "NATS_CA",
            "Cargo.toml",
            "error: NATS_CA: expected a file with certificates (PEM)",
        ),
        (
            "NATS_KEY",
            "Cargo.toml",
            "error: NATS_KEY: expected a file with a private key (PEM)",
        ),
        (
            "NATS_URL",
            "http://u:secret@x",
            "error: NATS_URL: expected a NATS address, such as nats://user:password@message-queue:4222, or several, divided by commas",
        ),
    ];
    for (variable, value, expected) in cases {
        let said = refusal(variable, value);
        assert!(said.starts_with(expected), "{variable}={value}: {said}");
        assert!(!said.contains("secret"), "{said}");
    }
}

#[test]
fn a_secret_may_come_from_a_file_that_the_environment_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nats-url");
    let refused = |also: Option<&str>| {
        let mut command = idle();
        if let Some(url) = also {
            command.env("NATS_URL", url);
        }
        let output = command.env("NATS_URL_FILE", &file).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let said = refused(None);
    assert!(
        said.starts_with("error: NATS_URL_FILE: expected a file"),
        "{said}"
    );
    std::fs::write(&file, "http://u:secret@x\n").unwrap();
    let said = refused(None);
    assert!(
        said.starts_with("error: NATS_URL: expected a NATS address"),
        "{said}"
    );
    let said = refused(Some("nats://x:4222"));
    assert!(
        said.starts_with("error: NATS_URL_FILE: give it or NATS_URL, not both"),
        "{said}"
    );

    std::fs::write(&file, "nats://user:secret@broker:4222\n").unwrap();
    let mut command = idle();
    command.env("HTTP_ADDR", "127.0.0.1:0");
    let (child, log, _) = listening(command.env("NATS_URL_FILE", &file));
    let said = ended(child, log);
    assert!(
        !said.contains("secret") && !said.contains("development"),
        "{said}"
    );
}

#[test]
fn it_is_healthy_and_ready_until_it_is_asked_to_stop_and_ends_with_zero() {
    let (mut child, _log, line) = started("text");
    let check = |command: &mut Command| {
        command
            .arg("healthcheck")
            .env("HTTP_ADDR", address(&line))
            // The health check does not use a proxy that is set for every process.
            .env("http_proxy", "http://127.0.0.1:9")
            .env("HTTP_PROXY", "http://127.0.0.1:9")
            .status()
            .unwrap()
            .success()
    };
    assert!(check(&mut idle()));
    let asked = Instant::now();
    tell(&child, Signal::SIGTERM);
    assert!(child.wait().unwrap().success());
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "{:?}",
        asked.elapsed()
    );
    assert!(!check(&mut idle()));
}

#[test]
fn whoever_gave_port_0_finds_the_address_in_a_file_whatever_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("address");
    let mut command = idle();
    command
        .env("HTTP_ADDR", "127.0.0.1:0")
        .env("ADDRESS_FILE", &file)
        .env("RUST_LOG", "off");
    let child = command.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let address = loop {
        if let Ok(address) = std::fs::read_to_string(&file) {
            break address;
        }
        assert!(Instant::now() < deadline, "no address");
        std::thread::sleep(Duration::from_millis(5));
    };
    let check = idle()
        .arg("healthcheck")
        .env("HTTP_ADDR", address.trim())
        .status();
    assert!(check.unwrap().success());
    tell(&child, Signal::SIGTERM);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
}

#[test]
fn a_second_signal_insists() {
    let mut child = idle()
        .env("HTTP_ADDR", "127.0.0.1:0")
        .env("STUBBORN", "true")
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    assert!(log.any(|line| line.contains("listening for HTTP")));
    tell(&child, Signal::SIGTERM);
    assert!(log.any(|line| line.contains("stopping")));
    tell(&child, Signal::SIGINT);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn json_lines_say_who_speaks() {
    let (mut child, mut log, first) = started("json");
    tell(&child, Signal::SIGTERM);
    child.wait().unwrap();
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    for line in [first.as_str()].into_iter().chain(rest.lines()) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&line["service"], &line["member"]),
            (&"idle".into(), &"idle-1".into())
        );
        assert!(line["message"].is_string() && line["level"].is_string());
    }
}
