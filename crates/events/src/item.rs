//! The values that items are made of.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Which item: the identity that the event's message id, the item and its row have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ItemId(Uuid);

/// Where names of `ItemId::from_key` live, so that they meet no other identifiers.
const KEYS: Uuid = Uuid::from_u128(0x6b4e_1f5e_2f0c_5d0e_9c1a_3d8f_70e2_b6a4);

impl ItemId {
    /// The identifier that a caller's key stands for (UUID version 5): the same key always gives
    /// the same item, on every replica, with nothing to remember.
    pub fn from_key(key: &str) -> Self {
        Self(Uuid::new_v5(&KEYS, key.as_bytes()))
    }

    /// The identifier as a plain UUID, as the database keeps it.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for ItemId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl FromStr for ItemId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::from_str(text).map(Self)
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text was refused. The message tells the person who typed it what to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Nothing is left after trimming.
    #[error("must not be empty or blank")]
    Blank,
    /// It has too many characters (Unicode scalar values).
    #[error("must have at most {limit} characters, has {length}")]
    TooLong {
        /// The most that is allowed.
        limit: usize,
        /// How many there are.
        length: usize,
    },
    /// It has a character that nobody can see, such as a line break or U+0000.
    #[error("must not have control characters, has U+{:04X}", u32::from(*.0))]
    Control(char),
}

/// Trims `text` and holds it to 1 to `limit` characters without control characters.
///
/// U+0000 is among the refused: JSON may carry it, a PostgreSQL text may not, and further inside
/// it would be an event that can never be saved.
fn tidy(text: &str, limit: usize) -> Result<&str, InvalidText> {
    let text = text.trim();
    if text.is_empty() {
        return Err(InvalidText::Blank);
    }
    let length = text.chars().count();
    if length > limit {
        return Err(InvalidText::TooLong { limit, length });
    }
    match text.chars().find(|c| c.is_control()) {
        Some(control) => Err(InvalidText::Control(control)),
        None => Ok(text),
    }
}

macro_rules! tidy_text {
    ($(#[$doc:meta])* $name:ident, $limit:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The most characters (Unicode scalar values) that one may have.
            pub const LIMIT: usize = $limit;

            /// The text, trimmed.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidText;

            fn from_str(text: &str) -> Result<Self, InvalidText> {
                tidy(text, $limit).map(|text| Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidText;

            fn try_from(text: String) -> Result<Self, InvalidText> {
                if tidy(&text, $limit)?.len() == text.len() {
                    return Ok(Self(text));
                }
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

tidy_text! {
    /// What there is to do: trimmed, 1 to 256 characters, no control characters.
    ItemText, 256
}

tidy_text! {
    /// Which list an item belongs to: trimmed, 1 to 64 characters, no control characters.
    ListName, 64
}

impl Default for ListName {
    /// The list of items whose publisher named none.
    fn default() -> Self {
        Self("default".to_owned())
    }
}

/// An item's place in its list: smaller comes first, and between two places there is another.
///
/// A new item's place is the time at which the broker stored it, in seconds since 1970, so
/// that new items come last and any of them can be moved between its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Order(f64);

/// A place that is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a finite number")]
pub struct InvalidOrder;

impl Order {
    /// The number itself, always finite.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Order {
    type Error = InvalidOrder;

    fn try_from(place: f64) -> Result<Self, InvalidOrder> {
        // Adding zero turns -0 into 0, which are one place and must have one spelling.
        if place.is_finite() {
            Ok(Self(place + 0.0))
        } else {
            Err(InvalidOrder)
        }
    }
}

impl From<Order> for f64 {
    fn from(order: Order) -> Self {
        order.0
    }
}
