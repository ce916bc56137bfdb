//! The figures.

pub(crate) mod accept;
pub(crate) mod browsers;
pub(crate) mod drain;
pub(crate) mod live;
pub(crate) mod memory;
pub(crate) mod outage;
pub(crate) mod page;
pub(crate) mod start;
