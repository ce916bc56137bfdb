//! Carries out a schedule on a running system.

use std::time::Duration;

use anyhow::{Context, Result};
use testkit::{Link, Signal, System};
use tokio::time::{Instant, sleep_until};

use crate::schedule::{Fault, FaultKind, Target};

/// The beginning or the end of a fault.
struct Moment<'a> {
    at: Duration,
    fault: &'a Fault,
    begins: bool,
}

/// Time that a member that was asked to stop may take, in addition to the duration in the schedule. Up
/// to 9 s of it are spent on a broker that does not respond; after 20 s a member gives up.
const STOPPING: Duration = Duration::from_secs(14);

/// Carries out the schedule, each fault at its time from `began` on or as soon as possible, and calls
/// `after_each` with the system. When it returns, every fault is ended. Returns descriptions of the
/// members that did not stop cleanly when they were asked to.
pub(crate) async fn carry_out(
    system: &mut System,
    schedule: &[Fault],
    began: Instant,
    after_each: impl Fn(&System),
) -> Result<Vec<String>> {
    let moments = schedule.iter().flat_map(|fault| {
        let moment = |at, begins| Moment { at, fault, begins };
        [moment(fault.at, true), moment(fault.end(), false)]
    });
    let mut moments: Vec<_> = moments.collect();
    moments.sort_by_key(|moment| moment.at);
    let (mut extra, mut unclean) = (None, Vec::new());
    for Moment { at, fault, begins } in moments {
        sleep_until(began + at).await;
        let done = if begins {
            eprintln!("{fault}");
            begin(system, fault, &mut extra).await
        } else {
            let ended = end(system, fault, &mut extra).await;
            ended.map(|trouble| unclean.extend(trouble))
        };
        done.with_context(|| format!("cannot {}: {fault}", if begins { "begin" } else { "end" }))?;
        after_each(system);
    }
    Ok(unclean)
}

async fn begin(system: &mut System, fault: &Fault, extra: &mut Option<String>) -> Result<()> {
    match (fault.target, fault.harm) {
        (Target::Extra, _) => {
            *extra = Some(system.add_member_unready("save-handler").await?);
            Ok(())
        }
        (Target::Member(service, number), harm) => {
            let name = format!("{service}-{number}");
            match harm {
                FaultKind::Kill => system.kill_member(&name).await.map(drop),
                FaultKind::Freeze => system.pause_member(&name),
                _ => system.signal_member(&name, Signal::SIGTERM),
            }
        }
        (Target::Broker, FaultKind::Kill) => system.broker().kill().await,
        (Target::Broker, FaultKind::Freeze) => system.broker().pause(),
        (Target::Broker, _) => system.broker().stop().await,
        (Target::Database, FaultKind::Kill) => system.postgres().kill().await,
        (Target::Database, FaultKind::Freeze) => system.postgres().pause(),
        (Target::Database, _) => system.postgres().stop().await,
        (Target::BrokerLink | Target::WebLink | Target::DatabaseLink, harm) => {
            let link = link(system, fault.target)?;
            match harm {
                FaultKind::Stall => link.stall(),
                FaultKind::Slow(delay) => link.delay(delay),
                _ => link.cut().await,
            }
            Ok(())
        }
    }
}

/// Ends a fault and undoes its damage. Returns a description if a member did not stop cleanly.
async fn end(
    system: &mut System,
    fault: &Fault,
    extra: &mut Option<String>,
) -> Result<Option<String>> {
    match (fault.target, fault.harm) {
        (Target::Extra, _) => {
            let name = extra.take().context("nobody joined")?;
            system.signal_member(&name, Signal::SIGTERM)?;
            return stopped(system, &name, fault).await;
        }
        (Target::Member(service, number), FaultKind::Stop) => {
            let name = format!("{service}-{number}");
            let trouble = stopped(system, &name, fault).await?;
            relaunch(system, &name).await?;
            return Ok(trouble);
        }
        (Target::Member(service, number), FaultKind::Freeze) => {
            system.resume_member(&format!("{service}-{number}"))?;
        }
        (Target::Member(service, number), _) => {
            relaunch(system, &format!("{service}-{number}")).await?;
        }
        (Target::Broker, FaultKind::Freeze) => system.broker().resume()?,
        (Target::Broker, _) => system.broker().restart().await?,
        (Target::Database, FaultKind::Freeze) => system.postgres().resume()?,
        (Target::Database, _) => system.postgres().restart().await?,
        (Target::BrokerLink | Target::WebLink | Target::DatabaseLink, _) => {
            link(system, fault.target)?.restore().await;
        }
    }
    Ok(None)
}

/// Starts a member again and waits until it listens: before it handles signals, the next one would
/// simply end it.
async fn relaunch(system: &mut System, name: &str) -> Result<()> {
    system.relaunch(name).await?;
    system.listening(name).await
}

/// Waits for the end of a member that was asked to stop, and describes what went wrong, if anything did.
async fn stopped(system: &mut System, name: &str, fault: &Fault) -> Result<Option<String>> {
    Ok(match system.ended(name, STOPPING).await? {
        Some(status) if status.success() => None,
        Some(status) => Some(format!("{name} ended with {status}: {fault}")),
        None => {
            system.stop_member(name).await?;
            Some(format!("{name} was asked and did not end: {fault}"))
        }
    })
}

fn link(system: &System, target: Target) -> Result<&Link> {
    let link = match target {
        Target::BrokerLink => system.broker_link(),
        Target::WebLink => system.web_link(),
        _ => system.postgres_link(),
    };
    link.context("the system has no links")
}
