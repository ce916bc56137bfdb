//! The values that items are made of, except their texts.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The identity of an item, which the message id of its first event, the item and its row have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ItemId(Uuid);

/// Namespace of the UUIDs of `ItemId::from_key`, so that they collide with no other identifiers.
const KEYS: Uuid = Uuid::from_u128(0x6b4e_1f5e_2f0c_5d0e_9c1a_3d8f_70e2_b6a4);

impl ItemId {
    /// Derives an identifier from a caller's key (UUID version 5): the same key always gives the same
    /// item, on every replica, without any state.
    pub fn from_key(key: &str) -> Self {
        Self(Uuid::new_v5(&KEYS, key.as_bytes()))
    }

    /// Returns the identifier as a plain UUID, as the database stores it.
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

/// An item's position in its list: smaller comes first, and between two positions there is another.
///
/// A new item's position is the time at which the broker stored it, in seconds since 1970, so
/// that new items come last and any item can be moved between any two others.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Order(f64);

/// The error for a position that is not a finite number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a finite number")]
pub struct InvalidOrder;

impl Order {
    /// Returns the number itself, always finite.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Order {
    type Error = InvalidOrder;

    fn try_from(place: f64) -> Result<Self, InvalidOrder> {
        // Adding zero turns -0 into 0: they are one position and must be written in one way.
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
