//! A member's way to its events, from joining to the end.

use std::sync::Arc;

use futures_util::{FutureExt, future::LocalBoxFuture};

use crate::{GroupError, History, joining::Joined, pull::Pulled};

/// The way to the group's events.
pub(crate) enum Link<'g> {
    Joining(LocalBoxFuture<'g, Result<Joined, GroupError>>),
    Open(Box<Joined>),
    Ended,
}

/// What happened on the way to the group's events.
pub(crate) enum Arrival {
    Joined(Result<Joined, GroupError>),
    Pulled(Arc<History>, Pulled),
}

impl Link<'_> {
    /// Waits for what happens next.
    ///
    /// Cancel safe: nothing is lost if this is dropped.
    pub(crate) async fn arrival(&mut self) -> Arrival {
        match self {
            Link::Joining(join) => Arrival::Joined(join.await),
            Link::Open(joined) => {
                let pulled = joined.pull.next().await;
                Arrival::Pulled(Arc::clone(&joined.stream), pulled)
            }
            Link::Ended => std::future::pending().await,
        }
    }

    /// Whether something is asked for that has not come.
    pub(crate) fn is_awaited(&self) -> bool {
        matches!(self, Link::Open(joined) if joined.pull.is_awaited())
    }

    /// What has happened already.
    pub(crate) fn arrival_now(&mut self) -> Option<Arrival> {
        self.arrival().now_or_never()
    }
}
