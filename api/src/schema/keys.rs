//! What a key in a question or a mutation means.

use async_graphql::Result;
use graph::Resolution;
use model::{CiId, KeyParts, SourceKey, bounds};

use super::standpoint::Standpoint;
use crate::error::ErrorCode;

/// What a key means at a standpoint.
pub(crate) enum Meant {
    /// One item.
    Item(CiId),
    /// Any of several, hence none.
    Ambiguous(Vec<String>),
    /// Nothing.
    Unknown,
}

impl Meant {
    /// The item's id, if it is one.
    pub(crate) fn into_id(self) -> Option<CiId> {
        match self {
            Self::Item(id) => Some(id),
            Self::Ambiguous(_) | Self::Unknown => None,
        }
    }
}

/// What a key, alias or id means to whoever asks: to a caller of limited sight nothing that is hidden from them.
pub(crate) fn meant(at: &Standpoint, key: &str, environment: Option<&str>) -> Meant {
    let graph = &at.view.graph;
    match graph.resolve(&SourceKey::text(key), environment, at.valid_at) {
        Resolution::Item(item) if at.sees(item) => Meant::Item(item.id()),
        Resolution::Ambiguous(mut items) => {
            items.retain(|item| at.sees(*item));
            match items.as_slice() {
                [] => Meant::Unknown,
                // What else it could mean is hidden, and so is that there is more.
                [item] => Meant::Item(item.id()),
                items => Meant::Ambiguous(items.iter().map(graph::Item::key).collect()),
            }
        }
        Resolution::Item(_) | Resolution::Unknown => Meant::Unknown,
    }
}

/// The items that keys mean, and the keys that mean none.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) known: Vec<CiId>,
    pub(crate) unknown: Vec<String>,
}

/// Resolves the keys of a question. Unknown and ambiguous ones are told apart; when none is known it is an
/// error, unless the question has something else to start from.
pub(crate) fn known(at: &Standpoint, keys: &[String], otherwise: bool) -> Result<Known> {
    if keys.is_empty() || bounds::TARGETS_MAX < keys.len() {
        let message = format!("items has 1 to {} entries", bounds::TARGETS_MAX);
        return Err(ErrorCode::BadInput.error(message));
    }
    let mut found = Known {
        known: Vec::new(),
        unknown: Vec::new(),
    };
    for key in keys {
        match meant(at, key, None) {
            Meant::Item(id) if !found.known.contains(&id) => found.known.push(id),
            Meant::Item(_) => {}
            Meant::Ambiguous(_) | Meant::Unknown => found.unknown.push(key.clone()),
        }
    }
    if found.known.is_empty() && !otherwise {
        let unknown = found.unknown.join(", ");
        return Err(ErrorCode::ItemNotFound.error(format!("no item is known by {unknown}")));
    }
    Ok(found)
}

/// What a client is told of a key that could mean several items.
pub(crate) fn ambiguous(key: &str, candidates: &[String]) -> async_graphql::Error {
    let candidates = candidates.join(", ");
    let message = format!("{key} could be any of {candidates}; name its environment or namespace");
    ErrorCode::ItemAmbiguous.error(message)
}

/// The key to be recorded for a key, alias or id. An id is ours and derived: in its place stands
/// what the item is called, so that a better rule of identity can still repair the past.
pub(crate) fn to_record(at: &Standpoint, field: &str, key: SourceKey) -> Result<SourceKey> {
    check(field, &key)?;
    let SourceKey::Text(text) = &key else {
        return Ok(key);
    };
    let Ok(id) = text.parse::<CiId>() else {
        return Ok(key);
    };
    let Some(item) = at.view.graph.item(id) else {
        return Err(ErrorCode::ItemNotFound.error(format!("no item has the id {id}")));
    };
    match item.parts() {
        Some(parts) => Ok(SourceKey::Parts(parts)),
        None => {
            let key = item.key();
            let (scheme, value) = key.split_once('=').unwrap_or(("key", &key));
            Ok(SourceKey::Claim {
                scheme: scheme.to_owned(),
                value: value.to_owned(),
            })
        }
    }
}

fn check(field: &str, key: &SourceKey) -> Result<()> {
    let bytes = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let (length, empty) = match key {
        SourceKey::Text(text) => (text.len(), text.trim().is_empty()),
        SourceKey::Parts(KeyParts {
            kind,
            environment,
            namespace,
            name,
        }) => (
            kind.len() + bytes(environment) + bytes(namespace) + name.len(),
            kind.is_empty() || name.is_empty(),
        ),
        SourceKey::Claim { scheme, value } => (
            scheme.len() + value.len(),
            scheme.is_empty() || value.is_empty(),
        ),
    };
    if empty || bounds::KEY_BYTES < length {
        let message = format!("{field}: a key has 1 to {} bytes", bounds::KEY_BYTES);
        return Err(ErrorCode::BadInput.error(message));
    }
    Ok(())
}
