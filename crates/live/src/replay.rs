//! What visitors missed and the stream has told again: for few of them at a time, and for each not for long.

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

/// How long a visitor may take to read it. As long as one that reads nothing keeps its connection.
const READING_LIMIT: Duration = Duration::from_secs(30);

/// What one visitor missed, and one of the turns to be told such. Both are given back when all of it is read, the
/// visitor is gone, or it has taken too long: one that reads a byte now and then would otherwise
/// keep its turn for ever, and all others from theirs.
pub(crate) struct Replay {
    left: Weak<Mutex<VecDeque<Bytes>>>,
    /// Tells that it is gone, by being gone itself.
    _reader: oneshot::Sender<Infallible>,
}

/// The visitor has taken too long; what it has not read is not here any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLate;

impl Replay {
    pub(crate) fn new(turn: OwnedSemaphorePermit, frames: VecDeque<Bytes>) -> Self {
        let frames = Arc::new(Mutex::new(frames));
        let left = Arc::downgrade(&frames);
        let (reader, gone) = oneshot::channel();
        tokio::spawn(async move {
            let _ = timeout(READING_LIMIT, gone).await;
            drop((frames, turn));
        });
        Self {
            left,
            _reader: reader,
        }
    }

    /// What comes next; nothing if that was all.
    pub(crate) fn next(&self) -> Result<Option<Bytes>, TooLate> {
        let left = self.left.upgrade().ok_or(TooLate)?;
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

    use super::{READING_LIMIT, Replay, TooLate};

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
        let _next = timeout(READING_LIMIT * 2, turns.acquire()).await.unwrap();
        assert_eq!(started.elapsed(), READING_LIMIT);
        assert_eq!(replay.next(), Err(TooLate));
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
