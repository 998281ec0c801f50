//! The binary from outside, in one program: each is linked with all of the crate's own.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it is for"
)]

mod abuse;
mod access;
mod asked;
mod audit;
mod binary;
mod certified;
mod crawling;
mod deliveries;
mod halves;
mod import;
mod issuers;
mod issuing;
mod plain;
mod preview;
mod privacy;
mod quotas;
mod serving;
mod sight;
mod tenants;
mod tls;
mod tokens;
mod written;
