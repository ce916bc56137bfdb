//! The values that items are made of, but for their texts.

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
