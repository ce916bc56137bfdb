//! Parsing of stored headers and subjects by the rules of the client library, to find what it cannot
//! read.
//!
//! The client library has no way to be asked, so its rules are repeated here: a test compares the two.

use async_nats::{HeaderMap, HeaderName, HeaderValue};

/// The headers of a message, parsed with care.
pub(super) struct Headers {
    /// Those that can be read.
    pub(super) readable: HeaderMap,
    /// The fault of the first that cannot be read.
    pub(super) fault: Option<String>,
}

impl Headers {
    /// Parses headers as they are stored: `NATS/1.0` and a line each. No bytes at all are no headers.
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
        // With a status, it would be one of the broker's own messages, such as `404 No Messages`.
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

/// Returns the fault of a subject that cannot be read. For bytes of it that are no UTF-8, the broker's
/// API has the replacement character.
pub(super) fn fault_of_subject(subject: &str) -> Option<String> {
    let odd = |c: char| c.is_whitespace() || c == char::REPLACEMENT_CHARACTER;
    let is_odd = subject.contains(odd);
    is_odd.then(|| format!("the subject {subject:?} has a space, or is no UTF-8"))
}
