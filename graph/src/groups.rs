//! Groups by name: of each the latest word, whichever arrived first.

use std::collections::BTreeMap;

use model::{GroupDefined, LogPosition, Timestamp};
use serde::{Deserialize, Serialize};

use crate::stamped::Stamp;

/// A group as it was defined last.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its definition.
    pub defined: GroupDefined,
    /// The time of the definition.
    pub defined_at: Timestamp,
    /// Where it stands in the log.
    pub position: LogPosition,
}

/// Every name that was ever a group's; without a group where it was withdrawn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    by_name: BTreeMap<String, (Stamp, Option<Group>)>,
}

/// A group as bytes hold it: the definition as JSON, whose fields may be missing.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedGroup {
    name: String,
    stamp: Stamp,
    position: LogPosition,
    defined: Option<String>,
}

impl Groups {
    pub(crate) fn define(&mut self, defined: &GroupDefined, stamp: Stamp, position: LogPosition) {
        let group = Group {
            defined: defined.clone(),
            defined_at: stamp.at,
            position,
        };
        self.say(&defined.name, stamp, Some(group));
    }

    pub(crate) fn withdraw(&mut self, name: &str, stamp: Stamp) {
        self.say(name, stamp, None);
    }

    fn say(&mut self, name: &str, stamp: Stamp, group: Option<Group>) {
        let kept = self.by_name.get(name);
        if kept.is_none_or(|(kept, _)| *kept < stamp) {
            self.by_name.insert(name.to_owned(), (stamp, group));
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Group> {
        self.by_name.get(name)?.1.as_ref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.by_name
            .values()
            .filter_map(|(_, group)| group.as_ref())
    }

    pub(crate) fn each_line(&self, mut take: impl FnMut(String)) {
        for group in self.iter() {
            take(format!("group {}", to_json(&group.defined)));
        }
    }

    pub(crate) fn save(&self) -> Vec<SavedGroup> {
        let each = self.by_name.iter();
        each.map(|(name, (stamp, group))| SavedGroup {
            name: name.clone(),
            stamp: *stamp,
            position: group
                .as_ref()
                .map_or(LogPosition::ZERO, |group| group.position),
            defined: group.as_ref().map(|group| to_json(&group.defined)),
        })
        .collect()
    }

    pub(crate) fn restore(saved: Vec<SavedGroup>) -> Self {
        let mut groups = Self::default();
        for one in saved {
            let defined = one.defined.as_deref();
            let group = defined.map(|json| Group {
                defined: serde_json::from_str(json).expect("it was written by this version"),
                defined_at: one.stamp.at,
                position: one.position,
            });
            groups.say(&one.name, one.stamp, group);
        }
        groups
    }
}

fn to_json(defined: &GroupDefined) -> String {
    serde_json::to_string(defined).expect("a definition has string keys only")
}
