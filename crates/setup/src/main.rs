//! setup: prepares the database and the broker, removes what is kept no longer, then ends. Running it again
//! changes nothing else.

mod erase;
mod retention;

use std::{collections::BTreeSet, process::ExitCode, time::Duration};

use anyhow::{Context, bail};
use bus::{Bus, Streams};
use events::ItemId;
use retention::Retention;
use service::{Service, WrongSetting, settings};
use store::Role;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

#[derive(clap::Args)]
struct Settings {
    #[command(flatten)]
    broker: settings::Broker,
    #[command(flatten)]
    database: settings::Database,
    /// How many servers of a cluster keep each event: 1 on a single server, 3 on a cluster.
    #[arg(long, env, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    stream_replicas: u8,
    /// How much the stream of events may hold, in MiB; the dead letters take up to half as much
    /// more, their replays and the ledger of keys an eighth each.
    #[arg(long, env, default_value_t = 2048, value_parser = clap::value_parser!(u32).range(1..))]
    stream_limit_mib: u32,
    #[command(flatten)]
    retention: Retention,
    #[command(flatten)]
    passwords: Passwords,
    /// Erases the texts of these deleted items for good, divided by commas, and does nothing else.
    #[arg(long, env, value_delimiter = ',')]
    erase_items: Vec<ItemId>,
    /// How long to wait for the database and the broker, in seconds.
    #[arg(long, env, default_value_t = 60)]
    setup_limit: u64,
}

/// The passwords by which services log in to the database.
#[derive(clap::Args)]
#[expect(clippy::struct_field_names, reason = "each is named as its setting is")]
struct Passwords {
    /// The password of todo-web.
    #[arg(long, env, hide_env_values = true, default_value = "todo-web")]
    todo_web_password: String,
    /// The password of todo-api.
    #[arg(long, env, hide_env_values = true, default_value = "todo-api")]
    todo_api_password: String,
    /// The password of save-handler.
    #[arg(long, env, hide_env_values = true, default_value = "save-handler")]
    save_handler_password: String,
    /// The password of audit-handler.
    #[arg(long, env, hide_env_values = true, default_value = "audit-handler")]
    audit_handler_password: String,
}

impl Passwords {
    fn roles(&self) -> [Role<'_>; 4] {
        [
            ("todo-web", &self.todo_web_password),
            ("todo-api", &self.todo_api_password),
            ("save-handler", &self.save_handler_password),
            ("audit-handler", &self.audit_handler_password),
        ]
        .map(|(service, password)| Role { service, password })
    }
}

const DAY: Duration = Duration::from_hours(24);

/// The pause between two attempts.
const RETRY_INTERVAL: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    service::named(env!("CARGO_PKG_NAME")).run(run)
}

async fn run(service: Service, settings: Settings) -> anyhow::Result<()> {
    let stop = service.stop();
    if !settings.erase_items.is_empty() {
        return tokio::select! {
            () = stop.cancelled() => bail!("stopped before everything was erased; run it again"),
            erased = erase::erase(&service, &settings) => erased,
        };
    }
    let limit = Duration::from_secs(settings.setup_limit);
    let prepare = async {
        tokio::try_join!(
            prepare_database(&service, &settings),
            prepare_broker(&service, &settings)
        )
    };
    tokio::select! {
        () = stop.cancelled() => return Ok(()),
        prepared = timeout(limit, prepare) => {
            prepared.with_context(|| format!("not done within {} s", limit.as_secs()))??;
            info!("everything is prepared");
        }
    }
    tokio::select! {
        () = stop.cancelled() => {}
        () = retention::apply(&service, &settings, limit) => {}
    }
    Ok(())
}

async fn prepare_database(service: &Service, settings: &Settings) -> anyhow::Result<()> {
    let url = service.sign(&settings.database.database_url);
    let roles = settings.passwords.roles();
    for role in roles {
        if role.password == role.service {
            warn!("{} gets its development password at {url}", role.service);
        }
    }
    let prepare = async || {
        store::migrate(url.as_str()).await?;
        store::ensure_roles(url.as_str(), &roles).await
    };
    let mut said = BTreeSet::new();
    while let Err(error) = prepare().await {
        if error.is_setting() {
            return Err(error).context(WrongSetting("DATABASE_URL"));
        }
        if !error.is_unavailable() {
            return Err(error).context("cannot prepare the database");
        }
        // Each reason once: it asks five times a second.
        let reason = format!("{:#}", anyhow::Error::from(error));
        if said.insert(reason.clone()) {
            warn!("waiting for the database at {url} (DATABASE_URL): {reason}");
        }
        sleep(RETRY_INTERVAL).await;
    }
    info!("database at {url} is ready");
    Ok(())
}

async fn prepare_broker(service: &Service, settings: &Settings) -> anyhow::Result<()> {
    let bus = connect(service, settings).await?;
    let retention = &settings.retention;
    let streams = Streams {
        replicas: usize::from(settings.stream_replicas),
        limit: u64::from(settings.stream_limit_mib) << 20,
        dead_letters_kept: DAY * retention.dead_letter_retention_days,
        notes_kept: Duration::from_hours(retention.ledger_retention_hours.into()),
    };
    while let Err(error) = bus.ensure_streams(streams).await {
        if !error.is_passing() {
            return Err(error).context("cannot prepare the streams");
        }
        warn!("waiting for the broker: {:#}", anyhow::Error::from(error));
        sleep(RETRY_INTERVAL).await;
    }
    bus.close().await;
    Ok(())
}

/// Begins to connect to the broker.
async fn connect(service: &Service, settings: &Settings) -> anyhow::Result<Bus> {
    let url = service.sign(&settings.broker.nats_url);
    let bus = Bus::connect_observer(url.as_str(), service.name(), service.member());
    bus.await.context("cannot use the broker (NATS_URL)")
}
