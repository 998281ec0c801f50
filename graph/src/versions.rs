//! The versions of something defined by name: each with the time it speaks of, and which one counts at a moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{LogPosition, Timestamp};
use serde::{Deserialize, Serialize};

use crate::stamped::Stamp;

/// Versions of one name that are kept, the latest.
const VERSIONS_MAX: usize = 1_000;

/// One definition, or its withdrawal.
#[derive(Clone, Debug)]
pub struct Version<T> {
    /// From when it counts, until the next version.
    pub from: Timestamp,
    /// Where it stands in the log.
    pub position: LogPosition,
    /// What was defined; nothing when it was withdrawn.
    pub defined: Option<Arc<T>>,
}

/// The versions of one name, by the time they speak of.
pub(crate) type Versions<T> = BTreeMap<Stamp, Version<T>>;

/// A version as it is saved: its definition as JSON, which may grow fields.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedVersion {
    pub(crate) name: String,
    pub(crate) stamp: Stamp,
    pub(crate) position: LogPosition,
    pub(crate) defined: Option<String>,
}

/// Adds a version; of one stamp, the first that came.
pub(crate) fn say<T>(
    versions: &mut Versions<T>,
    stamp: Stamp,
    position: LogPosition,
    defined: Option<Arc<T>>,
) {
    versions.entry(stamp).or_insert(Version {
        from: stamp.at,
        position,
        defined,
    });
    if VERSIONS_MAX < versions.len() {
        versions.pop_first();
    }
}

/// The version that counts at a moment: the last that speaks of it or of earlier.
pub(crate) fn counting<T>(versions: &Versions<T>, moment: Timestamp) -> Option<&Version<T>> {
    let last = Stamp {
        at: moment,
        tie: u64::MAX,
    };
    versions
        .range(..=last)
        .next_back()
        .map(|(_, version)| version)
}

/// The first moment after this one at which another version counts.
pub(crate) fn next_after<T>(versions: &Versions<T>, moment: Timestamp) -> Option<Timestamp> {
    let now = Stamp {
        at: moment,
        tie: u64::MAX,
    };
    let later = versions.range(now..).find(|(stamp, _)| moment < stamp.at);
    later.map(|(stamp, _)| stamp.at)
}

pub(crate) fn saved<T>(
    names: &BTreeMap<String, Versions<T>>,
    write: impl Fn(&T) -> String,
) -> Vec<SavedVersion> {
    let all = names
        .iter()
        .flat_map(|(name, versions)| versions.iter().map(move |it| (name, it)));
    all.map(|(name, (stamp, version))| SavedVersion {
        name: name.clone(),
        stamp: *stamp,
        position: version.position,
        defined: version.defined.as_deref().map(&write),
    })
    .collect()
}

pub(crate) fn to_json(defined: &impl Serialize) -> String {
    serde_json::to_string(defined).expect("a definition has string keys only and memory takes it")
}

pub(crate) fn from_json<T: for<'a> Deserialize<'a>>(text: &str) -> T {
    serde_json::from_str(text).expect("a saved state passed its checksum and its version")
}
