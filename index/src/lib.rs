//! Read models too large for memory, keyed by position. It keeps what the graph yields and decides no meaning.

mod error;
mod keys;
mod reader;
mod writer;

pub use error::IndexError;
pub use reader::{IndexReader, Statements};
pub use writer::{CatchUp, Index};
