//! The state of a member's consumer, from joining to the end.

use std::sync::Arc;

use futures_util::{FutureExt, future::LocalBoxFuture};

use crate::{GroupError, History, joining::Joined, pull::Pulled};

/// The state of the group's consumer at this member.
pub(crate) enum Link<'g> {
    Joining(LocalBoxFuture<'g, Result<Joined, GroupError>>),
    Open(Box<Joined>),
    Ended,
}

/// Something that came from the group's consumer: the result of joining, or of a pull request.
pub(crate) enum Arrival {
    Joined(Result<Joined, GroupError>),
    Pulled(Arc<History>, Pulled),
}

impl Link<'_> {
    /// Waits for the next arrival.
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

    /// Returns whether messages are requested that have not come.
    pub(crate) fn is_awaited(&self) -> bool {
        matches!(self, Link::Open(joined) if joined.pull.is_awaited())
    }

    /// Returns an arrival that is there already, without waiting.
    pub(crate) fn arrival_now(&mut self) -> Option<Arrival> {
        self.arrival().now_or_never()
    }
}
