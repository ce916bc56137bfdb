//! Replays of missed changes to reconnecting subscribers. Concurrent replays are limited by a semaphore, and
//! each must be read within [`READING_LIMIT`].

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, oneshot},
    time::timeout,
};

/// Time within which a subscriber must read it. As long as a client that reads nothing keeps its connection.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The changes that one subscriber missed, and a permit for a replay. Both are released when the subscriber
/// is gone or has read all of it, or after [`READING_LIMIT`]: a subscriber that reads a byte now and then
/// would otherwise keep its permit for ever, and the others from theirs.
pub(crate) struct Replay {
    left: Weak<Mutex<VecDeque<Bytes>>>,
    /// Closes its channel when this replay is dropped.
    _reader: oneshot::Sender<Infallible>,
}

/// The error after [`READING_LIMIT`]: the changes that were not read are not in memory any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ReplayExpired;

impl Replay {
    pub(crate) fn new(turn: OwnedSemaphorePermit, frames: VecDeque<Bytes>) -> Self {
        let frames = Arc::new(Mutex::new(frames));
        let left = Arc::downgrade(&frames);
        let (reader, gone) = oneshot::channel();
        tokio::spawn(async move {
            let _ = timeout(READ_TIMEOUT, gone).await;
            drop((frames, turn));
        });
        Self {
            left,
            _reader: reader,
        }
    }

    /// Returns the next change; `None` if there are no more.
    pub(crate) fn next(&self) -> Result<Option<Bytes>, ReplayExpired> {
        let left = self.left.upgrade().ok_or(ReplayExpired)?;
        let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(left.pop_front())
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, sync::Arc, time::Duration};

    use bytes::Bytes;
    use tokio::{
        sync::Semaphore,
        time::{Instant, timeout},
    };

    use super::{READ_TIMEOUT, Replay, ReplayExpired};

    fn frames() -> VecDeque<Bytes> {
        ["one", "two"].map(Bytes::from).into()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_too_slowly_loses_its_turn_and_what_is_left() {
        let turns = Arc::new(Semaphore::new(1));
        let turn = || Arc::clone(&turns).try_acquire_owned();
        let replay = Replay::new(turn().unwrap(), frames());
        assert_eq!(replay.next(), Ok(Some(Bytes::from("one"))));
        assert!(turn().is_err());
        let started = Instant::now();
        let _next = timeout(READ_TIMEOUT * 2, turns.acquire()).await.unwrap();
        assert_eq!(started.elapsed(), READ_TIMEOUT);
        assert_eq!(replay.next(), Err(ReplayExpired));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_through_or_gone_gives_its_turn_back_at_once() {
        let turns = Arc::new(Semaphore::new(1));
        for read in [0, 3] {
            let turn = Arc::clone(&turns).acquire_owned().await.unwrap();
            let replay = Replay::new(turn, frames());
            let told = (0..read).map(|_| replay.next().unwrap());
            assert_eq!(told.flatten().count(), read.min(2));
            let before = Instant::now();
            drop(replay);
            drop(turns.acquire().await.unwrap());
            assert_eq!(before.elapsed(), Duration::ZERO);
        }
    }
}
