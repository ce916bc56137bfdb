//! Waiting for something that every event needs: it is unavailable, or does not suffice for many events
//! at once.

use std::time::Duration;

use tokio::time::Instant;

/// The shortest and the longest pause between two probes whether an outage is over.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// An outage, from the first failure on until nothing is held up by it any more.
///
/// A probe is an attempt with some of the events that are held up, the oldest. After a failure the next
/// one takes half as many, after a success twice as many. So a probe costs little while the resource is
/// unavailable, and where it has capacity for few events, few go on: once handled, they leave capacity
/// for more.
#[derive(Debug)]
pub(crate) struct Outage {
    since: Instant,
    pause: Duration,
    look_at: Instant,
    size: usize,
}

impl Outage {
    pub(crate) fn begin(now: Instant) -> Self {
        Self {
            since: now,
            pause: PAUSES.0,
            look_at: now,
            size: usize::MAX,
        }
    }

    /// Records that an attempt with `tried` events failed.
    pub(crate) fn lasts(&mut self, now: Instant, tried: usize) {
        self.look_at = now + self.pause;
        self.pause = (self.pause * 2).min(PAUSES.1);
        self.size = self.size.min(tried / 2).max(1);
    }

    /// Records that a probe succeeded.
    pub(crate) fn eases(&mut self, now: Instant) {
        self.look_at = now;
        self.pause = PAUSES.0;
        self.size = self.size.saturating_mul(2);
    }

    /// Returns the time of the next probe.
    pub(crate) fn look_at(&self) -> Instant {
        self.look_at
    }

    /// Returns the largest number of events for the next probe.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn seconds(&self, now: Instant) -> f32 {
        now.duration_since(self.since).as_secs_f32()
    }
}
