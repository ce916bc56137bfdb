//! An endpoint of a member, with its statistics.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use time::OffsetDateTime;

use super::LastError;

/// One kind of work of this member.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) subject: String,
    /// The queue group or group whose members share the work.
    pub(crate) queue_group: String,
    /// Further facts for `$SRV.INFO`.
    pub(crate) metadata: BTreeMap<String, String>,
    counts: Mutex<Counts>,
}

/// Statistics of the work so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) handled: u64,
    pub(crate) retried: u64,
    pub(crate) failed: u64,
    pub(crate) in_flight: u64,
    pub(crate) time: Duration,
    pub(crate) last_error: Option<LastError>,
    pub(crate) away: Option<String>,
}

/// In-flight work. It ends when this is dropped, however it ends.
pub(crate) struct Busy<'e> {
    endpoint: &'e Endpoint,
    count: u64,
    since: Instant,
}

impl Endpoint {
    pub(crate) fn new(name: &str, subject: &str, queue_group: &str) -> Self {
        Self {
            name: name.to_owned(),
            subject: subject.to_owned(),
            queue_group: queue_group.to_owned(),
            metadata: BTreeMap::new(),
            counts: Mutex::default(),
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.change(|counts| counts.clone())
    }

    pub(crate) fn begin(&self, count: usize) -> Busy<'_> {
        let count = count as u64;
        self.change(|counts| counts.in_flight += count);
        Busy {
            endpoint: self,
            count,
            since: Instant::now(),
        }
    }

    pub(crate) fn handled(&self, count: usize) {
        self.change(|counts| counts.handled += count as u64);
    }

    pub(crate) fn retried(&self, reason: &str) {
        self.record_error(reason);
        self.change(|counts| counts.retried += 1);
    }

    pub(crate) fn failed(&self, reason: &str) {
        self.record_error(reason);
        self.change(|counts| counts.failed += 1);
    }

    /// Records an error, whether or not it is to be blamed on what was handled.
    pub(crate) fn record_error(&self, reason: &str) {
        let error = LastError {
            text: reason.to_owned(),
            at: Some(OffsetDateTime::now_utc()),
        };
        self.change(|counts| counts.last_error = Some(error));
    }

    /// Records that an outage is waited for, and why, or that there is none any more.
    pub(crate) fn set_unavailable(&self, away: Option<&str>) {
        let away = away.map(str::to_owned);
        self.change(|counts| counts.away = away);
    }

    fn change<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        // Each change is complete by itself, so that a panic leaves nothing half done.
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Counts {
    /// Returns the number of attempts, successful or not.
    pub(crate) fn attempts(&self) -> u64 {
        self.handled + self.errors()
    }

    pub(crate) fn errors(&self) -> u64 {
        self.retried + self.failed
    }

    pub(crate) fn average(&self) -> Duration {
        let tries = u32::try_from(self.attempts()).unwrap_or(u32::MAX);
        self.time.checked_div(tries).unwrap_or_default()
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let took = self.since.elapsed();
        self.endpoint.change(|counts| {
            counts.in_flight -= self.count;
            counts.time += took;
        });
    }
}
