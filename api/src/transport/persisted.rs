//! Documents known by a name, so that a client need not send them again.
//!
//! The operator's own ([`TrustedDocuments`]) are known from the start, by the
//! SHA-256 of their text or by any id; where nothing else is allowed, they are
//! the only ones. Of the others a bounded number is remembered by their hash, the
//! oldest goes first: a client sends the hash alone, and if it is not known here,
//! the document once with its hash.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::trusted::{DocumentHash, TrustedDocuments, read_hash};
use crate::error::{ErrorCode, Refusal};

/// Most bytes of all documents that are remembered, together.
const REMEMBERED_BYTES: usize = 16 * 1024 * 1024;

/// The documents that a name alone may stand for.
pub(crate) struct PersistedDocuments {
    most: usize,
    longest: usize,
    trusted: TrustedDocuments,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    documents: BTreeMap<DocumentHash, Arc<str>>,
    oldest_first: VecDeque<DocumentHash>,
    bytes: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extension {
    version: u32,
    sha256_hash: String,
}

/// What a request says its document is called.
enum Named {
    Hash(DocumentHash),
    Id(String),
}

impl PersistedDocuments {
    /// Knows the trusted documents, and remembers up to `most` that clients send, none of them over `longest` bytes.
    pub(crate) fn new(trusted: TrustedDocuments, most: usize, longest: usize) -> Self {
        Self {
            most: if trusted.only { 0 } else { most },
            longest,
            trusted,
            known: Mutex::default(),
        }
    }

    /// The text of the document that a request means.
    pub(crate) fn resolve(
        &self,
        query: Option<String>,
        document_id: Option<&str>,
        extensions: Option<&Map<String, Value>>,
    ) -> Result<Arc<str>, Refusal> {
        let persisted = extensions.and_then(|extensions| extensions.get("persistedQuery"));
        let persisted = persisted.filter(|value| !value.is_null());
        let named = match (document_id, persisted) {
            (Some(id), _) => Some(read_id(id)?),
            (None, Some(extension)) => Some(Named::Hash(read_extension(extension)?)),
            (None, None) => None,
        };
        match (query, named) {
            (Some(query), None) => self.allowed(query),
            (Some(query), Some(Named::Hash(hash))) => {
                if hash_of(&query) != hash {
                    return Err(bad("the hash is not the SHA-256 of the document"));
                }
                Ok(self.remember(hash, self.allowed(query)?))
            }
            (Some(query), Some(Named::Id(id))) => {
                let known = self.trusted.by_id(&id).ok_or_else(not_found)?;
                if **known != *query {
                    return Err(bad("the document is not the one of this id"));
                }
                Ok(Arc::clone(known))
            }
            (None, Some(Named::Hash(hash))) => self.recall(&hash).ok_or_else(not_found),
            (None, Some(Named::Id(id))) => self.trusted.by_id(&id).cloned().ok_or_else(not_found),
            (None, None) => Err(bad("the parameter query is missing")),
        }
    }

    /// A document sent in full, if it may be asked.
    fn allowed(&self, query: String) -> Result<Arc<str>, Refusal> {
        if self.trusted.only && self.trusted.by_hash(&hash_of(&query)).is_none() {
            let message = "only the documents that this server's operator lists are answered";
            return Err(Refusal::new(ErrorCode::DocumentNotAllowed, message));
        }
        Ok(query.into())
    }

    fn recall(&self, hash: &DocumentHash) -> Option<Arc<str>> {
        if let Some(trusted) = self.trusted.by_hash(hash) {
            return Some(Arc::clone(trusted));
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.documents.get(hash).cloned()
    }

    fn remember(&self, hash: DocumentHash, text: Arc<str>) -> Arc<str> {
        if self.most == 0 || self.longest < text.len() {
            return text;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.documents.contains_key(&hash) {
            return text;
        }
        while self.most <= known.documents.len() || REMEMBERED_BYTES < known.bytes + text.len() {
            let Some(oldest) = known.oldest_first.pop_front() else {
                return text;
            };
            let gone = known.documents.remove(&oldest);
            known.bytes -= gone.map_or(0, |gone| gone.len());
        }
        known.bytes += text.len();
        known.documents.insert(hash, Arc::clone(&text));
        known.oldest_first.push_back(hash);
        text
    }
}

fn hash_of(document: &str) -> DocumentHash {
    Sha256::digest(document.as_bytes()).into()
}

/// Reads a document identifier: `sha256:` and the hash, or an id of the operator's own.
fn read_id(id: &str) -> Result<Named, Refusal> {
    let wrong = || bad("documentId is sha256: and 64 hex digits, or an id of a listed document");
    match id.split_once(':') {
        Some(("sha256", hash)) => Ok(Named::Hash(read_hash(hash).ok_or_else(wrong)?)),
        Some((prefix, _)) if !prefix.starts_with("x-") => Err(wrong()),
        _ if id.is_empty() => Err(wrong()),
        _ => Ok(Named::Id(id.to_owned())),
    }
}

fn read_extension(value: &Value) -> Result<DocumentHash, Refusal> {
    let extension =
        Extension::deserialize(value).map_err(|_| bad("persistedQuery is not understood"))?;
    if extension.version != 1 {
        return Err(bad("only version 1 of persistedQuery is known"));
    }
    read_hash(&extension.sha256_hash).ok_or_else(|| bad("sha256Hash has 64 hex digits"))
}

fn not_found() -> Refusal {
    let message = "the document behind this name is not known; send it once in full";
    Refusal::new(ErrorCode::PersistedQueryNotFound, message)
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
        match documents.resolve(query.map(str::to_owned), None, extensions.as_object()) {
            Ok(text) => text.to_string(),
            Err(refusal) => refusal.code.as_str().to_owned(),
        }
    }

    #[test]
    fn a_document_is_sent_once_and_then_named_by_its_hash() {
        let documents = PersistedDocuments::new(TrustedDocuments::none(), 1, 100);
        assert_eq!(ask(&documents, None, "{ a }"), "PERSISTED_QUERY_NOT_FOUND");
        assert_eq!(ask(&documents, Some("{ a }"), "{ a }"), "{ a }");
        assert_eq!(ask(&documents, None, "{ a }"), "{ a }");
        assert_eq!(ask(&documents, Some("{ b }"), "{ a }"), "BAD_REQUEST");
        assert_eq!(ask(&documents, Some("{ b }"), "{ b }"), "{ b }");
        assert_eq!(ask(&documents, None, "{ a }"), "PERSISTED_QUERY_NOT_FOUND");
    }

    #[test]
    fn a_hash_that_is_none_is_refused() {
        let documents = PersistedDocuments::new(TrustedDocuments::none(), 1, 100);
        for wrong in [
            json!({ "persistedQuery": { "version": 2, "sha256Hash": "a" } }),
            json!({ "persistedQuery": { "version": 1, "sha256Hash": "é".repeat(32) } }),
            json!({ "persistedQuery": 7 }),
        ] {
            assert!(documents.resolve(None, None, wrong.as_object()).is_err());
        }
        assert!(documents.resolve(None, None, None).is_err());
    }

    #[test]
    fn a_document_that_is_too_long_is_answered_and_not_remembered() {
        let documents = PersistedDocuments::new(TrustedDocuments::none(), 1, 4);
        assert_eq!(ask(&documents, Some("{ a }"), "{ a }"), "{ a }");
        assert_eq!(ask(&documents, None, "{ a }"), "PERSISTED_QUERY_NOT_FOUND");
    }

    /// What a request with a `documentId`, and perhaps a document, is taken to ask.
    fn ask_by_id(documents: &PersistedDocuments, query: Option<&str>, id: &str) -> String {
        match documents.resolve(query.map(str::to_owned), Some(id), None) {
            Ok(text) => text.to_string(),
            Err(refusal) => refusal.code.as_str().to_owned(),
        }
    }

    #[test]
    fn listed_documents_are_known_by_hash_and_by_id() {
        let listed = TrustedDocuments::read(r#"{"nearby": "{ a }"}"#, false).unwrap();
        let documents = PersistedDocuments::new(listed, 1, 100);
        let hash = hash_of("{ a }");
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(ask(&documents, None, "{ a }"), "{ a }");
        assert_eq!(ask_by_id(&documents, None, "nearby"), "{ a }");
        assert_eq!(
            ask_by_id(&documents, None, &format!("sha256:{hex}")),
            "{ a }"
        );
        assert_eq!(ask_by_id(&documents, Some("{ a }"), "nearby"), "{ a }");
        assert_eq!(
            ask_by_id(&documents, Some("{ b }"), "nearby"),
            "BAD_REQUEST"
        );
        let other = ask_by_id(&documents, None, "other");
        assert_eq!(other, "PERSISTED_QUERY_NOT_FOUND");
        assert_eq!(ask_by_id(&documents, None, "md5:0"), "BAD_REQUEST");
        assert_eq!(ask(&documents, Some("{ b }"), "{ b }"), "{ b }");
    }

    #[test]
    fn where_only_listed_documents_are_answered_no_other_is_nor_is_it_remembered() {
        let listed = TrustedDocuments::read(r#"{"nearby": "{ a }"}"#, true).unwrap();
        let documents = PersistedDocuments::new(listed, 1, 100);
        let plain = |query: &str| match documents.resolve(Some(query.to_owned()), None, None) {
            Ok(text) => text.to_string(),
            Err(refusal) => refusal.code.as_str().to_owned(),
        };
        assert_eq!(plain("{ a }"), "{ a }");
        assert_eq!(plain("{ b }"), "DOCUMENT_NOT_ALLOWED");
        assert_eq!(
            ask(&documents, Some("{ b }"), "{ b }"),
            "DOCUMENT_NOT_ALLOWED"
        );
        assert_eq!(ask(&documents, None, "{ b }"), "PERSISTED_QUERY_NOT_FOUND");
        assert_eq!(ask(&documents, None, "{ a }"), "{ a }");
    }
}
