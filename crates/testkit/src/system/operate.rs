//! Operations on a running system: scale, break and repair it, and stop it.

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
    /// Its exit status.
    pub status: ExitStatus,
}

impl System {
    /// Returns all members, including those that have ended.
    pub fn members(&self) -> Vec<Member> {
        self.members.iter().map(Running::describe).collect()
    }

    /// Returns the names of a service's members.
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

    /// Starts one more member like [`add_member`](Self::add_member), with more environment variables,
    /// which override those that every member has.
    pub async fn add_member_with(&mut self, service: &str, env: &[(&str, &str)]) -> Result<String> {
        let recipe = self.recipe(service, self.next_number(service), env)?;
        let name = recipe.name.clone();
        let mut running = recipe.spawn(&self.dir, &self.options.report)?;
        running.ready().await?;
        self.members.push(running);
        Ok(name)
    }

    /// Starts one more member of a service while a server that it needs is unavailable: waits until it
    /// listens, not until it is ready. Returns its name.
    pub async fn add_member_unready(&mut self, service: &str) -> Result<String> {
        // The broker may not know its user yet.
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

    /// Asks a member to stop, waits for its end and returns its exit status.
    pub async fn stop_member(&mut self, name: &str) -> Result<ExitStatus> {
        self.member_mut(name)?.stop().await
    }

    /// Waits until a member ends that was asked to, and returns its exit status; `None` if it has not
    /// after `patience`.
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

    /// Sends a signal to a member; if it ends because of that, [`next_exit`](Self::next_exit) reports
    /// it.
    pub fn signal_member(&self, name: &str, signal: Signal) -> Result<()> {
        self.member(name)?.process.signal(signal)
    }

    /// Freezes a member: it keeps its connections and answers nothing.
    pub fn pause_member(&self, name: &str) -> Result<()> {
        self.member(name)?.process.pause()
    }

    /// Resumes a frozen member.
    pub fn resume_member(&self, name: &str) -> Result<()> {
        self.member(name)?.process.resume()
    }

    /// Returns the lines that a member has written since it was last started.
    pub fn lines(&self, name: &str) -> Result<Vec<String>> {
        Ok(self.member(name)?.process.lines())
    }

    /// Returns the lines that all members of a service have written, one member after the other.
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

    /// Starts again what [`next_exit`](Self::next_exit) has named: the broker, the database, or a
    /// member, without waiting until it is ready.
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
            // The old port, unless another process has taken it by now.
            recipe.port = before.or(recipe.port).filter(|port| ports::is_free(*port));
        }
        *member = recipe.spawn(&dir, &report)?;
        Ok(())
    }

    /// Waits until a member that was started again listens, ready or not.
    pub async fn listening(&mut self, name: &str) -> Result<()> {
        self.member_mut(name)?.listening().await.map(drop)
    }

    /// Waits until a process ends that nobody has stopped, and returns each such end once. May be
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

    /// Stops everything in good order, the services first, and returns each member's exit status.
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

/// Waits for the next member that ends by itself.
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
