//! Environments inside environments.
//!
//! They are items of the kind `environment`. `environment:prod/eu` lies in `prod` by its own key,
//! and any environment lies in those it is contained in by relations.

use std::collections::BTreeSet;

use model::Timestamp;

use super::climb::{ClimbLimits, contents};
use crate::topology::Seen;
use crate::view::{GraphView, Item};

pub(super) const KIND: &str = "environment";

/// How many environments and contained items are looked at.
const LIMITS: ClimbLimits = ClimbLimits {
    depth_max: 16,
    items_max: 200_000,
};

/// An environment with all that lies inside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inside {
    /// What items may call their environment.
    words: BTreeSet<String>,
    /// Items inside by containment, whatever they call their environment.
    pub(super) items: Seen,
    /// Whether more is inside than was looked at.
    pub(crate) truncated: bool,
}

impl Inside {
    /// An environment by the name items give it.
    pub(crate) fn of(view: &GraphView, name: &str, at: Timestamp) -> Self {
        let mut inside = Self::default();
        inside.words.insert(name.to_owned());
        let environments = view.items_of_kind(KIND);
        for environment in &environments {
            let word = word_of(*environment);
            if word != name && !word.starts_with(&format!("{name}/")) {
                continue;
            }
            inside.words.insert(word);
            let climb = contents(*environment, at, LIMITS);
            inside.truncated |= climb.truncated;
            for one in climb.reached {
                inside.items.mark(one.item.item.0);
                if one.item.kind() == KIND {
                    inside.words.insert(word_of(one.item));
                    inside.short_word(one.item, &environments);
                }
            }
        }
        inside
    }

    /// `eu` alone means `prod/eu` where no other environment is called so.
    fn short_word(&mut self, environment: Item<'_>, all: &[Item<'_>]) {
        let name = environment.name();
        if all.iter().filter(|other| other.name() == name).count() == 1 {
            self.words.insert(name.to_owned());
        }
    }

    /// Whether an item lies inside: by its own environment if it has one, else by what it is contained in.
    pub(crate) fn holds(&self, item: &Item<'_>) -> bool {
        match item.environment() {
            Some(word) if item.kind() != KIND => self.names(word),
            _ => self.items.holds(item.item.0),
        }
    }

    /// Whether an environment of this name is it or lies inside.
    pub(crate) fn names(&self, word: &str) -> bool {
        self.words.contains(word) || self.words.iter().any(|outer| is_inside(word, outer))
    }
}

fn is_inside(word: &str, outer: &str) -> bool {
    word.strip_prefix(outer)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// What items in it call it.
fn word_of(environment: Item<'_>) -> String {
    match environment.environment() {
        Some(outer) => format!("{outer}/{}", environment.name()),
        None => environment.name().to_owned(),
    }
}
