//! The contract, held.

mod reading;
mod values;
mod wire;
