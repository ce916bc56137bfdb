//! Nothing but tests, in `tests/it`: of the whole system, run as its users run it, and of the
//! tidiness of its source.
