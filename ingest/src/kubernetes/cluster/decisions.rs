//! What was decided of each object, and the changes that differences to it are.
//!
//! What was there when the cluster was listed first is where everything begins: before a start
//! nothing is known to differ, and nothing becomes a change.

use std::collections::HashMap;

use model::{KeyParts, NewEvent, SourceName, Timestamp};

use crate::import::Surroundings;
use crate::import::kubernetes::kind_of_item;
use crate::kubernetes::meaning::{Became, Meaning, change};
use crate::kubernetes::wire::ObjectId;
use crate::told::Told;

#[derive(Default)]
pub(super) struct Decisions {
    last: HashMap<ObjectId, Last>,
    /// What became of objects and was not told yet.
    untold: Vec<Untold>,
}

/// The last word of an object.
struct Last {
    decided: Box<[u8]>,
    uid: Box<str>,
}

struct Untold {
    id: ObjectId,
    before: Option<Box<[u8]>>,
    after: After,
}

enum After {
    Is(Meaning),
    Gone(Box<str>),
}

impl Decisions {
    /// Takes what an object means now. Differences count once the cluster `is_started`.
    pub(super) fn see(&mut self, id: &ObjectId, meaning: Option<Meaning>, is_started: bool) {
        let Some(meaning) = meaning else {
            self.last.remove(id);
            return;
        };
        let last = Last {
            decided: meaning.decided.clone(),
            uid: meaning.uid.clone(),
        };
        let before = self.last.insert(id.clone(), last).map(|last| last.decided);
        let counts = before.is_some() || lasts(id);
        if is_started && counts && before.as_ref() != Some(&meaning.decided) {
            self.untold.push(Untold {
                id: id.clone(),
                before,
                after: After::Is(meaning),
            });
        }
    }

    /// Takes that an object is gone.
    pub(super) fn forget(&mut self, id: &ObjectId, is_started: bool) {
        if let (Some(last), true) = (self.last.remove(id), is_started && lasts(id)) {
            self.untold.push(Untold {
                id: id.clone(),
                before: None,
                after: After::Gone(last.uid),
            });
        }
    }

    /// The changes that were not told yet.
    pub(super) fn events(
        &mut self,
        source: &SourceName,
        around: &Surroundings,
        now: Timestamp,
    ) -> Vec<NewEvent> {
        let untold = std::mem::take(&mut self.untold).into_iter();
        let told = untold.filter_map(|untold| {
            let became = match (&untold.before, &untold.after) {
                (_, After::Gone(uid)) => Became::Gone(uid),
                (None, After::Is(meaning)) => Became::Created(meaning),
                (Some(before), After::Is(meaning)) => Became::Differs(before, meaning),
            };
            let change = change(&key(&untold.id, around), &became, source, around, now)?;
            let told = Told {
                delivery: None,
                at: Some(now),
                change,
            };
            Some(told.seal(now))
        });
        told.collect()
    }
}

/// Whether somebody decides that it is there. Nodes come and go with the load.
fn lasts(id: &ObjectId) -> bool {
    id.kind != "Node"
}

fn key(id: &ObjectId, around: &Surroundings) -> KeyParts {
    let namespace = Some(id.namespace.to_string()).filter(|namespace| !namespace.is_empty());
    KeyParts::new(kind_of_item(id.kind), &*id.name)
        .in_environment(around.environment.clone())
        .in_namespace(namespace)
}
