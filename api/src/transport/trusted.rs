//! The documents that an operator lists.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The SHA-256 of a document's text.
pub(crate) type DocumentHash = [u8; 32];

/// The documents that an operator lists, and whether others are answered too.
#[derive(Clone, Debug, Default)]
pub struct TrustedDocuments {
    pub(crate) only: bool,
    by_hash: BTreeMap<DocumentHash, Arc<str>>,
    by_id: BTreeMap<String, Arc<str>>,
}

/// Why a list of documents cannot be used.
#[derive(Debug, Error)]
pub enum TrustedDocumentsError {
    /// It has neither of the two known forms.
    #[error(
        "the list is neither a JSON object of documents by their id nor a persisted query manifest"
    )]
    Form(#[source] serde_json::Error),
    /// A document is not GraphQL.
    #[error("the document {id:?} is not GraphQL")]
    NotGraphQl {
        /// What it is called in the list.
        id: String,
        /// Where and why.
        source: async_graphql::parser::Error,
    },
    /// A document was changed after it was named by its hash.
    #[error("the document {id:?} does not have the SHA-256 by which it is called")]
    OtherHash {
        /// What it is called in the list.
        id: String,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum List {
    Manifest { operations: Vec<Operation> },
    ById(BTreeMap<String, String>),
}

#[derive(Deserialize)]
struct Operation {
    id: String,
    body: String,
}

impl TrustedDocuments {
    /// Lists nothing and allows everything.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads a list: `{"ID": "DOCUMENT"}`, or a manifest with `operations` of `id` and `body`.
    ///
    /// An id that is a SHA-256 in hex, with or without `sha256:` before it, must be that of the document.
    pub fn read(text: &str, only: bool) -> Result<Self, TrustedDocumentsError> {
        let list: List = serde_json::from_str(text).map_err(TrustedDocumentsError::Form)?;
        let listed: Vec<(String, String)> = match list {
            List::Manifest { operations } => operations
                .into_iter()
                .map(|operation| (operation.id, operation.body))
                .collect(),
            List::ById(documents) => documents.into_iter().collect(),
        };
        let mut trusted = Self {
            only,
            ..Self::default()
        };
        for (id, document) in listed {
            trusted.add(id, document)?;
        }
        Ok(trusted)
    }

    /// How many documents it lists.
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// Whether it lists none.
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }

    fn add(&mut self, id: String, document: String) -> Result<(), TrustedDocumentsError> {
        if let Err(source) = async_graphql::parser::parse_query(&document) {
            return Err(TrustedDocumentsError::NotGraphQl { id, source });
        }
        let hash = DocumentHash::from(Sha256::digest(document.as_bytes()));
        let text: Arc<str> = document.into();
        match read_hash(id.strip_prefix("sha256:").unwrap_or(&id)) {
            Some(called) if called != hash => return Err(TrustedDocumentsError::OtherHash { id }),
            Some(_) => {}
            None => {
                self.by_id.insert(id, Arc::clone(&text));
            }
        }
        self.by_hash.insert(hash, text);
        Ok(())
    }

    pub(crate) fn by_hash(&self, hash: &DocumentHash) -> Option<&Arc<str>> {
        self.by_hash.get(hash)
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&Arc<str>> {
        self.by_id.get(id)
    }
}

/// A hash from 64 hex digits.
pub(crate) fn read_hash(text: &str) -> Option<DocumentHash> {
    let mut hash = DocumentHash::default();
    let digits = text.as_bytes();
    if digits.len() != 2 * hash.len() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match TrustedDocuments::read(text, true) {
            Ok(trusted) => format!("{} documents", trusted.len()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_list_is_an_object_or_a_manifest() {
        assert_eq!(
            read(r#"{"a": "{ a }", "b": "query B { b }"}"#),
            "2 documents"
        );
        let manifest = r#"{"format": "apollo-persisted-query-manifest", "version": 1,
            "operations": [{"id": "a", "name": "A", "type": "query", "body": "query A { a }"}]}"#;
        assert_eq!(read(manifest), "1 documents");
        assert_eq!(
            read("[]"),
            "the list is neither a JSON object of documents by their id nor a persisted query manifest"
        );
    }

    #[test]
    fn a_list_that_cannot_be_right_is_refused() {
        assert_eq!(read(r#"{"a": "{ a"}"#), "the document \"a\" is not GraphQL");
        let called = "0".repeat(64);
        assert_eq!(
            read(&format!(r#"{{"sha256:{called}": "{{ a }}"}}"#)),
            format!(
                "the document \"sha256:{called}\" does not have the SHA-256 by which it is called"
            )
        );
    }
}
