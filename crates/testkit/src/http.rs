//! A small HTTP/1.1 client: one request, one connection, no surprises.
//!
//! Tests look at what really goes over the wire; a full client follows redirects, keeps cookies and
//! retries, each of which hides something.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

/// Time that one request may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// An HTTP response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// Returns the first header of that name, which must be in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Parses the body as JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("not JSON (status {}): {}", self.status, self.text()))
    }
}

/// Sends a GET request.
pub async fn get(url: &str) -> Result<Response> {
    request("GET", url, &[], b"").await
}

/// Sends a POST request with a JSON body.
pub async fn post_json(url: &str, body: &serde_json::Value) -> Result<Response> {
    let headers = [("content-type", "application/json")];
    request("POST", url, &headers, body.to_string().as_bytes()).await
}

/// Sends a POST request with a form, as a browser without JavaScript does.
pub async fn post_form(url: &str, fields: &[(&str, &str)]) -> Result<Response> {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    request("POST", url, &headers, body.as_bytes()).await
}

/// Sends any request; `host`, `connection` and `content-length` are added unless given.
pub async fn request(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Response> {
    let url = Url::parse(url).with_context(|| format!("`{url}` is no URL"))?;
    let exchange = exchange(method, &url, headers, body);
    match timeout(TIMEOUT, exchange).await {
        Ok(response) => response.with_context(|| format!("{method} {url} failed")),
        Err(_) => bail!("{method} {url} was not answered within {TIMEOUT:?}"),
    }
}

async fn exchange(
    method: &str,
    url: &Url,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Response> {
    let host = url.host_str().context("the URL has no host")?;
    let port = url.port_or_known_default().context("the URL has no port")?;
    let mut stream = TcpStream::connect((host, port)).await?;
    let head = head(method, url, headers, body.len());
    stream.write_all(head.as_bytes()).await?;
    // A server may respond and close before it has read a body that is too large; its response counts.
    let sent = stream.write_all(body).await;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    if answer.is_empty() {
        sent?;
        read?;
    }
    parse(&answer, method)
}

fn head(method: &str, url: &Url, headers: &[(&str, &str)], length: usize) -> String {
    let given = |name: &str| {
        headers
            .iter()
            .any(|(given, _)| given.eq_ignore_ascii_case(name))
    };
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut lines = vec![
        format!("{method} {target} HTTP/1.1"),
        "connection: close".to_owned(),
    ];
    if !given("host") {
        lines.push(format!("host: {authority}"));
    }
    if !given("content-length") && !given("transfer-encoding") && (length > 0 || method != "GET") {
        lines.push(format!("content-length: {length}"));
    }
    lines.extend(
        headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}")),
    );
    lines.join("\r\n") + "\r\n\r\n"
}

fn parse(answer: &[u8], method: &str) -> Result<Response> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.context("the answer ended before its headers did")?;
    let head = std::str::from_utf8(&answer[..end])?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut response = Response {
        status: status.context("the answer has no status")?,
        headers,
        body: Vec::new(),
    };
    let rest = &answer[end + 4..];
    response.body = if response.header("transfer-encoding") == Some("chunked") {
        join_chunks(rest)?
    } else {
        let length = response
            .header("content-length")
            .and_then(|length| length.parse().ok());
        if method != "HEAD" && length.is_some_and(|length: usize| length > rest.len()) {
            bail!("the body ended early");
        }
        rest.to_vec()
    };
    Ok(response)
}

fn join_chunks(mut rest: &[u8]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest
            .windows(2)
            .position(|two| two == b"\r\n")
            .context("a chunk has no size")?;
        let size = std::str::from_utf8(&rest[..end])?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).context("a chunk's size is no number")?;
        if size == 0 {
            return Ok(body);
        }
        let chunk = rest
            .get(end + 2..end + 2 + size)
            .context("the body ended early")?;
        body.extend_from_slice(chunk);
        rest = rest.get(end + 4 + size..).context("the body ended early")?;
    }
}
