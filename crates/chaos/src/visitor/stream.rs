//! The stream of server-sent events that a browser receives.

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::model::State;

/// A connection to `/live`.
pub(super) struct Stream {
    lines: BufReader<TcpStream>,
    id: Option<String>,
}

/// A server-sent event.
#[derive(Debug)]
pub(super) enum Heard {
    /// An item was saved: the sequence, and its state.
    Saved(u64, State),
    /// Events up to this sequence may have been missed.
    Reset(u64),
    /// An event id without data, to continue after.
    Place,
    /// An event that the page's script cannot handle.
    Strange(String),
}

impl Stream {
    /// Subscribes to the changes of a list. `None` if the response is no event stream.
    pub(super) async fn open(
        web: &str,
        list: &str,
        after: Option<u64>,
        place: Option<&str>,
    ) -> Result<Option<Self>> {
        let host = web.trim_start_matches("http://").trim_end_matches('/');
        let after = after.map_or_else(String::new, |after| format!("&after={after}"));
        let place = place.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
        let mut stream = BufReader::new(TcpStream::connect(host).await?);
        // To a client of HTTP/1.0 the body comes without chunked encoding.
        let request =
            format!("GET /live?list={list}{after} HTTP/1.0\r\nHost: {host}\r\n{place}\r\n");
        stream.write_all(request.as_bytes()).await?;
        let (mut head, mut line) = (String::new(), String::new());
        while line != "\r\n" {
            line.clear();
            let length = stream.read_line(&mut line).await?;
            anyhow::ensure!(length > 0, "the answer ended before its headers did");
            head.push_str(&line);
        }
        let is_stream = head
            .lines()
            .next()
            .is_some_and(|line| line.contains(" 200"))
            && head.contains("text/event-stream");
        Ok(is_stream.then_some(Self {
            lines: stream,
            id: None,
        }))
    }

    /// Returns the last event id.
    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Waits for the next event; `None` when the stream has ended.
    pub(super) async fn next(&mut self) -> Result<Option<Heard>> {
        let (mut name, mut data, mut placed) = (String::new(), String::new(), false);
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            match line.trim_end_matches('\n').split_once(':') {
                Some(("id", id)) => {
                    self.id = Some(id.trim_start().to_owned());
                    placed = true;
                }
                Some(("event", event)) => event.trim_start().clone_into(&mut name),
                Some(("data", text)) => text.trim_start().clone_into(&mut data),
                // A comment, or `retry`.
                Some(_) => {}
                None if data.is_empty() && !placed => {}
                None if data.is_empty() => return Ok(Some(Heard::Place)),
                None => return Ok(Some(self.understand(&name, &data))),
            }
        }
    }

    fn understand(&self, name: &str, data: &str) -> Heard {
        let id = self.id.as_deref().and_then(|id| id.parse().ok());
        let understood = match (name, id) {
            ("saved", Some(id)) => read(data).map(|state| Heard::Saved(id, state)),
            ("reset", Some(id)) => Ok(Heard::Reset(id)),
            _ => Err(anyhow::anyhow!("unknown, or without a place")),
        };
        understood.unwrap_or_else(|error| {
            Heard::Strange(format!("{error:#}: {name} {:?} {data}", self.id))
        })
    }
}

fn read<T: DeserializeOwned>(data: &str) -> Result<T> {
    serde_json::from_str(data).context("cannot read the news")
}
