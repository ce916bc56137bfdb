//! One connection with one request in flight.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A keep-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

/// The parts of a response's head that are needed.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// The offsets of the body's beginning and end.
    body: (usize, usize),
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; 16 * 1024],
        })
    }

    /// Sends a request and waits for the whole response.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let head = loop {
            filled += self.read(filled).await?;
            if let Some(head) = head(&self.buffer[..filled])? {
                break head;
            }
            ensure!(filled < self.buffer.len(), "the answer's head is too long");
        };
        let (start, end) = head.body;
        if end > self.buffer.len() {
            self.buffer.resize(end, 0);
        }
        while filled < end {
            filled += self.read(filled).await?;
        }
        ensure!(filled == end, "the answer is longer than it says");
        Ok(Answer {
            status: head.status,
            body: &self.buffer[start..end],
        })
    }

    /// Sends a request and returns the body of the response. Fails unless its status is `status`.
    pub(crate) async fn expect(&mut self, request: &[u8], status: u16) -> Result<&[u8]> {
        let answer = self.exchange(request).await?;
        if answer.status != status {
            let body = String::from_utf8_lossy(answer.body);
            bail!("expected status {status}, got {}: {body}", answer.status);
        }
        Ok(answer.body)
    }

    async fn read(&mut self, filled: usize) -> Result<usize> {
        match self.stream.read(&mut self.buffer[filled..]).await? {
            0 => bail!("the connection was closed in the middle of an answer"),
            count => Ok(count),
        }
    }
}

/// Parses the head of a response; `None` as long as it is incomplete.
fn head(answer: &[u8]) -> Result<Option<Head>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&answer[..end]).context("the answer's head is no text")?;
    let mut lines = text.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok())
        .context("the answer has no status")?;
    let length: usize = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse().ok())
        .context("the answer does not say how long it is")?;
    let start = end + 4;
    Ok(Some(Head {
        status,
        body: (start, start + length),
    }))
}

#[cfg(test)]
mod tests {
    use super::{Head, head};

    #[test]
    fn a_head_is_read_when_it_is_there_whole() {
        let answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}";
        let read = head(answer).unwrap();
        let (status, body) = (202, (answer.len() - 2, answer.len()));
        assert_eq!(read, Some(Head { status, body }));
        assert_eq!(head(&answer[..answer.len() - 3]).unwrap(), None);
    }

    #[test]
    fn an_answer_of_unknown_length_is_refused() {
        assert!(head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
