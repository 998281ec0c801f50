//! Documents known by the SHA-256 of their text, so that a client need not send them again.
//!
//! A client sends the hash alone; if it is not known here, it sends the document
//! once with its hash. Only a bounded number is remembered, the oldest goes first.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::error::{ErrorCode, Refusal};

type DocumentHash = [u8; 32];

/// The documents that a hash alone may name.
pub(crate) struct PersistedDocuments {
    most: usize,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    documents: BTreeMap<DocumentHash, Arc<str>>,
    oldest_first: VecDeque<DocumentHash>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extension {
    version: u32,
    sha256_hash: String,
}

impl PersistedDocuments {
    /// Remembers up to `most` documents that clients send.
    pub(crate) fn remembering(most: usize) -> Self {
        Self {
            most,
            known: Mutex::default(),
        }
    }

    /// The text of the document that a request means.
    pub(crate) fn resolve(
        &self,
        query: Option<String>,
        extensions: Option<&Map<String, Value>>,
    ) -> Result<Arc<str>, Refusal> {
        let persisted = extensions.and_then(|extensions| extensions.get("persistedQuery"));
        let Some(persisted) = persisted.filter(|value| !value.is_null()) else {
            return query.map(Arc::from).ok_or_else(no_document);
        };
        let hash = read_extension(persisted)?;
        match query {
            Some(query) => {
                if DocumentHash::from(Sha256::digest(query.as_bytes())) != hash {
                    return Err(bad("the hash is not the SHA-256 of the document"));
                }
                Ok(self.remember(hash, query))
            }
            None => self.recall(&hash).ok_or_else(|| {
                let message = "the document behind this hash is not known; send it once in full";
                Refusal::new(ErrorCode::PersistedQueryNotFound, message)
            }),
        }
    }

    fn recall(&self, hash: &DocumentHash) -> Option<Arc<str>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.documents.get(hash).cloned()
    }

    fn remember(&self, hash: DocumentHash, query: String) -> Arc<str> {
        let text: Arc<str> = query.into();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if self.most == 0 || known.documents.contains_key(&hash) {
            return text;
        }
        if self.most <= known.documents.len()
            && let Some(oldest) = known.oldest_first.pop_front()
        {
            known.documents.remove(&oldest);
        }
        known.documents.insert(hash, Arc::clone(&text));
        known.oldest_first.push_back(hash);
        text
    }
}

fn read_extension(value: &Value) -> Result<DocumentHash, Refusal> {
    let extension =
        Extension::deserialize(value).map_err(|_| bad("persistedQuery is not understood"))?;
    if extension.version != 1 {
        return Err(bad("only version 1 of persistedQuery is known"));
    }
    let mut hash = DocumentHash::default();
    let text = extension.sha256_hash.as_bytes();
    if text.len() != 2 * hash.len() {
        return Err(bad("sha256Hash has 64 hex digits"));
    }
    for (byte, digits) in hash.iter_mut().zip(text.chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).unwrap_or_default();
        *byte = u8::from_str_radix(digits, 16).map_err(|_| bad("sha256Hash has 64 hex digits"))?;
    }
    Ok(hash)
}

fn no_document() -> Refusal {
    bad("the parameter query is missing")
}

fn bad(message: &str) -> Refusal {
    Refusal::new(ErrorCode::BadRequest, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ask(documents: &PersistedDocuments, query: Option<&str>, hash_of: &str) -> String {
        let hash = DocumentHash::from(Sha256::digest(hash_of.as_bytes()));
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": hex } });
        match documents.resolve(query.map(str::to_owned), extensions.as_object()) {
            Ok(text) => text.to_string(),
            Err(refusal) => refusal.code.as_str().to_owned(),
        }
    }

    #[test]
    fn a_document_is_sent_once_and_then_named_by_its_hash() {
        let documents = PersistedDocuments::remembering(1);
        assert_eq!(ask(&documents, None, "{ a }"), "PERSISTED_QUERY_NOT_FOUND");
        assert_eq!(ask(&documents, Some("{ a }"), "{ a }"), "{ a }");
        assert_eq!(ask(&documents, None, "{ a }"), "{ a }");
        assert_eq!(ask(&documents, Some("{ b }"), "{ a }"), "BAD_REQUEST");
        assert_eq!(ask(&documents, Some("{ b }"), "{ b }"), "{ b }");
        assert_eq!(ask(&documents, None, "{ a }"), "PERSISTED_QUERY_NOT_FOUND");
    }

    #[test]
    fn a_hash_that_is_none_is_refused() {
        let documents = PersistedDocuments::remembering(1);
        for wrong in [
            json!({ "persistedQuery": { "version": 2, "sha256Hash": "a" } }),
            json!({ "persistedQuery": { "version": 1, "sha256Hash": "é".repeat(32) } }),
            json!({ "persistedQuery": 7 }),
        ] {
            assert!(documents.resolve(None, wrong.as_object()).is_err());
        }
        assert!(documents.resolve(None, None).is_err());
    }
}
