//! What was asked and by whom, as the log of questions holds it. No secret is here, and no value that was asked for.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// `questions.asked`: what was asked since the entry before, in the order in which it was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuestionsAsked {
    /// Of the first entry of a book: the digest of everything in the book before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<String>,
    /// So many questions came faster than they could be written down, and are not here.
    #[serde(default, skip_serializing_if = "is_none")]
    pub lost: u64,
    /// The questions.
    pub questions: Vec<AuditedQuestion>,
}

/// One question, or several in a row that differ in nothing but their time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditedQuestion {
    /// When the first of them was answered.
    pub at: Timestamp,
    /// Whose credential came with it: `tok_…`, `certificate:NAME` or `ISSUER#SUBJECT`.
    pub who: String,
    /// What it was.
    pub kind: QuestionKind,
    /// The name of the operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The fields at its root, or the route.
    pub fields: Vec<String>,
    /// BLAKE3 of the document and its variables as they came: whether two asked the same, and not what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// `OK`, or the code of the first error.
    pub outcome: String,
    /// How many entries of lists were in the answer.
    #[serde(default, skip_serializing_if = "is_none")]
    pub rows: u64,
    /// How long it took.
    pub took_us: u64,
    /// How many there were in a row.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub times: u64,
}

/// What a question was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuestionKind {
    /// A query of GraphQL.
    Query,
    /// A mutation of GraphQL.
    Mutation,
    /// A subscription of GraphQL, when it began.
    Subscription,
    /// A request to any other route.
    Request,
}

impl AuditedQuestion {
    /// Whether another one differs in nothing but its time.
    pub fn is_like(&self, other: &Self) -> bool {
        self.who == other.who
            && self.kind == other.kind
            && self.operation == other.operation
            && self.fields == other.fields
            && self.hash == other.hash
            && self.outcome == other.outcome
            && self.rows == other.rows
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
const fn is_none(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
const fn is_once(number: &u64) -> bool {
    *number == 1
}

const fn once() -> u64 {
    1
}
