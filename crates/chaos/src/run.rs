//! Runs a test from its options to the verdict.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_nats::Client;
use clap::ValueEnum;
use futures_util::future::join_all;
use testkit::system::{Event, Report};
use testkit::{System, SystemOptions, http, try_eventually};
use tokio::time::{Instant, sleep, timeout};

use crate::client::LISTS;
use crate::clients::{Clients, Places};
use crate::model::{SAVED, State};
use crate::plain::{self, DEAD_LETTERS, Standing, Stored, TODO};
use crate::resources::{self, Level};
use crate::schedule::{self, Fault};
use crate::verdict::{Evidence, judge};
use crate::visitor::Visitor;
use crate::{Kind, Options, Verdict, faults, tables};

/// Duration of the load before the first measurement of resources, so that it is one of normal
/// operation.
const WARM: Duration = Duration::from_millis(1_500);

/// Time that subscribers may lag behind, and that resources may take to be released.
const SETTLING: Duration = Duration::from_secs(20);

/// The pause between two looks that must agree for the system to count as idle.
const QUIET: Duration = Duration::from_millis(300);

/// Breaks a system of its own, and judges. The seed is printed first and is in every error.
///
/// Dropping the future kills all processes that it has started.
pub async fn run(options: &Options) -> Result<Verdict> {
    let seed = options.seed();
    eprintln!("seed {seed}");
    let schedule = match options.outage {
        Some(seconds) => schedule::outage(Duration::from_secs(seconds)),
        None if options.only.is_empty() => {
            schedule::plan(seed, options.length(), Kind::value_variants())
        }
        None => schedule::plan(seed, options.length(), &options.only),
    };
    let evidence = gather(options, seed, &schedule);
    let evidence = evidence
        .await
        .with_context(|| format!("with the seed {seed}"))?;
    Ok(judge(seed, options.again(seed), evidence))
}

/// The system, and the clients that use it.
struct Stage<'o> {
    options: &'o Options,
    system: System,
    clients: Clients,
    places: Places,
    /// Our own connection, which bypasses the link.
    direct: Client,
    /// The broker's URL, through the link that the services use.
    broker: String,
}

async fn gather(options: &Options, seed: u64, schedule: &[Fault]) -> Result<Evidence> {
    let system = System::start(system_options(options)?).await?;
    let link = system.broker_link().context("the system has no links")?;
    let broker = link.url(&system.nats());
    let places = Places::default();
    places.find(&system);
    let stage = Stage {
        direct: plain::connect(&system.nats(), "judge").await?,
        clients: Clients::new(seed, places.clone()),
        places: places.clone(),
        options,
        system,
        broker,
    };
    let began = stage.clients.began;
    let visitors = Visitor::several(seed, &LISTS);
    let watching = join_all(visitors.iter().map(|it| it.watch(&places, began)));
    let mut evidence = tokio::select! {
        evidence = stage.play(schedule, &visitors) => evidence?,
        _ = watching => unreachable!("a visitor watches until it is dropped"),
    };
    evidence.views = visitors.into_iter().map(Visitor::into_view).collect();
    Ok(evidence)
}

/// Returns whether every subscriber has received the last saved state of its list.
fn have_heard(visitors: &[Visitor], events: &[Stored]) -> bool {
    let saved = events.iter().filter(|event| event.subject == SAVED);
    let mut last = BTreeMap::new();
    for event in saved {
        if let Ok(State { list, .. }) = serde_json::from_slice(&event.body) {
            last.insert(list, event.sequence);
        }
    }
    let last = |list| last.get(list).copied().unwrap_or_default();
    visitors.iter().all(|it| it.has_heard(last(it.list())))
}

impl Stage<'_> {
    async fn play(mut self, schedule: &[Fault], visitors: &[Visitor]) -> Result<Evidence> {
        self.clients
            .work(Instant::now() + WARM, self.options.clients, &self.broker)
            .await?;
        ensure!(
            self.quiet().await.1,
            "it is not quiet before anything is broken"
        );
        let before = resources::look(&self.system).await?;

        let began = Instant::now();
        let until = began + self.options.length();
        let work = self.clients.work(until, self.options.clients, &self.broker);
        let find = |system: &System| self.places.find(system);
        let faults = faults::carry_out(&mut self.system, schedule, began, find);
        let ((), unclean) = tokio::try_join!(work, faults)?;

        let unready = self.unready().await;
        let (standings, _) = self.quiet().await;
        let (events, stream) = plain::read(&self.direct, TODO).await?;
        let (dead_letters, _) = plain::read(&self.direct, DEAD_LETTERS).await?;
        // A subscriber that is late is found by what it does not show.
        let _ = try_eventually("the visitors have heard everything", SETTLING, async || {
            have_heard(visitors, &events)
        })
        .await;
        let after = self.settle(&before).await?;
        let mut lists = BTreeMap::new();
        for list in LISTS {
            let api = self.system.api().context("nobody lists the items")?;
            let shown = tables::listed(&api, list).await?;
            lists.insert(list.to_owned(), shown);
        }
        Ok(Evidence {
            rows: tables::items(&self.system).await?,
            lists,
            audit: tables::audit(&self.system).await?,
            history: self.clients.history(),
            events,
            stream,
            dead_letters,
            standings,
            views: Vec::new(),
            levels: (before, after),
            unready,
            unclean,
            once: self.options.outage.is_some(),
        })
    }

    /// Waits until the system is idle. Returns the state of the groups, and whether it became idle in
    /// time.
    async fn quiet(&self) -> ([Standing; 2], bool) {
        let deadline = Instant::now() + self.options.patience();
        let (mut before, mut standings) = (None, [Standing::default(); 2]);
        while Instant::now() < deadline {
            sleep(QUIET).await;
            let asked = timeout(QUIET * 10, plain::standing(&self.direct)).await;
            let now = asked.ok().and_then(Result::ok);
            let done = now.is_some_and(|(_, groups)| {
                groups
                    .iter()
                    .all(|group| (group.pending, group.in_hand) == (0, 0))
            });
            standings = now.map_or(standings, |(_, standings)| standings);
            if done && now == before {
                return (standings, true);
            }
            before = now;
        }
        (standings, false)
    }

    /// Returns the members that do not become ready.
    async fn unready(&self) -> Vec<String> {
        let mut unready = Vec::new();
        for member in self.system.members() {
            let (Some(_), Some(address)) = (member.pid, member.http) else {
                continue;
            };
            let url = format!("{address}/statusz");
            let ready = try_eventually(&member.name, self.options.patience(), async || {
                let answer = http::get(&url).await?;
                ensure!(answer.status == 200, "{}", answer.text());
                Ok(())
            });
            unready.extend(ready.await.err().map(|error| error.to_string()));
        }
        unready
    }

    /// Measures resources at the end, as soon as they are released.
    async fn settle(&self, before: &Level) -> Result<Level> {
        let deadline = Instant::now() + SETTLING;
        loop {
            let after = resources::look(&self.system).await?;
            if resources::left_behind(before, &after).is_empty() || Instant::now() > deadline {
                return Ok(after);
            }
            sleep(QUIET).await;
        }
    }
}

/// Returns the options of the whole system behind links, with the planted fault.
fn system_options(options: &Options) -> Result<SystemOptions> {
    let mut system = SystemOptions {
        bin_dir: options.bin_dir.clone(),
        ..SystemOptions::default()
            .linked()
            .scale("todo-api", 2)
            .scale("todo-web", 2)
    };
    if let Some(path) = &options.log {
        system.report = written_to(path)?;
    } else {
        // Nobody reads a line for each event.
        system.log_filter = Some("warn,service=info,bus=info".to_owned());
    }
    if let Some(plant) = options.plant {
        let faulty = system.built("faulty")?;
        system =
            system
                .program_of(plant.service(), faulty)
                .env(plant.service(), "FAULT", &plant.name());
    }
    Ok(system)
}

/// Returns a callback that writes each log line of a member into a file.
fn written_to(path: &Path) -> Result<Report> {
    let file = File::create(path).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(Arc::new(move |event| {
        if let Event::Line { member, line } = event {
            // A log that cannot be written is no reason to stop.
            let _ = writeln!(&file, "{member}: {line}");
        }
    }))
}
