//! What somebody may see of the estate: a part of it, by who answers for items, where they are and what they are.

use serde::{Deserialize, Serialize};

use crate::bounds;

/// Most entries of one list.
const ENTRIES_MAX: usize = 100;

/// A part of the estate. Of every list that is given one entry has to fit an item; an empty list limits nothing.
///
/// What is not known of an item fits nothing: an item without an owner is outside where teams are given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sight {
    /// One of these teams answers for it: its own owner or, without one, that of the nearest container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<String>,
    /// It is in one of these environments, or in one inside them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// It is one of these items or lies inside one, as keys write them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub businesses: Vec<String>,
    /// It is of one of these kinds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// It is as critical as one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
}

impl Sight {
    /// What is wrong with it, if something is.
    pub fn fault(&self) -> Option<String> {
        let lists = [
            ("teams", &self.teams),
            ("environments", &self.environments),
            ("businesses", &self.businesses),
            ("kinds", &self.kinds),
            ("levels", &self.levels),
        ];
        if lists.iter().all(|(_, list)| list.is_empty()) {
            return Some("sight has one entry at least".to_owned());
        }
        let faults = lists.into_iter().filter_map(|(name, list)| {
            if ENTRIES_MAX < list.len() {
                return Some(format!("sight.{name} has at most {ENTRIES_MAX} entries"));
            }
            let fits = |text: &String| !text.trim().is_empty() && text.len() <= bounds::KEY_BYTES;
            let message = || {
                format!(
                    "sight.{name}: an entry has 1 to {} bytes",
                    bounds::KEY_BYTES
                )
            };
            (!list.iter().all(fits)).then(message)
        });
        faults.into_iter().next()
    }
}
