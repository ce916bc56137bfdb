//! The state of a member's consumer, from joining to the end.

use std::sync::Arc;

use futures_util::{FutureExt, future::LocalBoxFuture};

use crate::{GroupError, History, consumer::Consumer, pull::PullEvent};

/// The state of the group's consumer at this member.
pub(crate) enum ConsumerState<'g> {
    Joining(LocalBoxFuture<'g, Result<Consumer, GroupError>>),
    Open(Box<Consumer>),
    Ended,
}

/// Something that came from the group's consumer: the result of joining, or of a pull request.
pub(crate) enum ConsumerEvent {
    Joined(Result<Consumer, GroupError>),
    Pulled(Arc<History>, PullEvent),
}

impl ConsumerState<'_> {
    /// Waits for the next arrival.
    ///
    /// Cancel safe: nothing is lost if this is dropped.
    pub(crate) async fn next_event(&mut self) -> ConsumerEvent {
        match self {
            ConsumerState::Joining(join) => ConsumerEvent::Joined(join.await),
            ConsumerState::Open(joined) => {
                let pulled = joined.pull.next().await;
                ConsumerEvent::Pulled(Arc::clone(&joined.stream), pulled)
            }
            ConsumerState::Ended => std::future::pending().await,
        }
    }

    /// Returns whether messages are requested that have not come.
    pub(crate) fn is_awaited(&self) -> bool {
        matches!(self, ConsumerState::Open(joined) if joined.pull.is_awaited())
    }

    /// Returns an arrival that is there already, without waiting.
    pub(crate) fn try_next_event(&mut self) -> Option<ConsumerEvent> {
        self.next_event().now_or_never()
    }
}
