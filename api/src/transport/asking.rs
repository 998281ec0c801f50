//! What is written down of a request of GraphQL: who asked for what, and what became of it.
//!
//! Somebody of whom nothing is known is counted elsewhere and not written down: there is nobody to name.

use std::collections::BTreeSet;

use async_graphql::Value;
use async_graphql::parser::types::OperationType;
use model::{AuditedQuestion, Caller, ContentHash, QuestionKind, Timestamp};

use super::answer::Answered;
use crate::error::Refusal;
use crate::state::Inner;

/// Most fields that are named of one question.
const FIELDS_MAX: usize = 50;
/// Longest name of an operation that is kept, in bytes.
const OPERATION_BYTES: usize = 200;
/// What became of a question that was answered.
const OK: &str = "OK";

/// A question that is being answered.
pub(crate) struct Asking(Option<AuditedQuestion>);

impl Asking {
    /// One of somebody, of which nothing is known yet.
    pub(crate) fn by(caller: &Caller, now: Timestamp) -> Self {
        Self(caller.name().map(|who| AuditedQuestion {
            at: now,
            who,
            kind: QuestionKind::Query,
            operation: None,
            fields: Vec::new(),
            hash: None,
            outcome: OK.to_owned(),
            rows: 0,
            took_us: 0,
            times: 1,
        }))
    }

    /// What is asked, as it came.
    pub(crate) fn text(&mut self, document: &str, variables: &async_graphql::Variables) {
        let Some(question) = &mut self.0 else {
            return;
        };
        let variables = serde_json::to_string(variables).unwrap_or_default();
        let said = format!("{document}\n{variables}");
        question.hash = Some(ContentHash::of(said.as_bytes()).to_string());
    }

    /// What its operation is.
    pub(crate) fn operation(
        &mut self,
        kind: OperationType,
        name: Option<&str>,
        fields: BTreeSet<&str>,
    ) {
        let Some(question) = &mut self.0 else {
            return;
        };
        question.kind = match kind {
            OperationType::Query => QuestionKind::Query,
            OperationType::Mutation => QuestionKind::Mutation,
            OperationType::Subscription => QuestionKind::Subscription,
        };
        let name = name.map(|name| {
            let end = name.floor_char_boundary(OPERATION_BYTES);
            name.get(..end).unwrap_or_default().to_owned()
        });
        question.operation = name;
        let fields = fields.into_iter().take(FIELDS_MAX);
        question.fields = fields.map(str::to_owned).collect();
    }

    /// It was refused before anything was looked up.
    pub(crate) fn refused(self, state: &Inner, refusal: &Refusal) {
        self.note(state, refusal.code.as_str(), 0);
    }

    /// It was answered.
    pub(crate) fn answered(self, state: &Inner, answered: &Answered) {
        let error = answered.answer.errors.first();
        let code = error.map(|error| super::execute::code_of(error).unwrap_or("ERROR"));
        let rows = rows(&answered.answer.data);
        self.note(state, code.unwrap_or(OK), rows);
    }

    /// It goes on answering for as long as somebody listens.
    pub(crate) fn began(self, state: &Inner) {
        self.note(state, OK, 0);
    }

    fn note(self, state: &Inner, outcome: &str, rows: u64) {
        let Some(mut question) = self.0 else {
            return;
        };
        let now = state.ports.clock.now();
        let took = now.unix_nanos().saturating_sub(question.at.unix_nanos());
        question.took_us = u64::try_from(took / 1_000).unwrap_or_default();
        outcome.clone_into(&mut question.outcome);
        question.rows = rows;
        state.ports.audit.note(question);
    }
}

/// How many entries of lists an answer has, those within others too.
fn rows(value: &Value) -> u64 {
    let mut count = 0;
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::List(entries) => {
                count += u64::try_from(entries.len()).unwrap_or(u64::MAX);
                open.extend(entries);
            }
            Value::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
    }
    count
}
