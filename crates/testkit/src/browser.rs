//! A private WebDriver server: `chromedriver`, which starts Chromium for each session.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::ports::loopback;
use crate::process::{Output, Process};

/// Time that the driver may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// Time that the driver may take to end its browsers.
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Command line of each browser. It does nothing but what its test asks: no updates, no speculative
/// requests. It listens to its driver on a pipe, so that it ends when the driver does, however that
/// ends.
const ARGUMENTS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
];

/// A running driver. Dropping it ends its browsers too.
pub struct Chromedriver {
    process: Process,
    address: SocketAddr,
    /// The directory of the browsers' profiles, removed with this value.
    _profiles: TempDir,
}

impl Chromedriver {
    /// Starts one on a port that the kernel chooses. It must be installed, see
    /// [`install::ensure_browser`](crate::install::ensure_browser).
    pub async fn start() -> Result<Self> {
        let profiles = tempfile::Builder::new().prefix("todo-browser-").tempdir()?;
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").env("TMPDIR", profiles.path());
        let process = Process::spawn("chromedriver", command, Output::Lines(None))?;
        let port = process
            .wait_for("its port", START_TIMEOUT, |line| {
                let (_, port) = line.split_once("successfully on port ")?;
                port.trim_end_matches('.').parse().ok()
            })
            .await?;
        Ok(Self {
            process,
            address: loopback(port),
            _profiles: profiles,
        })
    }

    /// Returns the URL of its WebDriver endpoint.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the capabilities for a session: a headless Chromium, with or without JavaScript.
    pub fn capabilities(scripts: bool) -> Value {
        let allowed = if scripts { 1 } else { 2 };
        json!({
            "browserName": "chrome",
            "goog:chromeOptions": {
                "args": ARGUMENTS,
                "prefs": { "profile.managed_default_content_settings.javascript": allowed },
            },
            "goog:loggingPrefs": { "browser": "ALL" },
        })
    }

    /// Asks the driver to end its browsers and itself. If it does not, there is nothing else to do.
    fn shut_down(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect_timeout(&self.address, EXIT_TIMEOUT)?;
        stream.set_read_timeout(Some(EXIT_TIMEOUT))?;
        stream
            .write_all(b"GET /shutdown HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        stream.read_to_end(&mut Vec::new()).map(drop)
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        if matches!(self.process.exited(), Ok(None)) {
            drop(self.shut_down());
        }
    }
}
