//! The integration tests are in `tests/`.
