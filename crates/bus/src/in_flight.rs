//! The in-flight work of a member, and its size in bytes.

use futures_util::{FutureExt, StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};

/// Work on events that has begun and has not ended.
pub(crate) struct InFlight<'g, T> {
    work: FuturesUnordered<LocalBoxFuture<'g, (usize, T)>>,
    bytes: usize,
}

impl<'g, T> InFlight<'g, T> {
    pub(crate) fn new() -> Self {
        Self {
            work: FuturesUnordered::new(),
            bytes: 0,
        }
    }

    /// Begins work on events of `bytes` bytes.
    pub(crate) fn begin(&mut self, bytes: usize, work: impl Future<Output = T> + 'g)
    where
        T: 'g,
    {
        self.bytes += bytes;
        self.work
            .push(work.map(move |result| (bytes, result)).boxed_local());
    }

    /// Returns the result of the work that ends next; `None` if there is none.
    ///
    /// Cancel safe: nothing is lost if this is dropped.
    pub(crate) async fn next(&mut self) -> Option<T> {
        let (bytes, result) = self.work.next().await?;
        self.bytes -= bytes;
        Some(result)
    }

    pub(crate) fn len(&self) -> usize {
        self.work.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.work.is_empty()
    }

    /// Returns the size of the events in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}
