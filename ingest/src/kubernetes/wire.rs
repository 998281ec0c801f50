//! What an API server writes: pages of a list, lines of a watch. Pure.
//!
//! Values are read out of an object here, on the thread that decodes; only what
//! [`Seen`] holds goes on. The content of a secret is never in it.

use bytes::{Bytes, BytesMut};
use model::{ContentHash, ObservedItem, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::meaning::Meaning;
use crate::import::Surroundings;
use crate::import::kubernetes::{CATALOG_ID, object_facts};

/// The longest line of a watch.
pub(super) const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Which object: kind, namespace, name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ObjectId {
    pub(super) kind: &'static str,
    pub(super) namespace: Box<str>,
    pub(super) name: Box<str>,
}

/// What one object says, without the object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) id: ObjectId,
    /// What it says of itself and of others, an item each.
    pub(super) items: Vec<ObservedItem>,
    /// What selects, or is selected by, others.
    pub(super) selecting: Option<Selecting>,
    /// What somebody decided of it.
    pub(super) meaning: Option<Meaning>,
    /// Relations beyond what an item's list holds.
    pub(super) cut: u64,
}

/// The fields of an object that selections are made of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Selecting {
    pub(super) value: Value,
    pub(super) digest: u64,
}

/// One page of a list.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    pub(super) seen: Vec<Seen>,
    /// The version of the whole list.
    pub(super) version: String,
    /// The token of the next page.
    pub(super) continued: Option<String>,
    /// Objects that lack what every object has.
    pub(super) unreadable: u64,
}

/// One line of a watch.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// The object is new or different.
    Changed(Seen, String),
    /// The object is gone.
    Gone(ObjectId, String),
    /// Nothing happened up to this version.
    Bookmark(String),
    /// The server ends the watch.
    Error { code: u16, reason: String },
    /// Not what a watch says.
    Unreadable,
}

#[derive(Deserialize)]
struct ListBody {
    metadata: ListMetadata,
    #[serde(default)]
    items: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata {
    #[serde(default)]
    resource_version: String,
    #[serde(default, rename = "continue")]
    continued: Option<String>,
}

#[derive(Deserialize)]
struct LineBody {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

/// Reads a page; `None` if it is none.
pub(super) fn page(body: &[u8], kind: &'static str, around: &Surroundings) -> Option<Page> {
    let list: ListBody = serde_json::from_slice(body).ok()?;
    let mut page = Page {
        seen: Vec::new(),
        version: list.metadata.resource_version,
        continued: list.metadata.continued.filter(|token| !token.is_empty()),
        unreadable: 0,
    };
    for object in list.items.unwrap_or_default() {
        match seen(object, kind, around) {
            Some(seen) => page.seen.push(seen),
            None => page.unreadable += 1,
        }
    }
    Some(page)
}

/// Reads a line.
pub(super) fn line(text: &[u8], kind: &'static str, around: &Surroundings) -> Line {
    let Ok(LineBody {
        kind: watched,
        object,
    }) = serde_json::from_slice(text)
    else {
        return Line::Unreadable;
    };
    let version = text_at(&object, "/metadata/resourceVersion").to_owned();
    let read = match watched.as_str() {
        "ADDED" | "MODIFIED" => seen(object, kind, around).map(|seen| Line::Changed(seen, version)),
        "DELETED" => id(&object, kind).map(|id| Line::Gone(id, version)),
        "BOOKMARK" => Some(Line::Bookmark(version)),
        "ERROR" => {
            let code = object.get("code").and_then(Value::as_u64).unwrap_or(500);
            Some(Line::Error {
                code: u16::try_from(code).unwrap_or(500),
                reason: text_at(&object, "/reason").to_owned(),
            })
        }
        _ => None,
    };
    read.unwrap_or(Line::Unreadable)
}

fn text_at<'v>(object: &'v Value, pointer: &str) -> &'v str {
    let text = object.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default()
}

fn id(object: &Value, kind: &'static str) -> Option<ObjectId> {
    let name = text_at(object, "/metadata/name");
    let is_named = !name.is_empty();
    is_named.then(|| ObjectId {
        kind,
        namespace: text_at(object, "/metadata/namespace").into(),
        name: name.into(),
    })
}

fn seen(mut object: Value, kind: &'static str, around: &Surroundings) -> Option<Seen> {
    let id = id(&object, kind)?;
    // The entries of a list need not repeat their kind.
    object
        .as_object_mut()?
        .insert("kind".to_owned(), Value::from(kind));
    let meaning = Meaning::of(&object, kind);
    let Some(mut facts) = object_facts(&object, around).ok()? else {
        return Some(Seen {
            id,
            items: Vec::new(),
            selecting: None,
            meaning: None,
            cut: 0,
        });
    };
    facts.settle();
    facts.gather();
    Some(Seen {
        id,
        selecting: selecting(&object, kind),
        meaning,
        cut: facts.relations.len() as u64,
        items: facts.items,
    })
}

/// What of an object selects or is selected: labels, selectors, and who controls it.
fn selecting(object: &Value, kind: &str) -> Option<Selecting> {
    let selects = [
        "Service",
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "ReplicaSet",
        "Pod",
    ];
    if !selects.contains(&kind) {
        return None;
    }
    let owners = object.pointer("/metadata/ownerReferences");
    let controlled = |owner: &Value| owner.get("controller") == Some(&Value::Bool(true));
    let is_controlled = owners
        .and_then(Value::as_array)
        .is_some_and(|owners| owners.iter().any(controlled));
    if kind == "Pod" && is_controlled {
        return None;
    }
    let at = |pointer: &str| object.pointer(pointer).cloned().unwrap_or_default();
    let mut annotations = Map::new();
    let catalogued = object
        .pointer("/metadata/annotations")
        .and_then(|all| all.get(CATALOG_ID));
    annotations.extend(catalogued.map(|id| (CATALOG_ID.to_owned(), id.clone())));
    let value = json!({
        "kind": kind,
        "metadata": {
            "name": at("/metadata/name"),
            "namespace": at("/metadata/namespace"),
            "labels": at("/metadata/labels"),
            "annotations": annotations,
        },
        "spec": {
            "selector": at("/spec/selector"),
            "template": { "metadata": { "labels": at("/spec/template/metadata/labels") } },
        },
    });
    let digest = digest(value.to_string().as_bytes());
    Some(Selecting { value, digest })
}

/// The first eight bytes of a hash: enough to see that something differs.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    let hash = ContentHash::of(bytes);
    let first = hash.as_bytes().first_chunk();
    u64::from_be_bytes(*first.expect("a hash has 16 bytes"))
}

/// The surroundings of a cluster. An object's own times count; one without any
/// must not differ from one reading to the next, so the moment is always the same.
pub(super) fn surroundings(cluster: &str, environment: Option<&str>) -> Surroundings {
    Surroundings {
        environment: environment.map(str::to_owned),
        cluster: Some(cluster.to_owned()),
        at: Timestamp::from_unix_nanos(0),
    }
}

/// Cuts a stream of bytes into lines. A line whose end never comes is never given out.
#[derive(Debug, Default)]
pub(super) struct Lines {
    held: BytesMut,
    /// How far was looked already.
    looked: usize,
}

/// A line is longer than any object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Lines {
    /// Takes bytes in and gives the whole lines out.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Vec<Bytes>, TooLong> {
        self.held.extend_from_slice(bytes);
        let mut lines = Vec::new();
        while let Some(end) = self
            .held
            .iter()
            .skip(self.looked)
            .position(|byte| *byte == b'\n')
        {
            let line = self.held.split_to(self.looked + end + 1).freeze();
            self.looked = 0;
            if !line.trim_ascii().is_empty() {
                lines.push(line);
            }
        }
        self.looked = self.held.len();
        if LINE_BYTES_MAX < self.held.len() {
            return Err(TooLong);
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around() -> Surroundings {
        surroundings("eu1", Some("prod"))
    }

    #[test]
    fn lines_come_whole_however_the_bytes_come() {
        let text = b"{\"a\":1}\n\n{\"b\":2}\n{\"c\"";
        for size in 1..text.len() {
            let mut lines = Lines::default();
            let mut read = Vec::new();
            for piece in text.chunks(size) {
                read.extend(lines.take(piece).unwrap());
            }
            assert_eq!(read, ["{\"a\":1}\n", "{\"b\":2}\n"], "in pieces of {size}");
        }
    }

    #[test]
    fn a_line_without_an_end_is_given_up() {
        let mut lines = Lines::default();
        let much = vec![b'x'; LINE_BYTES_MAX];
        assert_eq!(lines.take(&much), Ok(Vec::new()));
        assert_eq!(lines.take(b"x"), Err(TooLong));
    }

    #[test]
    fn nothing_of_a_secret_is_in_what_goes_on() {
        let body = br#"{"type":"ADDED","object":{"metadata":{"name":"db","namespace":"shop","resourceVersion":"7",
            "annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"data\":\"aHVudGVyMg==\"}"}},
            "data":{"password":"aHVudGVyMg=="}}}"#;
        let line = line(body, "Secret", &around());
        let said = format!("{line:?}");
        assert!(matches!(line, Line::Changed(_, version) if version == "7"));
        assert!(
            said.contains("fingerprint") && !said.contains("aHVudGVyMg"),
            "{said}"
        );
    }

    #[test]
    fn heartbeats_bookkeeping_and_versions_say_nothing() {
        let read = |extra: &str, status: &str| {
            let text = format!(
                r#"{{"type":"MODIFIED","object":{{"metadata":{{"name":"n1"{extra}}},"status":{{"conditions":[{{"lastHeartbeatTime":"{status}"}}]}}}}}}"#
            );
            match line(text.as_bytes(), "Node", &around()) {
                Line::Changed(seen, _) => seen,
                other => panic!("{other:?}"),
            }
        };
        let first = read("", "2026-11-20T10:00:00Z");
        let noise = r#","resourceVersion":"9","generation":3,"managedFields":[{"manager":"kubelet"}],
            "annotations":{"kubectl.kubernetes.io/last-applied-configuration":"x"}"#;
        assert_eq!(first.items, read(noise, "2026-11-20T10:05:00Z").items);
    }

    #[test]
    fn an_error_in_the_stream_has_its_code() {
        let text = br#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}"#;
        let expected = Line::Error {
            code: 410,
            reason: "Expired".to_owned(),
        };
        assert_eq!(line(text, "Pod", &around()), expected);
        assert_eq!(line(b"<html>", "Pod", &around()), Line::Unreadable);
    }

    #[test]
    fn a_page_says_where_the_next_one_is() {
        let body = br#"{"metadata":{"resourceVersion":"5","continue":"c"},"items":[{"metadata":{"name":"a"}},{}]}"#;
        let page = page(body, "Namespace", &around()).unwrap();
        assert_eq!((page.seen.len(), page.unreadable), (1, 1));
        assert_eq!(
            (page.version.as_str(), page.continued.as_deref()),
            ("5", Some("c"))
        );
    }
}
