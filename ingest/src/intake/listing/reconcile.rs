//! A listing against what its source said before: only differences become events. Pure.

use std::collections::HashSet;
use std::sync::Arc;

use model::{
    Actor, Alias, CiId, Event, ItemRetired, ListedRelations, NewEvent, ObservedItem, Occurred,
    SourceListed, SourceName, TakenBack, Timestamp,
};
use serde_json::Value;

use crate::decoded::Part;
use crate::events::{Envelope, read_data};
use crate::fields::{self, Fields, Path, Problems};
use crate::known::{Known, Stated};
use crate::scrub::scrub;
use crate::split::unfold;

/// From so many known items on, a listing that lacks nearly all of them is not believed.
const HELD_BACK_MIN: usize = 20;
/// What is nearly all: fewer than one in so many is still listed.
const HELD_BACK_SHARE: usize = 10;

/// One listing while it is read.
pub(super) struct Reconciler {
    known: Arc<dyn Known>,
    pub(super) source: SourceName,
    when: When,
    stated: Stated,
    listed: HashSet<CiId>,
    /// What was counted so far.
    pub(super) counts: Counts,
    /// Set once something was refused: what is missing may have been refused, so nothing ends.
    pub(super) is_doubtful: bool,
    /// The last line, once it was read.
    pub(super) completed: Option<Completed>,
    /// The last statement that says what was known, since somebody took it.
    pub(super) last_unchanged: Option<Event>,
}

/// The times of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct When {
    /// When its differences happened: after the listing before.
    pub(super) at: Timestamp,
    /// The moment its sender states.
    pub(super) stated: Timestamp,
    /// The moment it speaks of where it differs in nothing.
    pub(super) unchanged_at: Timestamp,
    /// When it is taken.
    pub(super) now: Timestamp,
}

/// How far a listing may lie before the one that was taken last and still be the same moment:
/// files know their time by the second.
const SAME_MOMENT_MS: f64 = 1_000.0;

impl When {
    /// `None` if a later listing was taken already.
    pub(super) fn of(
        stated: Timestamp,
        listed_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Self> {
        let stated = stated.min(now);
        let (at, unchanged_at) = match listed_at {
            Some(before) if stated <= before => {
                if SAME_MOMENT_MS <= before.millis_since(stated) {
                    return None;
                }
                (before.plus_millis(1), before)
            }
            _ => (stated, stated),
        };
        Some(Self {
            at,
            stated,
            unchanged_at,
            now,
        })
    }
}

/// What became of the lines so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Lines that are statements.
    pub(super) lines: u64,
    pub(super) unchanged: u64,
    pub(super) changed: u64,
}

/// The last line of a listing that is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Completed {
    /// How many statements it has, so that a cut cannot pass for the whole.
    listed: Option<u64>,
}

/// How a listing ends.
#[derive(Debug, PartialEq)]
pub(super) struct Ending {
    /// The items that are no longer listed, and that the source listed all it knows.
    pub(super) events: Vec<NewEvent>,
    pub(super) ended: u64,
    /// Items that would have ended, had the listing been believed.
    pub(super) held_back: u64,
    /// Why nothing ended, where that was not meant.
    pub(super) reason: Option<&'static str>,
}

impl Reconciler {
    pub(super) fn new(
        known: Arc<dyn Known>,
        source: SourceName,
        when: When,
        stated: Stated,
    ) -> Self {
        Self {
            known,
            source,
            when,
            stated,
            listed: HashSet::new(),
            counts: Counts::default(),
            is_doubtful: false,
            completed: None,
            last_unchanged: None,
        }
    }

    /// One line: what is to be written, if it says anything new.
    pub(super) fn take(&mut self, line: &str) -> Option<Part> {
        if self.completed.is_some() {
            self.is_doubtful = true;
            return Some(Part::refused(
                "",
                "follows the line that completes the listing",
            ));
        }
        let value = match unfold(line) {
            Ok(value) => value,
            Err(refused) => return self.refuse(refused),
        };
        if value.get("complete").is_some() {
            return self.complete(value);
        }
        self.counts.lines += 1;
        let mut problems = Problems::default();
        let event = self.read(value, &mut problems);
        match event {
            Some(event) if problems.is_empty() => self.compare(event),
            _ => self.refuse(Part::Rejected(problems)),
        }
    }

    /// A part that the rules of its kind refused.
    fn refuse(&mut self, refused: Part) -> Option<Part> {
        self.is_doubtful = true;
        Some(refused)
    }

    fn complete(&mut self, value: Value) -> Option<Part> {
        let mut problems = Problems::default();
        let completed = Fields::open(value, &Path::Root, &mut problems).and_then(|mut fields| {
            let complete = fields.must("complete", fields::truth);
            let listed = fields.may("listed", fields::quantity);
            fields.close();
            complete
                .filter(|complete| *complete)
                .map(|_| Completed { listed })
        });
        match completed {
            Some(completed) if problems.is_empty() => {
                self.completed = Some(completed);
                None
            }
            _ => self.refuse(Part::Rejected(problems)),
        }
    }

    fn read(&self, value: Value, problems: &mut Problems) -> Option<Event> {
        const TYPES: [&str; 4] = [
            "item.observed",
            "relation.observed",
            "item.retired",
            "change.recorded",
        ];
        let mut fields = Fields::open(value, &Path::Root, problems)?;
        let tag = fields.must("type", fields::name)?;
        if !TYPES.contains(&tag.as_str()) {
            fields.problem("type", format!("is not one of {}", TYPES.join(", ")));
            return None;
        }
        let envelope = Envelope {
            delivery: None,
            source: self.source.clone(),
            time: Some(self.when.at),
        };
        let event = fields.must("data", |data, path, problems| {
            read_data(&tag, data, &envelope, path, problems)
        });
        fields.close();
        event
    }

    fn compare(&mut self, mut event: Event) -> Option<Part> {
        // What is kept in the log has no secrets, so what is compared with it has none either.
        scrub(&mut event);
        if let Event::ItemObserved(item) = &mut event {
            let name = self.known.name_of(&item.key);
            self.listed.insert(name);
            if let Some(before) = self.stated.items.get(&name) {
                if before.digest == item.digest() && !before.is_ended {
                    return self.pass_over(event);
                }
                if let Some(observation) = self.known.observation(before.position) {
                    keep_since(&observation, item, self.when.stated);
                    if before.digest == item.digest() && !before.is_ended {
                        return self.pass_over(event);
                    }
                    take_back(&observation, item);
                }
            }
        }
        self.counts.changed += 1;
        Some(Part::Events(vec![self.event(event, self.when.at)]))
    }

    fn pass_over(&mut self, event: Event) -> Option<Part> {
        self.counts.unchanged += 1;
        self.last_unchanged = Some(event);
        None
    }

    fn event(&self, event: Event, at: Timestamp) -> NewEvent {
        let occurred = Occurred::Stated(at);
        NewEvent::named_by_content(self.source.clone(), occurred, Actor::default(), event)
    }

    /// What the end of the body means. Only a whole listing ends anything.
    pub(super) fn end(&self, ends_all: bool) -> Ending {
        let Some(completed) = self.completed else {
            return nothing(None);
        };
        if completed
            .listed
            .is_some_and(|listed| listed != self.counts.lines)
        {
            return nothing(Some(
                "another number of statements came than was announced, so nothing ended",
            ));
        }
        if self.is_doubtful {
            return nothing(Some("parts of it were refused, so nothing ended"));
        }
        let open = self.stated.items.iter().filter(|(_, item)| item.is_open);
        let (kept, missing): (Vec<_>, Vec<_>) =
            open.partition(|(name, _)| self.listed.contains(name));
        let lacks_nearly_all = kept.is_empty()
            || (HELD_BACK_MIN < missing.len() && kept.len() * HELD_BACK_SHARE < missing.len());
        if !missing.is_empty() && lacks_nearly_all && !ends_all {
            return Ending {
                held_back: missing.len() as u64,
                ..nothing(Some(
                    "it lacks nearly all that was known, so nothing ended; say ends=all if that is meant",
                ))
            };
        }
        let ended = missing.len() as u64;
        let mut keys: Vec<_> = missing
            .into_iter()
            .map(|(_, item)| item.key.clone())
            .collect();
        keys.sort();
        let retired = keys.into_iter().map(|key| {
            Event::ItemRetired(ItemRetired {
                key,
                reason: Some("no longer listed".to_owned()),
            })
        });
        let is_same = self.counts.changed == 0 && ended == 0;
        let listed = Event::SourceListed(SourceListed {
            at: if is_same {
                self.when.unchanged_at
            } else {
                self.when.at
            },
            listed: self.listed.len() as u64,
            changed: self.counts.changed,
            ended,
        });
        let retired = retired.map(|event| self.event(event, self.when.at));
        let listed = self.event(listed, self.when.now);
        Ending {
            events: retired.chain([listed]).collect(),
            ended,
            held_back: 0,
            reason: None,
        }
    }
}

/// A name that it has since the listing, and had before, it has since then.
fn keep_since(before: &ObservedItem, item: &mut ObservedItem, stated: Timestamp) {
    for alias in &mut item.aliases {
        let is_same = |kept: &&Alias| {
            (&kept.scheme, &kept.value, kept.valid_until)
                == (&alias.scheme, &alias.value, alias.valid_until)
        };
        if alias.valid_from == Some(stated)
            && let Some(kept) = before.aliases.iter().find(is_same)
        {
            alias.valid_from = kept.valid_from;
        }
    }
}

/// The source said more before: what it no longer says is taken back.
fn take_back(before: &ObservedItem, item: &mut ObservedItem) {
    for (name, value) in &before.attributes {
        if !value.is_null() && !item.attributes.contains_key(name) {
            item.attributes.insert(name.clone(), Value::Null);
        }
    }
    if let (Some(listed), None) = (&before.relations, &item.relations) {
        item.relations = Some(ListedRelations {
            of: listed.of.clone(),
            by: listed.by.clone(),
            relations: Vec::new(),
        });
    }
    item.taken_back = TakenBack::between(before, item);
}

fn nothing(reason: Option<&'static str>) -> Ending {
    Ending {
        events: Vec::new(),
        ended: 0,
        held_back: 0,
        reason,
    }
}
