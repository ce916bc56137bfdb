//! Times as the database keeps them.

use time::{OffsetDateTime, UtcOffset};

use crate::error::{Cause, Reason};

/// The same time noted in UTC. The driver would panic at one that is within the calendar where it
/// was noted but, at the calendar's very end, not in UTC.
pub(crate) fn in_utc(time: OffsetDateTime) -> Result<OffsetDateTime, Cause> {
    let utc = time.checked_to_offset(UtcOffset::UTC);
    utc.ok_or_else(|| Reason::Year.into())
}
