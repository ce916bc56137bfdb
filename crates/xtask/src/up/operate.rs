//! Carries out the commands of other terminals: `cargo xtask stop`, `start` and `kill`.

use anyhow::{Result, bail};
use testkit::System;

use super::choice;
use super::control::Command;
use super::supervise::RestartBackoffs;

/// The broker's name beside the members'.
const BROKER: &str = "message-queue";

/// The database's name beside the members'.
const POSTGRES: &str = "todo-db";

/// Carries out a command, and returns a line for each process.
pub(super) async fn fulfil(
    system: &mut System,
    troubles: &mut RestartBackoffs,
    wish: &Command,
) -> Result<Vec<String>> {
    let mut done = Vec::new();
    match wish {
        Command::Start { name, count } => {
            for name in to_start(system, name, *count)? {
                done.push(start(system, troubles, &name).await?);
            }
        }
        Command::Stop { name } => {
            for name in named(system, name)? {
                let was_due = troubles.forget(&name);
                if was_due || pid(system, &name).is_some() {
                    stop(system, &name).await?;
                    done.push(format!("stopped {name}"));
                } else {
                    done.push(format!("{name} does not run"));
                }
            }
        }
        Command::Kill { name } => {
            for name in named(system, name)? {
                if pid(system, &name).is_some() {
                    kill(system, &name).await?;
                    let wait = troubles.note(&name);
                    done.push(format!("killed {name}; starting it again in {wait:?}"));
                } else {
                    done.push(format!("{name} does not run"));
                }
            }
        }
    }
    Ok(done)
}

/// Returns the processes of a name: a member, all members of a service, or one of the two servers.
fn named(system: &System, name: &str) -> Result<Vec<String>> {
    match name {
        BROKER | "nats" => return Ok(vec![BROKER.to_owned()]),
        POSTGRES | "postgres" => return Ok(vec![POSTGRES.to_owned()]),
        _ => {}
    }
    let members = system.members().into_iter();
    let meant: Vec<_> = members
        .filter(|member| member.name == name || member.service == name)
        .map(|member| member.name)
        .collect();
    if meant.is_empty() {
        let members = system.members().into_iter().map(|member| member.name);
        let known: Vec<_> = [BROKER, POSTGRES]
            .map(str::to_owned)
            .into_iter()
            .chain(members)
            .collect();
        bail!("nothing here is called `{name}`, only {}", known.join(", "));
    }
    Ok(meant)
}

/// Returns the members that have to run so that `count` of the service do: existing ones, then new ones.
fn to_start(system: &System, name: &str, count: Option<usize>) -> Result<Vec<String>> {
    let Ok(service) = choice::service(name) else {
        return named(system, name);
    };
    let mut members = system.members_of(&service);
    let count = count.unwrap_or(members.len().max(1));
    members.truncate(count);
    members.extend((members.len()..count).map(|number| format!("{service}-{}", number + 1)));
    Ok(members)
}

fn pid(system: &mut System, name: &str) -> Option<u32> {
    match name {
        BROKER => system.broker().pid(),
        POSTGRES => system.postgres().pid(),
        _ => {
            let member = system.members().into_iter().find(|one| one.name == name);
            member.and_then(|member| member.pid)
        }
    }
}

async fn start(system: &mut System, troubles: &mut RestartBackoffs, name: &str) -> Result<String> {
    if pid(system, name).is_some() {
        return Ok(format!("{name} runs already"));
    }
    let is_known = matches!(name, BROKER | POSTGRES)
        || system.members().iter().any(|member| member.name == name);
    if is_known {
        system.relaunch(name).await?;
        troubles.forget(name);
        if !matches!(name, BROKER | POSTGRES) {
            system.listening(name).await?;
        }
        return Ok(format!("started {name}"));
    }
    let service = name.rsplit_once('-').map_or(name, |(service, _)| service);
    let name = system.add_member_unready(service).await?;
    Ok(format!("started {name}"))
}

async fn stop(system: &mut System, name: &str) -> Result<()> {
    match name {
        BROKER => system.broker().stop().await,
        POSTGRES => system.postgres().stop().await,
        _ => system.stop_member(name).await.map(drop),
    }
}

async fn kill(system: &mut System, name: &str) -> Result<()> {
    match name {
        BROKER => system.broker().kill().await,
        POSTGRES => system.postgres().kill().await,
        _ => system.kill_member(name).await.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use testkit::{System, SystemOptions};
    use tokio::time::timeout;

    use super::{Command, RestartBackoffs, fulfil, pid};

    async fn done(
        system: &mut System,
        troubles: &mut RestartBackoffs,
        wish: Command,
    ) -> Vec<String> {
        fulfil(system, troubles, &wish).await.unwrap()
    }

    fn stop(name: &str) -> Command {
        let name = name.to_owned();
        Command::Stop { name }
    }

    fn start(name: &str, count: Option<usize>) -> Command {
        let name = name.to_owned();
        Command::Start { name, count }
    }

    #[tokio::test]
    async fn what_is_stopped_stays_so_until_it_is_started_and_what_is_killed_comes_back() {
        let options = SystemOptions::default().only(&["save-handler"]);
        let mut system = System::start(options.scale("save-handler", 2))
            .await
            .unwrap();
        let mut troubles = RestartBackoffs::default();

        let said = done(&mut system, &mut troubles, stop("save-handler")).await;
        assert_eq!(said, ["stopped save-handler-1", "stopped save-handler-2"]);
        let said = done(&mut system, &mut troubles, stop("save-handler-2")).await;
        assert_eq!(said, ["save-handler-2 does not run"]);
        let exit = timeout(Duration::from_millis(300), system.next_exit()).await;
        assert!(
            exit.is_err() && troubles.next().is_none(),
            "it is to be started again"
        );

        // Three members where there are two, and without the database.
        let said = done(&mut system, &mut troubles, stop("postgres")).await;
        assert_eq!(said, ["stopped todo-db"]);
        let said = done(&mut system, &mut troubles, start("save-handler", Some(3))).await;
        assert_eq!(
            said,
            [1, 2, 3].map(|number| format!("started save-handler-{number}"))
        );
        let said = done(&mut system, &mut troubles, start("todo-db", None)).await;
        assert_eq!(said, ["started todo-db"]);
        let said = done(&mut system, &mut troubles, start("save-handler-1", None)).await;
        assert_eq!(said, ["save-handler-1 runs already"]);
        // A service that was left out.
        let said = done(&mut system, &mut troubles, start("audit-handler", None)).await;
        assert_eq!(said, ["started audit-handler-1"]);

        for name in ["nats", "save-handler-3"] {
            let name = name.to_owned();
            let said = done(&mut system, &mut troubles, Command::Kill { name }).await;
            assert!(said[0].starts_with("killed "), "{said:?}");
        }
        assert!(troubles.next().is_some());
        assert_eq!(pid(&mut system, "message-queue"), None);
        // A member that is about to be restarted can be stopped, too.
        let said = done(&mut system, &mut troubles, stop("save-handler-3")).await;
        assert_eq!(said, ["stopped save-handler-3"]);

        let error = fulfil(&mut system, &mut troubles, &stop("savehandler")).await;
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("only message-queue, todo-db, save-handler-1"),
            "{error}"
        );
    }
}
