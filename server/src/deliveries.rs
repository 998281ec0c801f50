//! Has notices of subscriptions sent to the endpoints of teams.
//!
//! Addresses and keys lie sealed beside the log; an event names the seal and nothing else.

mod address;
mod seals;
mod signature;

pub(crate) use address::{AddressPolicy, Network, Target};
pub(crate) use seals::{Endpoint, SealError, Seals, TimedKeys};
