//! Who may do what: the secrets of tokens, and the gate that every request goes through.
//!
//! What tokens there are is in the log and in the fold over it; what each route
//! is for is in `doors.rs`, and what each field of GraphQL is for beside its schema.

mod doors;
mod gate;
mod guard;
mod issuers;
mod quotas;
mod secret;
mod uses;

#[cfg(test)]
pub(crate) use doors::{Door, doors};
pub(crate) use gate::{Gate, HouseKey, Lock};
pub(crate) use guard::{guard, guard_grpc};
pub(crate) use issuers::Issuers;
pub(crate) use secret::{Veil, hash_of, mint};
pub(crate) use uses::Uses;
