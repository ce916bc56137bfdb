//! An empty library. Its tests, in `tests/it` and `tests/browser`, are those of the whole system, run as
//! its users run it, and of the tidiness of its source.
