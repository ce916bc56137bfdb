//! Age of the oldest event that waits.

use std::collections::BTreeMap;

use async_nats::jetstream::stream::RawMessageErrorKind;
use time::OffsetDateTime;

use super::{CapacityError, failed};
use crate::{Bus, StreamStatus, TODO};

impl Bus {
    /// Returns the time at which the oldest event was stored that a group has not settled, for each group
    /// of the `standing` that has such events.
    ///
    /// It takes a request for each of those groups. The caller must be permitted to read the stream.
    pub async fn oldest_unsettled(
        &self,
        standing: &StreamStatus,
    ) -> Result<BTreeMap<String, OffsetDateTime>, CapacityError> {
        let todo = self.jetstream.get_stream_no_info(TODO).await;
        let todo = todo.map_err(failed("ask for the stream of events"))?;
        let mut oldest = BTreeMap::new();
        let groups = standing.groups.iter();
        for (name, group) in groups.filter(|(_, group)| group.waiting + group.in_hand > 0) {
            let filter = match group.filter.as_str() {
                // Several filters, or none: then the oldest of all is not far from the truth.
                "" => events::ALL_SUBJECTS,
                filter => filter,
            };
            let first = group.settled.saturating_add(1);
            match todo.get_first_raw_message_by_subject(filter, first).await {
                Ok(event) => {
                    oldest.insert(name.clone(), event.time);
                }
                // It was settled meanwhile, or removed from the stream.
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {}
                Err(error) => return Err(failed("ask for the oldest event of a group")(error)),
            }
        }
        Ok(oldest)
    }
}
