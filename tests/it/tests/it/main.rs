//! The one integration test binary: real server, port 0, temporary directory.

#![expect(
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

mod archive;
mod calendar;
mod change_model;
mod deliveries;
mod digests;
mod durable;
mod history;
mod ical;
mod identity;
mod impact;
mod incidents;
mod kinds;
mod kubernetes;
mod mappings;
mod measurements;
mod order;
mod preview;
mod proofs;
mod quality;
mod receiver;
mod risk;
mod running;
mod search;
mod structure;
mod subscriptions;
mod suppressed;
mod texts;
mod tidy;
mod timeline;
mod why;
