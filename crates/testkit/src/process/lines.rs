//! The lines of a child, kept and watched.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Child;
use tokio::sync::watch;

use super::Sink;

/// Number of lines that are kept.
const KEPT: usize = 10_000;

#[derive(Default)]
struct Kept {
    lines: VecDeque<String>,
    /// Number of lines that were dropped from the front.
    dropped: usize,
}

/// The lines that a child has written.
pub(super) struct Lines {
    kept: Arc<Mutex<Kept>>,
    /// Changes with every line; closed when both streams have ended.
    news: watch::Receiver<()>,
}

impl Lines {
    /// Starts to read both streams of `child`.
    pub(super) fn read(child: &mut Child, sink: Option<&Sink>) -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let (sender, news) = watch::channel(());
        let sender = Arc::new(sender);
        if let Some(stream) = child.stdout.take() {
            tokio::spawn(pump(
                stream,
                Arc::clone(&kept),
                Arc::clone(&sender),
                sink.cloned(),
            ));
        }
        if let Some(stream) = child.stderr.take() {
            tokio::spawn(pump(stream, Arc::clone(&kept), sender, sink.cloned()));
        }
        Self { kept, news }
    }

    /// Returns all lines that are kept.
    pub(super) fn all(&self) -> Vec<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.lines.iter().cloned().collect()
    }

    /// Returns the first value that `choose` yields for a line; `None` when there will be no more lines.
    pub(super) async fn find<T>(&self, choose: impl Fn(&str) -> Option<T>) -> Option<T> {
        let mut news = self.news.clone();
        let mut seen = 0;
        loop {
            let over = news.has_changed().is_err();
            news.mark_unchanged();
            {
                let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                let start = seen.max(kept.dropped) - kept.dropped;
                if let Some(found) = kept.lines.iter().skip(start).find_map(|line| choose(line)) {
                    return Some(found);
                }
                seen = kept.dropped + kept.lines.len();
            }
            if over {
                return None;
            }
            // An error means that the streams have ended: look once more, then give up.
            drop(news.changed().await);
        }
    }
}

async fn pump(
    stream: impl AsyncRead + Unpin,
    kept: Arc<Mutex<Kept>>,
    news: Arc<watch::Sender<()>>,
    sink: Option<Sink>,
) {
    let mut reader = BufReader::new(stream);
    let mut bytes = Vec::new();
    while let Ok(1..) = reader.read_until(b'\n', &mut bytes).await {
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        bytes.clear();
        if let Some(sink) = &sink {
            sink(&line);
        }
        let line = plain(&line);
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.lines.len() == KEPT {
            kept.lines.pop_front();
            kept.dropped += 1;
        }
        kept.lines.push_back(line);
        drop(kept);
        news.send_replace(());
    }
}

/// Returns the line without colours and other escape sequences, so that it can be searched.
fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(next) = chars.next() {
        if next == '\u{1b}' {
            // `ESC [ … letter`: everything up to the letter belongs to it.
            chars.by_ref().skip(1).find(char::is_ascii_alphabetic);
        } else {
            plain.push(next);
        }
    }
    plain
}
