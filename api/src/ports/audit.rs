//! Where it is written down what was asked and by whom.

use model::{AuditedQuestion, QuestionKind, Timestamp};
use thiserror::Error;

use super::PortFuture;

/// What the API needs to write questions down and to find them again.
pub trait Audit: Send + Sync + 'static {
    /// Writes a question down, soon. It waits for nothing.
    fn note(&self, question: AuditedQuestion);

    /// Those that were written down, the newest first.
    fn search(&self, asked: AuditQuestion) -> PortFuture<'_, Result<AuditPage, AuditError>>;
}

/// Which questions are looked for: all that is given has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuestion {
    /// Whose credential came with it, as a whole.
    pub who: Option<String>,
    /// What it was.
    pub kind: Option<QuestionKind>,
    /// A field at its root, or the route.
    pub field: Option<String>,
    /// What became of it.
    pub outcome: Option<String>,
    /// At or after this moment.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// Only those before this place.
    pub before: Option<AuditPlace>,
    /// At most so many.
    pub first: usize,
}

/// Where a question is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditPlace {
    /// In which book.
    pub book: u64,
    /// In which entry of it.
    pub entry: u64,
    /// At which place of that.
    pub question: u64,
}

/// Some of the questions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// Each with its place.
    pub questions: Vec<(AuditPlace, AuditedQuestion)>,
    /// Up to where was looked, where there may be more behind.
    pub more_before: Option<AuditPlace>,
    /// How many came faster than they could be written down, among those that were looked at.
    pub lost: u64,
}

/// Why they cannot be told.
#[derive(Debug, Error)]
pub enum AuditError {
    /// They cannot be read.
    #[error("could not read what was asked")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
