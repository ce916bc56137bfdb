//! Removal of a group's durable consumers, on the stream of events and on that of replays.

use async_nats::jetstream::{context::ConsumerInfoErrorKind, stream::Stream};

use crate::{Bus, REPLAYS, TODO};

/// The reason why a group's consumers were not removed.
#[derive(Debug, thiserror::Error)]
pub enum DeleteGroupError {
    /// The broker did not answer, or refused.
    #[error("cannot ask for the group `{group}`")]
    Ask {
        /// The group.
        group: String,
        /// The broker's error, or that of the request.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No member has ever joined it, or its consumers were removed already.
    #[error("the broker knows no group `{0}`")]
    Unknown(String),
    /// Members have pull requests open for its events.
    #[error("members of the group `{0}` are at work: stop them first")]
    AtWork(String),
}

impl Bus {
    /// Removes the consumers of a group whose members are stopped. Its pending events hold nothing up any
    /// more; its dead letters stay. If a member joins again, the group begins with the first event that
    /// is stored.
    ///
    /// Members that wait for an outage to end have no pull requests open, and are not seen.
    pub async fn delete_group(&self, group: &str) -> Result<(), DeleteGroupError> {
        let failed = |source| DeleteGroupError::Ask {
            group: group.to_owned(),
            source,
        };
        let mut places = Vec::new();
        for name in [TODO, REPLAYS] {
            let stream = self.jetstream.get_stream(name).await;
            let stream = stream.map_err(|error| failed(error.into()))?;
            if let Some(waiting) = waiting(&stream, group).await.map_err(failed)? {
                places.push((stream, waiting));
            }
        }
        if places.is_empty() {
            return Err(DeleteGroupError::Unknown(group.to_owned()));
        }
        if places.iter().any(|(_, waiting)| *waiting > 0) {
            return Err(DeleteGroupError::AtWork(group.to_owned()));
        }
        for (stream, _) in places {
            let removed = stream.delete_consumer(group).await;
            removed.map_err(|error| failed(error.into()))?;
        }
        Ok(())
    }
}

/// Returns how many pull requests a group has open at the broker; `None` if it has no consumer there.
async fn waiting(
    stream: &Stream,
    group: &str,
) -> Result<Option<usize>, Box<dyn std::error::Error + Send + Sync>> {
    use ConsumerInfoErrorKind::{InvalidName, NotFound};
    match stream.consumer_info(group).await {
        Ok(info) => Ok(Some(info.num_waiting)),
        Err(error) if matches!(error.kind(), NotFound | InvalidName) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
