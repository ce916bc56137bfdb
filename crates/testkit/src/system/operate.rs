//! What can be done to a running system: grow, break and mend it, and end it.

use std::future::Future;
use std::pin::{Pin, pin};
use std::process::ExitStatus;
use std::task::Poll;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::join_all;
use tokio::time::timeout;

use super::System;
use super::member::{Member, Running};
use super::options::Event;
use crate::ports;
use crate::process::Signal;

/// The broker's name beside the members'.
const BROKER: &str = "message-queue";

/// The database's name beside the members'.
const POSTGRES: &str = "todo-db";

/// The end of a process.
#[derive(Clone, Debug)]
pub struct Exit {
    /// A member's name, `message-queue` or `todo-db`.
    pub name: String,
    /// How it ended.
    pub status: ExitStatus,
}

impl System {
    /// All members, those included that have ended.
    pub fn members(&self) -> Vec<Member> {
        self.members.iter().map(Running::describe).collect()
    }

    /// The names of a service's members.
    pub fn members_of(&self, service: &str) -> Vec<String> {
        let members = self
            .members
            .iter()
            .filter(|member| member.recipe.service == service);
        members.map(|member| member.recipe.name.clone()).collect()
    }

    /// Starts one more member of a service, waits until it is ready and returns its name.
    pub async fn add_member(&mut self, service: &str) -> Result<String> {
        self.add_member_with(service, &[]).await
    }

    /// The same with more environment, which wins over what every member is told.
    pub async fn add_member_with(&mut self, service: &str, env: &[(&str, &str)]) -> Result<String> {
        let recipe = self.recipe(service, self.next_number(service), env)?;
        let name = recipe.name.clone();
        let mut running = recipe.spawn(&self.dir, &self.options.report)?;
        running.ready().await?;
        self.members.push(running);
        Ok(name)
    }

    /// Starts one more member of a service while something that it needs is away: waits until it
    /// listens, not until it is ready.
    pub async fn add_member_unready(&mut self, service: &str) -> Result<String> {
        // Its user may be a new one.
        if self.broker.pid().is_some() && self.passwords.of(service).is_err() {
            self.broker.reload()?;
        }
        let recipe = self.recipe(service, self.next_number(service), &[])?;
        let name = recipe.name.clone();
        let mut running = recipe.spawn(&self.dir, &self.options.report)?;
        running.listening().await?;
        self.members.push(running);
        Ok(name)
    }

    /// Asks a member to stop, waits for its end and returns how it ended.
    pub async fn stop_member(&mut self, name: &str) -> Result<ExitStatus> {
        self.member_mut(name)?.stop().await
    }

    /// Waits until a member ends that was asked to, and tells how it ended; nothing if it has not after
    /// `patience`.
    pub async fn ended(&mut self, name: &str, patience: Duration) -> Result<Option<ExitStatus>> {
        let member = self.member_mut(name)?;
        member.down = true;
        match timeout(patience, member.process.wait()).await {
            Ok(status) => status.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Kills a member, as a crash would.
    pub async fn kill_member(&mut self, name: &str) -> Result<ExitStatus> {
        let member = self.member_mut(name)?;
        member.down = true;
        member.process.kill().await
    }

    /// Sends a signal to a member; see [`next_exit`](Self::next_exit) for its end, if it ends of it.
    pub fn signal_member(&self, name: &str, signal: Signal) -> Result<()> {
        self.member(name)?.process.signal(signal)
    }

    /// Freezes a member: it keeps its connections and answers nothing.
    pub fn pause_member(&self, name: &str) -> Result<()> {
        self.member(name)?.process.pause()
    }

    /// Lets a frozen member go on.
    pub fn resume_member(&self, name: &str) -> Result<()> {
        self.member(name)?.process.resume()
    }

    /// What a member has written since it was last started.
    pub fn lines(&self, name: &str) -> Result<Vec<String>> {
        Ok(self.member(name)?.process.lines())
    }

    /// What all members of a service have written, a member after the other.
    pub fn lines_of(&self, service: &str) -> Vec<String> {
        let members = self
            .members
            .iter()
            .filter(|member| member.recipe.service == service);
        members.flat_map(|member| member.process.lines()).collect()
    }

    /// Starts a member again at the same address, after stopping it if it runs, and waits until it is
    /// ready.
    pub async fn restart_member(&mut self, name: &str) -> Result<()> {
        self.relaunch(name).await?;
        self.member_mut(name)?.ready().await
    }

    /// Starts whatever [`next_exit`](Self::next_exit) has named again: a member, which is not waited for,
    /// the broker or the database.
    pub async fn relaunch(&mut self, name: &str) -> Result<()> {
        match name {
            BROKER => return self.broker.restart().await,
            POSTGRES => return self.postgres.restart().await,
            _ => {}
        }
        let (dir, report) = (self.dir.clone(), self.options.report.clone());
        let member = self.member_mut(name)?;
        member.stop().await?;
        let before = member.address().map(|address| address.port());
        let mut recipe = member.recipe.clone();
        if !recipe.port_is_given {
            // Where it was, unless somebody else is there by now.
            recipe.port = before.or(recipe.port).filter(|port| ports::is_free(*port));
        }
        *member = recipe.spawn(&dir, &report)?;
        Ok(())
    }

    /// Waits until a member that was started again listens, ready or not.
    pub async fn listening(&mut self, name: &str) -> Result<()> {
        self.member_mut(name)?.listening().await.map(drop)
    }

    /// Waits until a process ends that nobody has stopped, and tells of each such end once. May be
    /// cancelled and called again.
    pub async fn next_exit(&mut self) -> Result<Exit> {
        let Self {
            members,
            broker,
            postgres,
            ..
        } = self;
        tokio::select! {
            exit = next_of(members) => exit,
            status = broker.wait() => Ok(Exit { name: BROKER.to_owned(), status: status? }),
            status = postgres.wait() => Ok(Exit { name: POSTGRES.to_owned(), status: status? }),
        }
    }

    /// Stops everything in good order, the services first, and tells how each member ended.
    pub async fn stop(mut self) -> Result<Vec<Exit>> {
        (self.options.report)(Event::Step("stopping the services"));
        let stops = self.members.iter_mut().map(async |member| {
            let name = member.recipe.name.clone();
            anyhow::Ok(Exit {
                name,
                status: member.stop().await?,
            })
        });
        let exits = join_all(stops).await.into_iter().collect();
        (self.options.report)(Event::Step("stopping the broker and the database"));
        let (broker, postgres) = tokio::join!(self.broker.stop(), self.postgres.stop());
        broker.and(postgres)?;
        exits
    }

    fn next_number(&self, service: &str) -> usize {
        self.members
            .iter()
            .filter(|member| member.recipe.service == service)
            .count()
            + 1
    }

    fn member(&self, name: &str) -> Result<&Running> {
        let found = self
            .members
            .iter()
            .find(|member| member.recipe.name == name);
        found.with_context(|| format!("there is no member `{name}`"))
    }

    fn member_mut(&mut self, name: &str) -> Result<&mut Running> {
        let found = self
            .members
            .iter_mut()
            .find(|member| member.recipe.name == name);
        found.with_context(|| format!("there is no member `{name}`"))
    }
}

/// The next member that ends by itself.
async fn next_of(members: &mut [Running]) -> Result<Exit> {
    std::future::poll_fn(|context| {
        for member in members.iter_mut().filter(|member| !member.down) {
            let wait: Pin<&mut _> = pin!(member.process.wait());
            if let Poll::Ready(status) = wait.poll(context) {
                member.down = true;
                let name = member.recipe.name.clone();
                return Poll::Ready(status.map(|status| Exit { name, status }));
            }
        }
        Poll::Pending
    })
    .await
}
