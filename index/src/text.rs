//! Full text of changes, in tantivy: words of Chinese and English, phrases, parts of identifiers.
//!
//! It is a fold of the log like every other read model: one document a change, made of all its
//! statements up to the position that the last commit names. What was said since is looked through
//! beside it by the same rules, so that what was acknowledged is found at once.
//! It decides nothing about meaning: which changes a reader may see is the view's to say.

mod beside;
mod exact;
mod fields;
mod fragments;
mod hits;
mod language;
mod needles;
mod plan;
mod reader;
mod script;
mod segmenter;
mod statistics;
mod telling;
mod writer;

pub use exact::{Became, ExactTerm};
pub use fragments::{Fragment, Piece};
pub use language::{LanguageError, TextQuery};
pub use reader::{Beside, TextFound, TextQuestion, TextReader, TextState};
pub use statistics::Statistics;
pub use writer::{TextConfig, TextIndex};
