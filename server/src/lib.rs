//! The binary: command line, configuration, the clock, and the loop that folds the log.
//!
//! The only crate that knows all others. It wires them and holds no business rule.

mod access;
mod adapters;
mod audit;
mod cli;
mod clock;
pub mod config;
mod data_dir;
mod deliveries;
mod demo;
mod follower;
mod health;
mod indexer;
mod lingering;
mod listen;
mod measurements;
mod memory;
mod metrics;
mod node;
mod parts;
mod persons;
mod projector;
mod ranking;
mod serve;
mod shutdown;
mod stalled;
mod tasks;
mod telemetry;
mod tenants;
mod text_indexer;
mod tls;

pub use cli::Cli;
pub use clock::{RandomIds, SystemClock};
pub use memory::give_back_freed;
pub use serve::{Addresses, Server};
pub use tls::provide as provide_cryptography;
