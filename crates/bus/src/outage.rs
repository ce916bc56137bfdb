//! Waiting for what every event needs: it is away, or there is too little of it for many at once.

use std::time::Duration;

use tokio::time::Instant;

/// The shortest and the longest pause between two looks whether an outage is over.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// An outage, from the first failure on until nothing is held up by it any more.
///
/// A look is an attempt with some of the events that are held up, the oldest. After a failure the next
/// one takes half as many, after a success twice as many. So a look at what is away costs little, and
/// where there is room for few, few go on: what they leave makes room for more.
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

    /// An attempt with `tried` events failed.
    pub(crate) fn lasts(&mut self, now: Instant, tried: usize) {
        self.look_at = now + self.pause;
        self.pause = (self.pause * 2).min(PAUSES.1);
        self.size = self.size.min(tried / 2).max(1);
    }

    /// A look succeeded.
    pub(crate) fn eases(&mut self, now: Instant) {
        self.look_at = now;
        self.pause = PAUSES.0;
        self.size = self.size.saturating_mul(2);
    }

    /// When to look.
    pub(crate) fn look_at(&self) -> Instant {
        self.look_at
    }

    /// With how many events to look, at most.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn seconds(&self, now: Instant) -> f32 {
        now.duration_since(self.since).as_secs_f32()
    }
}
