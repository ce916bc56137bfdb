//! Where a visitor wants to go on.

/// The header by which a visitor that comes back says which event it had last.
pub const LAST_EVENT_ID: &str = "last-event-id";

/// Where a visitor wants to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It has seen nothing, and asks for nothing that was.
    Now,
    /// It has seen everything up to this sequence.
    After(u64),
    /// It says something that we never said.
    Unknown,
}

impl Place {
    /// The place that an id stands for, if there is one.
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

    use super::Place;

    #[test]
    fn a_place_is_a_sequence_and_nothing_else() {
        assert_eq!(Place::read(None), Place::Now);
        assert_eq!(Place::read(Some("12")), Place::After(12));
        for odd in ["", "-1", "1.5", "99999999999999999999999", "twelve"] {
            assert_eq!(Place::read(Some(odd)), Place::Unknown, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn no_id_makes_reading_panic(text: String) {
            let _ = Place::read(Some(&text));
        }

        #[test]
        fn an_id_survives_its_text_form(sequence: u64) {
            prop_assert_eq!(Place::read(Some(&sequence.to_string())), Place::After(sequence));
        }
    }
}
