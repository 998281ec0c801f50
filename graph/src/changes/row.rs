//! One change as the fold keeps it, small: there are millions, and each must be in memory for ranking.
//!
//! Most changes are told in one or two statements, so a field does not carry the time of its statement;
//! it names one of the few stamps that the whole change keeps.

use std::collections::BTreeMap;

use model::{ActorKind, ChangeStatus, LogPosition, SourceRef, Timestamp};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::calendar::Effect;
use super::{BatchRow, LinkRow, More, Statement};
use crate::intern::{WordIx, Words};
use crate::mention::MentionIx;
use crate::stamped::Stamp;

/// A word that nobody said.
pub(super) const NOTHING: u32 = u32::MAX;

/// What one statement replaces of another; those that are words come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Kind,
    Scene,
    Environment,
    Level,
    Operator,
    Title,
    Targets,
    Start,
    Finish,
    Status,
}

/// How many of the fields are words.
const WORD_COUNT: usize = 5;
/// How many fields there are.
const FIELD_COUNT: usize = Field::Status as usize + 1;

/// A moment or none, in eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Moment(i64);

/// A change, merged from every statement about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) source: WordIx,
    words: [u32; WORD_COUNT],
    pub(crate) source_id: Box<str>,
    title: Option<Box<str>>,
    targets: SmallVec<[MentionIx; 2]>,
    started_at: Moment,
    finished_at: Moment,
    /// The earliest moment a statement speaks of that says it took effect.
    pub(super) first_at: Moment,
    /// The earliest moment a statement speaks of that says nothing of where it stands.
    pub(super) silent_at: Moment,
    /// The earliest moment any statement speaks of.
    pub(crate) spoken_at: Timestamp,
    /// The keys it means by its environment.
    pub(crate) hinted: SmallVec<[MentionIx; 2]>,
    /// Where its statements stand in the log.
    pub(crate) statements: SmallVec<[LogPosition; 2]>,
    /// When those statements were said that a field is of.
    stamps: SmallVec<[Stamp; 1]>,
    pub(crate) more: Option<Box<More>>,
    /// Every status that was ever stated, a bit for each by its rank.
    pub(super) said: u16,
    /// Of each field the place of its stamp, from 1; 0 is a field that nobody said.
    by: [u8; FIELD_COUNT],
    status: Option<ChangeStatus>,
    actor: Option<ActorKind>,
    pub(crate) shielded: bool,
}

/// No batches.
const NO_BATCHES: &BTreeMap<u32, BatchRow> = &BTreeMap::new();

impl Moment {
    const NONE: Self = Self(i64::MIN);

    pub(super) fn get(self) -> Option<Timestamp> {
        (self != Self::NONE).then(|| Timestamp::from_unix_nanos(self.0))
    }

    /// Keeps the earlier one.
    pub(super) fn take_earlier(&mut self, at: Timestamp) {
        let earliest = self.get().map_or(at, |kept| kept.min(at));
        *self = Self(earliest.unix_nanos());
    }
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at.unix_nanos())
    }
}

impl Row {
    pub(super) fn new(reference: &SourceRef, words: &mut Words, spoken_at: Timestamp) -> Self {
        Self {
            source: words.add(reference.source.as_str()),
            words: [NOTHING; WORD_COUNT],
            source_id: reference.source_id.as_str().into(),
            title: None,
            targets: SmallVec::new(),
            started_at: Moment::NONE,
            finished_at: Moment::NONE,
            first_at: Moment::NONE,
            silent_at: Moment::NONE,
            spoken_at,
            hinted: SmallVec::new(),
            statements: SmallVec::new(),
            stamps: SmallVec::new(),
            more: None,
            said: 0,
            by: [0; FIELD_COUNT],
            status: None,
            actor: None,
            shielded: false,
        }
    }

    pub(super) fn effect(&self) -> Effect {
        Effect {
            start: self.start(),
            end: self.end(),
        }
    }

    /// Takes one statement. `operators` are words of their own, for there are many.
    pub(crate) fn say(&mut self, said: &Statement<'_>, words: &mut Words, operators: &mut Words) {
        let (change, stamp) = (said.change, said.stamp);
        for (field, word) in [
            (Field::Kind, &change.kind),
            (Field::Scene, &change.scene),
            (Field::Environment, &change.environment),
            (Field::Level, &change.level),
        ] {
            if let Some(word) = word
                && self.takes(field, stamp)
            {
                self.set_word(field, Some(words.add(word)));
            }
        }
        if let Some(actor) = &change.operator
            && self.takes(Field::Operator, stamp)
        {
            let name = actor.name.as_deref().map(|name| operators.add(name));
            self.set_word(Field::Operator, name);
            self.actor = Some(actor.kind);
        }
        if let Some(title) = change.title.as_deref()
            && self.takes(Field::Title, stamp)
        {
            self.title = Some(title.into());
        }
        if !said.targets.is_empty() && self.takes(Field::Targets, stamp) {
            self.targets = SmallVec::from_slice(&said.targets);
        }
        if let Some(at) = change.started_at
            && self.takes(Field::Start, stamp)
        {
            self.started_at = at.into();
        }
        if let Some(at) = change.finished_at
            && self.takes(Field::Finish, stamp)
        {
            self.finished_at = at.into();
        }
        self.say_status(change.status, stamp);
        self.shielded |= !change.shields.is_empty();
        More::say(&mut self.more, said, words);
        self.say_course(change, stamp);
        self.spoken_at = self.spoken_at.min(stamp.at);
        if let Err(place) = self.statements.binary_search(&said.position) {
            self.statements.insert(place, said.position);
        }
    }

    /// Of two statements of one moment the one further on in life counts.
    fn say_status(&mut self, status: Option<ChangeStatus>, stamp: Stamp) {
        let Some(status) = status else { return };
        let kept = self.stamp(Field::Status).zip(self.status);
        if kept.is_none_or(|(kept, of)| in_life(kept, of) < in_life(stamp, status)) {
            self.note(Field::Status, stamp);
            self.status = Some(status);
        }
    }

    /// Whether a statement says a field later than what is kept; its stamp is then kept.
    fn takes(&mut self, field: Field, stamp: Stamp) -> bool {
        let is_later = self.stamp(field).is_none_or(|kept| kept < stamp);
        if is_later {
            self.note(field, stamp);
        }
        is_later
    }

    fn stamp(&self, field: Field) -> Option<Stamp> {
        let place = self.by.get(field as usize)?.checked_sub(1)?;
        self.stamps.get(usize::from(place)).copied()
    }

    /// Keeps the stamp of a field, in the place of one that no field is of any more if there is one.
    fn note(&mut self, field: Field, stamp: Stamp) {
        if let Some(of) = self.by.get_mut(field as usize) {
            *of = 0;
        }
        let known = self.stamps.iter().position(|kept| *kept == stamp);
        let mut places = (1..).take(self.stamps.len());
        let unused = places.find(|place| !self.by.contains(place));
        let unused = unused.map(|place| usize::from(place) - 1);
        let place = known.or(unused).unwrap_or(self.stamps.len());
        match self.stamps.get_mut(place) {
            Some(kept) => *kept = stamp,
            None => self.stamps.push(stamp),
        }
        if let Some(of) = self.by.get_mut(field as usize) {
            *of = u8::try_from(place + 1).expect("there are no more stamps than fields");
        }
    }

    fn set_word(&mut self, field: Field, word: Option<WordIx>) {
        if let Some(kept) = self.words.get_mut(field as usize) {
            *kept = word.map_or(NOTHING, WordIx::number);
        }
    }

    fn word(&self, field: Field) -> Option<WordIx> {
        let number = self.words.get(field as usize).copied();
        let number = number.filter(|number| *number != NOTHING);
        number.map(WordIx::from_number)
    }

    /// Kind, scene, environment, level and operator by number; [`NOTHING`] where nobody said.
    pub(super) fn words(&self) -> [u32; WORD_COUNT] {
        self.words
    }

    pub(crate) fn kind(&self) -> Option<WordIx> {
        self.word(Field::Kind)
    }

    pub(crate) fn environment(&self) -> Option<WordIx> {
        self.word(Field::Environment)
    }

    /// Who carried it out, a word among the operators.
    pub(crate) fn operator(&self) -> Option<WordIx> {
        self.word(Field::Operator)
    }

    pub(crate) fn actor(&self) -> ActorKind {
        self.actor.unwrap_or(ActorKind::Unknown)
    }

    pub(super) fn set_title(&mut self, title: &str) {
        self.title = Some(title.into());
    }

    pub(crate) fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    pub(crate) fn targets(&self) -> &[MentionIx] {
        &self.targets
    }

    /// When it began, as stated.
    pub(crate) fn started_at(&self) -> Option<Timestamp> {
        self.started_at.get()
    }

    pub(crate) fn finished_at(&self) -> Option<Timestamp> {
        self.finished_at.get()
    }

    pub(crate) fn planned_start_at(&self) -> Option<Timestamp> {
        self.more.as_ref()?.planned_start_at.get().copied()
    }

    pub(crate) fn planned_finish_at(&self) -> Option<Timestamp> {
        self.more.as_ref()?.planned_finish_at.get().copied()
    }

    pub(crate) fn emergency(&self) -> Option<bool> {
        self.more.as_ref()?.emergency.get().copied()
    }

    /// Where it stands as stated, and when that was said.
    pub(crate) fn stated_status(&self) -> Option<(ChangeStatus, Timestamp)> {
        let said_at = self.stamp(Field::Status)?.at;
        self.status.map(|status| (status, said_at))
    }

    pub(crate) fn batches(&self) -> &BTreeMap<u32, BatchRow> {
        self.more.as_ref().map_or(NO_BATCHES, |more| &more.batches)
    }

    /// How it stands to other changes, as far as it says itself.
    pub(crate) fn links(&self) -> impl Iterator<Item = &LinkRow> {
        let more = self.more.iter();
        let said = more.flat_map(|more| more.links.iter());
        said.filter_map(|(_, said)| said.get()).flatten()
    }

    /// Calls `visit` with every name that it speaks of, for writing.
    pub(super) fn each_name(&mut self, visit: impl FnMut(&mut MentionIx)) {
        let batches = self.more.iter_mut();
        let batches = batches.flat_map(|more| more.batches.values_mut());
        let of_batches = batches.flat_map(|batch| batch.targets.get_mut().into_iter().flatten());
        let touched = self.targets.iter_mut().chain(of_batches);
        let names = touched.chain(&mut self.hinted);
        names.for_each(visit);
    }

    /// Every mention it touches, by itself or by a batch.
    pub(crate) fn touched(&self) -> impl Iterator<Item = MentionIx> {
        let batches = self.batches().values();
        let of_batches = batches.filter_map(|batch| batch.targets.get()).flatten();
        self.targets.iter().chain(of_batches).copied()
    }
}

fn in_life(stamp: Stamp, status: ChangeStatus) -> (Timestamp, u8, u64) {
    (stamp.at, status.rank(), stamp.tie >> 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Change, SourceName};

    fn reference() -> SourceRef {
        SourceRef {
            source: SourceName::new("cd"),
            source_id: "7".to_owned(),
        }
    }

    fn say(row: &mut Row, words: &mut Words, at: i64, fill: impl FnOnce(&mut Change)) {
        let mut change = Change::new(&reference());
        fill(&mut change);
        let said = Statement {
            change: &change,
            stamp: Stamp {
                at: Timestamp::from_unix_nanos(at),
                tie: 0,
            },
            position: LogPosition::new(u64::try_from(at).expect("a small number")),
            targets: Vec::new(),
            batch_targets: Vec::new(),
        };
        let mut operators = Words::default();
        row.say(&said, words, &mut operators);
    }

    #[test]
    fn a_change_in_memory_stays_small() {
        let bytes = size_of::<Row>();
        assert!(bytes <= 232, "{bytes} bytes");
    }

    #[test]
    fn no_more_stamps_are_kept_than_fields_are_of() {
        let mut words = Words::default();
        let mut row = Row::new(&reference(), &mut words, Timestamp::MAX);
        for at in 1..400 {
            say(&mut row, &mut words, at, |change| match at % 3 {
                0 => change.title = Some(at.to_string()),
                1 => change.kind = Some((at % 7).to_string()),
                _ => change.finished_at = Some(Timestamp::from_unix_nanos(at)),
            });
            say(&mut row, &mut words, at, |change| {
                change.level = Some("G1".to_owned());
            });
        }
        assert!(row.stamps.len() <= 4, "{:?}", row.stamps);
        assert_eq!(row.title(), Some("399"));
        assert_eq!(row.kind().map(|kind| words.text(kind)), Some("5"));
        assert_eq!(row.finished_at(), Some(Timestamp::from_unix_nanos(398)));
        say(&mut row, &mut words, 300, |change| {
            change.title = Some("too late".to_owned());
            change.scene = Some("new".to_owned());
        });
        assert_eq!(row.title(), Some("399"));
        assert_eq!(
            row.word(Field::Scene).map(|scene| words.text(scene)),
            Some("new")
        );
    }
}
