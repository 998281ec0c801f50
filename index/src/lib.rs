//! Read models too large for memory, keyed by position. It keeps what the graph yields and decides no meaning.

mod attributes;
mod entries;
mod error;
mod evidence;
mod keys;
mod reader;
mod text;
mod writer;

pub use error::IndexError;
pub use evidence::{EvidenceSubject, evidence_of};
pub use keys::teller;
pub use reader::{Found, IndexReader, KnownUntil, Statements};
pub use text::{
    Became, Beside, ExactTerm, Fragment, LanguageError, Piece, Statistics, TextConfig, TextFound,
    TextIndex, TextQuery, TextQuestion, TextReader, TextState,
};
pub use writer::{CatchUp, Index};
