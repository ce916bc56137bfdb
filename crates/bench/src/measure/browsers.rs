//! B9: latency of a change until it reaches many browsers, and the memory that each of them costs.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use uuid::Uuid;

use crate::load::{self, Latencies, Load};
use crate::numbers::{approximate, median};
use crate::program::Program;
use crate::stage::Stage;
use crate::table::{Goal, Table, Value};

/// Number of browsers per list.
const WATCHERS: usize = 100;

/// Changes per second, all lists together.
const RATE: u32 = 100;

/// Time within which the last change must reach the last browser.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Number of open files besides the connections of the browsers.
const OTHER_FILES: u64 = 200;

/// The field that responses and changes have in common.
#[derive(Deserialize)]
struct Item {
    id: Uuid,
}

/// A browser: its connection, from which it reads server-sent events.
struct Browser(Lines<BufReader<TcpStream>>);

/// Measures and adds the rows.
pub(crate) async fn run(stage: &mut Stage, table: &mut Table) -> Result<()> {
    let browsers = stage.sizes.browsers;
    allow_files(browsers as u64 + OTHER_FILES)?;
    let (mut p99, mut sizes) = (Vec::new(), Vec::new());
    for round in 1..=stage.sizes.rounds {
        let (times, size) = once(stage, browsers).await?;
        stage.say(&format!(
            "B9 round {round}: {} changes shown: p50 {:.1} ms, p99 {:.1} ms; {size:.1} KiB a browser",
            times.len(),
            times.p50_ms(),
            times.p99_ms(),
        ));
        p99.push(times.p99_ms());
        sizes.push(size);
    }
    let what = format!("POST to {browsers} browsers, 99 % within");
    let goal = Goal::Below(Value::Milliseconds(250.0));
    table.add("B9", what, Value::Milliseconds(median(p99)), goal);
    let goal = Goal::Below(Value::Kibibytes(20.0));
    let what = "todo-web: memory for each of them".to_owned();
    table.add("B9", what, Value::Kibibytes(median(sizes)), goal);
    table.note(format!(
        "B9: {WATCHERS} browsers a list, {RATE} changes a second, evenly and in turn of the lists; \
         from when each request was due until each browser of its list had read the change. Memory: \
         what the process holds more than before they came, after all changes.",
    ));
    Ok(())
}

/// Measures one round: the latency of each change to each browser, and the KiB that each browser costs.
async fn once(stage: &mut Stage, browsers: usize) -> Result<(Latencies, f64)> {
    stage.fresh().await?;
    let mut web = stage.service("todo-web", 1, &[])?;
    let mut api = stage.service("todo-api", 1, &[])?;
    let mut saver = stage.service("save-handler", 1, &[])?;
    for program in [&mut web, &mut api, &mut saver] {
        program.ready().await?;
    }
    let lists = browsers.div_ceil(WATCHERS);
    let before = web.memory()?.resident;
    let watching = open(&web, browsers, lists).await?;

    let sent: Arc<Mutex<HashMap<Uuid, Instant>>> = Arc::default();
    let note = {
        let sent = Arc::clone(&sent);
        move |due, body: &[u8]| {
            if let Ok(Item { id }) = serde_json::from_slice(body) {
                let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
                sent.insert(id, due);
            }
        }
    };
    let requests = (0..lists).map(|list| {
        let item = format!(
            r#"{{"item":"record the video for the campaign","list":"{}"}}"#,
            name(list)
        );
        load::post("/todo", &item)
    });
    let load = Load {
        address: api.address(),
        requests: requests.collect(),
        status: 202,
        connections: 8,
        warm: Duration::ZERO,
        time: stage.sizes.live,
    };
    let mut reading = JoinSet::new();
    let changes = changes(&load);
    for (number, browser) in watching.into_iter().enumerate() {
        let of_its_list = (changes + lists - 1 - number % lists) / lists;
        reading.spawn(browser.read(of_its_list));
    }
    load::open(&load, RATE.into(), note).await?;
    let heard = timeout(TIMEOUT, reading.join_all()).await;
    let heard = heard.context("not every browser was told of every change")?;
    let after = web.memory()?.resident;
    for program in [web, api, saver] {
        program.stop().await?;
    }

    let sent = std::mem::take(&mut *sent.lock().unwrap_or_else(PoisonError::into_inner));
    let mut times = Vec::new();
    for browser in heard {
        for (id, at) in browser? {
            let due = sent.get(&id).context("a change that nobody asked for")?;
            times.push(at.saturating_duration_since(*due));
        }
    }
    let size = (after - before) * 1024.0 / approximate(browsers as u64);
    Ok((times.into_iter().collect(), size))
}

/// Returns the number of requests of a load: those that are due before it ends.
fn changes(load: &Load) -> usize {
    let thousandths = load.time.as_millis() * u128::from(RATE);
    usize::try_from(thousandths.div_ceil(1000)).unwrap_or(usize::MAX)
}

fn name(list: usize) -> String {
    format!("list-{list}")
}

/// Opens an event stream for each browser; the lists take turns.
async fn open(web: &Program, browsers: usize, lists: usize) -> Result<Vec<Browser>> {
    let mut watching = Vec::with_capacity(browsers);
    for number in 0..browsers {
        let list = name(number % lists);
        watching.push(Browser::open(web.address(), &list).await?);
    }
    Ok(watching)
}

impl Browser {
    async fn open(address: SocketAddr, list: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        let request = load::get(&format!("/live?list={list}"));
        stream.write_all(&request).await?;
        let mut lines = BufReader::with_capacity(1024, stream).lines();
        let status = lines.next_line().await?.unwrap_or_default();
        ensure!(
            status.contains(" 200 "),
            "a browser was answered {status:?}"
        );
        Ok(Self(lines))
    }

    /// Reads `changes` changes, and records the time of each. A line of an event is never split between
    /// two chunks, so the chunked encoding need not be decoded.
    async fn read(mut self, changes: usize) -> Result<Vec<(Uuid, Instant)>> {
        let mut heard = Vec::with_capacity(changes);
        while heard.len() < changes {
            let line = self.0.next_line().await?;
            let line = line.context("a browser was left")?;
            if line == "event: reset" {
                bail!("a browser was too slow");
            }
            if let Some(data) = line.strip_prefix("data: ") {
                let Item { id } = serde_json::from_str(data)?;
                heard.push((id, Instant::now()));
            }
        }
        Ok(heard)
    }
}

/// Raises the limit of open files, of this process and those that it starts.
fn allow_files(files: u64) -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < files {
        ensure!(
            hard >= files,
            "B9 needs {files} open files: raise the limit with `ulimit -Hn`"
        );
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(())
}
