//! What is declared by name: every word on it is kept, and what stands at a moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{LogPosition, Timestamp};
use serde::Deserialize;

use crate::stamped::Stamp;
use crate::versions::{SavedVersion, Versions, counting, from_json, say};

/// Something declared by name, as it stands.
#[derive(Debug, PartialEq)]
pub struct Declared<'v, T> {
    /// What was declared.
    pub what: &'v T,
    /// When.
    pub declared_at: Timestamp,
    /// Where the declaration stands in the log.
    pub position: LogPosition,
}

/// Every version of what was declared by name.
pub(crate) type Declarations<T> = BTreeMap<String, Versions<T>>;

// Written out, for what is derived would ask the same of `T`.
impl<T> Clone for Declared<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Declared<'_, T> {}

/// What stands at a moment, in order of name.
pub(crate) fn standing<T>(
    declarations: &Declarations<T>,
    at: Timestamp,
) -> impl Iterator<Item = Declared<'_, T>> {
    let counting = declarations.values().filter_map(move |it| counting(it, at));
    counting.filter_map(|version| {
        Some(Declared {
            what: version.defined.as_deref()?,
            declared_at: version.from,
            position: version.position,
        })
    })
}

/// Takes a word on a name; nothing where it is withdrawn.
pub(crate) fn declare<T>(
    declarations: &mut Declarations<T>,
    name: &str,
    what: Option<T>,
    stamp: Stamp,
    at: LogPosition,
) {
    let versions = declarations.entry(name.to_owned()).or_default();
    say(versions, stamp, at, what.map(Arc::new));
}

/// The declarations as they were saved.
pub(crate) fn restore<T: for<'a> Deserialize<'a>>(saved: Vec<SavedVersion>) -> Declarations<T> {
    let mut declarations = Declarations::new();
    for it in saved {
        let what = it.defined.as_deref().map(from_json);
        declare(&mut declarations, &it.name, what, it.stamp, it.position);
    }
    declarations
}
