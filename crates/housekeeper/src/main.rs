//! housekeeper: keeps the stream below its size limit, moves events that no member can read to the dead
//! letters, repairs the consequences when a stream lost its end, and shows the state of the streams and
//! groups at `/metrics`.

use std::{collections::BTreeSet, process::ExitCode, time::Duration};

use anyhow::Context;
use axum::Router;
use bus::{Bus, CapacityError, Inspection, Loss, LossWatch, StreamStatus};
use service::{Service, settings};
use time::OffsetDateTime;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

#[derive(clap::Args)]
struct Settings {
    #[command(flatten)]
    broker: settings::Broker,
    /// The groups, separated by commas, that must have joined once before any event is removed: until then
    /// they still need all events.
    #[arg(long, env, value_delimiter = ',', default_value = "save-handler")]
    expected_groups: Vec<String>,
}

/// The interval at which it works. In that time the fastest saver fills far less than the capacity that
/// is left when it begins to remove events.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The state that is kept from the times before.
#[derive(Default)]
struct Known {
    /// The groups that existed.
    groups: BTreeSet<String>,
    /// The groups that had dead letters.
    buried: BTreeSet<String>,
    inspection: Inspection,
    streams: LossWatch,
}

fn main() -> ExitCode {
    service::named(env!("CARGO_PKG_NAME"))
        .expiring_gauges(POLL_INTERVAL * 5)
        .run(run)
}

async fn run(service: Service, settings: Settings) -> anyhow::Result<()> {
    let url = service.sign(&settings.broker.nats_url);
    let bus = Bus::connect(url.as_str(), service.name(), service.member())
        .await
        .context("cannot use the broker (NATS_URL)")?;
    service.ready_when("broker", bus.connected());
    tokio::select! {
        served = service.serve(Router::new()) => served?,
        () = keep_house(&bus, &settings.expected_groups) => {}
    }
    bus.close().await;
    Ok(())
}

async fn keep_house(bus: &Bus, expected: &[String]) {
    let mut looks = interval(POLL_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = Known::default();
    loop {
        looks.tick().await;
        bus.wait_connected().await;
        if let Err(error) = look(bus, expected, &mut known).await {
            warn!("{:#}", anyhow::Error::from(error));
        }
    }
}

async fn look(bus: &Bus, expected: &[String], known: &mut Known) -> Result<(), CapacityError> {
    // If this fails, events are removed all the same.
    match bus.mend_losses(&mut known.streams).await {
        Ok(losses) => losses.iter().for_each(tell),
        Err(error) => warn!("{:#}", anyhow::Error::from(error)),
    }
    let standing = bus.stream_status().await?;
    show(&standing, known);
    // This logs each dead letter itself.
    bus.remove_unreadable(&standing, &mut known.inspection)
        .await?;
    let removed = bus.trim_handled(&standing, expected).await?;
    if removed > 0 {
        info!(
            stream.bytes = standing.bytes,
            "made room: removed {removed} events that every group has handled"
        );
    }
    Ok(())
}

fn tell(loss: &Loss) {
    let Loss {
        stream,
        from,
        highest,
        again,
        groups,
    } = loss;
    metrics::counter!("stream_losses_total", "stream" => *stream).increment(1);
    warn!(
        "the broker has lost the end of the stream {stream}, from {from} to {highest}: what it stores there \
         now counts as new, and these groups are given what is stored from {again} on: {}",
        groups.join(", ")
    );
}

/// Sets the gauges. A group that is gone since the last time, or has no dead letters any more, is set to 0
/// once, and then not any more.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn show(standing: &StreamStatus, known: &mut Known) {
    metrics::gauge!("stream_bytes").set(standing.bytes as f64);
    metrics::gauge!("stream_limit_bytes").set(standing.limit as f64);
    metrics::gauge!("stream_events").set(standing.events as f64);
    let groups = standing.groups.keys().cloned().collect();
    for name in std::mem::replace(&mut known.groups, groups)
        .iter()
        .chain(standing.groups.keys())
    {
        let group = standing.groups.get(name);
        let gauge = |state: &'static str, count: u64| {
            metrics::gauge!("group_events", "group" => name.clone(), "state" => state)
                .set(count as f64);
        };
        gauge("waiting", group.map_or(0, |group| group.waiting));
        gauge("in_hand", group.map_or(0, |group| group.in_hand));
    }
    let buried = standing.dead_letters.keys().cloned().collect();
    for group in std::mem::replace(&mut known.buried, buried)
        .iter()
        .chain(standing.dead_letters.keys())
    {
        let count = standing
            .dead_letters
            .get(group)
            .copied()
            .unwrap_or_default();
        metrics::gauge!("dead_letters", "group" => group.clone()).set(count as f64);
    }
    let age = standing.oldest_dead_letter.map_or(0.0, |stored| {
        (OffsetDateTime::now_utc() - stored)
            .as_seconds_f64()
            .max(0.0)
    });
    metrics::gauge!("dead_letter_oldest_age_seconds").set(age);
}
