//! The event after which a subscriber wants to go on.

/// The request header with the id of the last event that a reconnecting subscriber received.
pub const LAST_EVENT_ID: &str = "last-event-id";

/// The event after which a subscriber wants to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastEventId {
    /// It sent no id, and asks for no earlier events.
    Now,
    /// It has received everything up to this sequence.
    After(u64),
    /// It sent an id that was never ours.
    Unknown,
}

impl LastEventId {
    /// Reads a last event id, if there is one.
    pub fn read(text: Option<&str>) -> Self {
        match text.map(str::parse) {
            None => Self::Now,
            Some(Ok(sequence)) => Self::After(sequence),
            Some(Err(_)) => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::LastEventId;

    #[test]
    fn a_place_is_a_sequence_and_nothing_else() {
        assert_eq!(LastEventId::read(None), LastEventId::Now);
        assert_eq!(LastEventId::read(Some("12")), LastEventId::After(12));
        for odd in ["", "-1", "1.5", "99999999999999999999999", "twelve"] {
            assert_eq!(LastEventId::read(Some(odd)), LastEventId::Unknown, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn no_id_makes_reading_panic(text: String) {
            let _ = LastEventId::read(Some(&text));
        }

        #[test]
        fn an_id_survives_its_text_form(sequence: u64) {
            prop_assert_eq!(LastEventId::read(Some(&sequence.to_string())), LastEventId::After(sequence));
        }
    }
}
