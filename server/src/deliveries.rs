//! Has notices of subscriptions sent to the endpoints of teams.
//!
//! Addresses and keys lie sealed beside the log; an event names the seal and nothing else. What is still
//! to be sent lies on a desk for each subscription, which is no part of the log either: it is what the
//! endpoints of this machine were told.

mod address;
mod asked;
mod cdevents;
mod chat;
mod deliverer;
mod desk;
mod destination;
mod digest;
mod gathering;
mod house;
mod journal;
mod mail;
mod notice;
mod post;
mod proof;
mod queue;
mod retry;
mod seals;
mod sending;
mod signature;

pub(crate) use address::{AddressPolicy, Network};
pub(crate) use deliverer::Deliverer;
pub(crate) use desk::DeskFolder;
pub(crate) use destination::{Destination, Destinations};
pub(crate) use house::{DeliveryLimits, House};
pub(crate) use mail::{Mail, MailClient, MailPolicy, MailWay};
pub use proof::VerifiedEndpoints;
pub(crate) use retry::Schedule;
pub(crate) use seals::{
    Endpoint, SealError, Seals, TimedKeys, seal_key, seal_key_or_fresh, write_own,
};
