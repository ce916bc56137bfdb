//! Times on the wire: RFC 3339, in UTC, of the years 1 to 9999.
//!
//! A time may have an offset with which it is, in UTC, outside of those years, which RFC 3339 and many
//! calendars do not have. Such a time is refused here, so that no other code has to handle it.

use serde::{Deserialize, Deserializer, Serializer, de::Error};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// Converts a time to UTC; `None` if it is outside of the years 1 to 9999 there.
pub(crate) fn in_utc(time: OffsetDateTime) -> Option<OffsetDateTime> {
    let time = time.checked_to_offset(UtcOffset::UTC)?;
    (1..=9999).contains(&time.year()).then_some(time)
}

pub(crate) fn parse(text: &str) -> Option<OffsetDateTime> {
    in_utc(OffsetDateTime::parse(text, &Rfc3339).ok()?)
}

pub(crate) fn serialize<S: Serializer>(time: &OffsetDateTime, to: S) -> Result<S::Ok, S::Error> {
    time::serde::rfc3339::serialize(time, to)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<OffsetDateTime, D::Error> {
    in_utc(time::serde::rfc3339::deserialize(from)?).ok_or_else(|| D::Error::custom(OUTSIDE))
}

const OUTSIDE: &str = "a time must be within the years 1 to 9999";

pub(crate) mod option {
    use super::{Deserialize, Deserializer, OffsetDateTime, Serializer};

    #[expect(clippy::ref_option, reason = "the signature is serde's")]
    pub(crate) fn serialize<S: Serializer>(
        time: &Option<OffsetDateTime>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        time::serde::rfc3339::option::serialize(time, to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<OffsetDateTime>, D::Error> {
        #[derive(Deserialize)]
        struct Time(#[serde(with = "super")] OffsetDateTime);
        Ok(Option::<Time>::deserialize(from)?.map(|Time(time)| time))
    }
}
