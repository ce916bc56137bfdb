//! What the client can read of a message, and what not.
//!
//! It is the same as in the client, which has no way to be asked: a test compares the two.

use async_nats::{HeaderMap, HeaderName, HeaderValue};

/// The headers of a message, taken apart with care.
pub(super) struct Headers {
    /// Those that can be read.
    pub(super) readable: HeaderMap,
    /// What is wrong with the first that cannot.
    pub(super) fault: Option<String>,
}

impl Headers {
    /// Reads headers as they are stored: `NATS/1.0` and a line each. None at all are empty.
    pub(super) fn read(stored: &[u8]) -> Self {
        let mut headers = Self {
            readable: HeaderMap::new(),
            fault: None,
        };
        if stored.is_empty() {
            return headers;
        }
        let mut lines = stored
            .split(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .map(str::from_utf8)
            .peekable();
        // A status makes a message one of the broker's own, such as `404 No Messages`.
        match lines.next() {
            Some(Ok(version)) if version.trim_end() == "NATS/1.0" => {}
            _ => headers.complain("the headers do not begin with `NATS/1.0`, or with a status"),
        }
        while let Some(line) = lines.next() {
            let Ok(line) = line else {
                headers.complain("a header is no UTF-8");
                continue;
            };
            if line.is_empty() {
                continue;
            }
            let mut line = line.to_owned();
            while let Some(Ok(more)) =
                lines.next_if(|line| line.is_ok_and(|line| line.starts_with(char::is_whitespace)))
            {
                line.push_str(more);
            }
            headers.take(&line);
        }
        headers
    }

    fn take(&mut self, line: &str) {
        let Some((name, value)) = line.split_once(':') else {
            return self.complain(&format!("the header {line:?} has no value"));
        };
        match (
            name.parse::<HeaderName>(),
            value.trim().parse::<HeaderValue>(),
        ) {
            (Ok(name), Ok(value)) => self.readable.append(name, value),
            (Err(_), _) => self.complain(&format!("{name:?} is no name of a header")),
            (_, Err(_)) => {
                self.complain(&format!("the value of the header `{name}` has a line end"));
            }
        }
    }

    fn complain(&mut self, fault: &str) {
        self.fault.get_or_insert_with(|| fault.to_owned());
    }
}

/// What is wrong with a subject, if it cannot be read. Where bytes of it are no text, the broker's API
/// has the sign for that.
pub(super) fn fault_of_subject(subject: &str) -> Option<String> {
    let odd = |c: char| c.is_whitespace() || c == char::REPLACEMENT_CHARACTER;
    let is_odd = subject.contains(odd);
    is_odd.then(|| format!("the subject {subject:?} has a space, or is no UTF-8"))
}
