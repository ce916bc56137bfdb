//! Times as the database keeps them.

use time::{OffsetDateTime, UtcOffset};

use crate::error::{Cause, Reason};

/// Converts a time to UTC. The driver would panic at one that is within the calendar in its own offset but,
/// at the very end of the calendar, not in UTC.
pub(crate) fn in_utc(time: OffsetDateTime) -> Result<OffsetDateTime, Cause> {
    let utc = time.checked_to_offset(UtcOffset::UTC);
    utc.ok_or_else(|| Reason::Year.into())
}
