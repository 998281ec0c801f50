//! Who may do what: the secrets of tokens.
//!
//! What tokens there are is in the log; what a secret looks like is here, and nowhere else.

mod secret;

pub(crate) use secret::{hash_of, mint};
