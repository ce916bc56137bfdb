//! Cursors, by which lists are read page by page.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use events::{ItemId, Order};
use uuid::Uuid;

use crate::Item;

/// The position of the last item of a page, in the order of the list. The next page begins after it, so items
/// that are added or deleted in between make no page skip or repeat another.
///
/// Its text form is opaque and needs no escaping in a URL.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cursor {
    pub(crate) order: Order,
    pub(crate) id: ItemId,
}

/// Text that is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be what an earlier page gave as the start of the next")]
pub struct InvalidCursor;

/// Length of the binary form in bytes: the order and the identifier.
const LENGTH: usize = 8 + 16;

impl Cursor {
    /// The cursor that continues after `item`.
    pub fn after(item: &Item) -> Self {
        Self {
            order: item.order,
            id: item.id,
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; LENGTH];
        let (order, id) = bytes.split_at_mut(8);
        order.copy_from_slice(&self.order.get().to_be_bytes());
        id.copy_from_slice(self.id.uuid().as_bytes());
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let bytes = BASE64_URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| InvalidCursor)?;
        let (order, id) = bytes.split_first_chunk().ok_or(InvalidCursor)?;
        let order = Order::try_from(f64::from_be_bytes(*order)).map_err(|_| InvalidCursor)?;
        let id = Uuid::from_slice(id).map_err(|_| InvalidCursor)?;
        Ok(Self {
            order,
            id: id.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(order: f64, id: &[u8]) -> String {
        BASE64_URL_SAFE_NO_PAD.encode([&order.to_be_bytes(), id].concat())
    }

    #[test]
    fn a_place_that_is_no_number_is_refused() {
        for order in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let text = encoded(order, &[0; 16]);
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{order}");
        }
        assert!(encoded(1.5, &[0; 16]).parse::<Cursor>().is_ok());
    }

    #[test]
    fn a_text_of_another_length_is_refused() {
        for text in [
            "",
            "AA",
            "AAAAAAAAAAA",
            &encoded(1.0, &[0; 15]),
            &encoded(1.0, &[0; 17]),
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_cursor_survives_its_text_form(order in -1e300..1e300_f64, id: u128) {
            let cursor = Cursor {
                order: Order::try_from(order).unwrap(),
                id: Uuid::from_u128(id).into(),
            };
            let text = cursor.to_string();
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            prop_assert_eq!(text.parse(), Ok(cursor));
        }

        #[test]
        fn whatever_is_read_is_written_back_and_read_as_the_same(bytes: [u8; LENGTH]) {
            let text = BASE64_URL_SAFE_NO_PAD.encode(bytes);
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
            }
        }

        #[test]
        fn no_text_makes_reading_panic(text: String) {
            let _ = text.parse::<Cursor>();
        }

        #[test]
        fn no_bytes_make_reading_panic(bytes: Vec<u8>) {
            let _ = BASE64_URL_SAFE_NO_PAD.encode(bytes).parse::<Cursor>();
        }
    }
}
