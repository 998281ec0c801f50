//! What sources say of an item, by mention and source.

use model::{Deviation, LogPosition, ObservedItem};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::deviations::{self, DeviationRow};
use crate::intern::{WordIx, Words};
use crate::quorum::{QUORUM, Quorum};
use crate::stamped::{Stamp, Stamped};
use crate::validity::Validity;

/// What is kept in memory of one mention; attributes lie in the index.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ItemFacts {
    pub(crate) validity: Validity,
    /// What each source says, sorted by source.
    pub(crate) said: SmallVec<[SourceSaid; 1]>,
    /// What most lack.
    more: Option<Box<More>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct More {
    deviations: Vec<DeviationRow>,
}

/// What one source says of one mention.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SourceSaid {
    pub(crate) source: WordIx,
    /// The newest observation, by the time it speaks of.
    pub(crate) stamp: Stamp,
    pub(crate) position: LogPosition,
    /// The newest observation's [`ObservedItem::digest`].
    pub(crate) digest: u64,
    /// What most sources do not say.
    fields: Option<Box<Fields>>,
}

/// Each is `None` once it was taken back.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Fields {
    display_name: Stamped<Option<Box<str>>>,
    owner: Stamped<Option<WordIx>>,
    criticality: Stamped<Option<WordIx>>,
    quorum: Stamped<Option<WordIx>>,
}

impl ItemFacts {
    /// Measures that left their baseline, by the start of their window.
    pub(crate) fn deviations(&self) -> &[DeviationRow] {
        self.more.as_ref().map_or(&[], |more| &more.deviations)
    }

    pub(crate) fn say_deviation(&mut self, deviation: &Deviation, stamp: Stamp) {
        let more = self.more.get_or_insert_default();
        deviations::keep(&mut more.deviations, deviation, stamp);
    }

    /// Takes one observation.
    pub(crate) fn say(
        &mut self,
        source: WordIx,
        position: LogPosition,
        stamp: Stamp,
        item: &ObservedItem,
        words: &mut Words,
    ) {
        let place = match self.said.binary_search_by_key(&source, |said| said.source) {
            Ok(place) => place,
            Err(place) => {
                let first = SourceSaid {
                    source,
                    stamp,
                    position,
                    digest: item.digest(),
                    fields: None,
                };
                self.said.insert(place, first);
                place
            }
        };
        let Some(said) = self.said.get_mut(place) else {
            return;
        };
        if said.stamp < stamp {
            said.stamp = stamp;
            said.position = position;
            said.digest = item.digest();
        }
        said.describe(stamp, item, words);
    }
}

impl SourceSaid {
    fn describe(&mut self, stamp: Stamp, item: &ObservedItem, words: &mut Words) {
        let is_silent =
            item.display_name.is_none() && item.owner.is_none() && item.criticality.is_none();
        let quorum = item.attributes.get(QUORUM);
        if is_silent && item.taken_back.is_none() && quorum.is_none() {
            return;
        }
        let back = item.taken_back.clone().unwrap_or_default();
        let fields = self.fields.get_or_insert_default();
        let mut word = |text: &Option<String>| text.as_deref().map(|text| words.add(text));
        let said = |word: Option<WordIx>, back: bool| (word.is_some() || back).then_some(word);
        fields.owner.say(stamp, said(word(&item.owner), back.owner));
        let criticality = said(word(&item.criticality), back.criticality);
        fields.criticality.say(stamp, criticality);
        // Whoever says something that is no quorum takes back what was one.
        let quorum = quorum.map(|said| Some(words.add(&Quorum::of_value(said)?.to_string())));
        fields.quorum.say(stamp, quorum);
        let name: Option<Box<str>> = item.display_name.as_deref().map(Box::from);
        let is_said = name.is_some() || back.display_name;
        fields.display_name.say(stamp, is_said.then_some(name));
    }

    /// A name for people, with the time it was given; none if it was taken back then.
    pub(crate) fn display_name(&self) -> Option<(Stamp, Option<&str>)> {
        let said = &self.fields.as_ref()?.display_name;
        Some((said.stamp()?, said.get()?.as_deref()))
    }

    /// The team that answers for it, with the time it was named; none if it was taken back then.
    pub(crate) fn owner(&self) -> Option<(Stamp, Option<WordIx>)> {
        let said = &self.fields.as_ref()?.owner;
        Some((said.stamp()?, *said.get()?))
    }

    /// How much depends on it, with the time that was said; none if it was taken back then.
    pub(crate) fn criticality(&self) -> Option<(Stamp, Option<WordIx>)> {
        let said = &self.fields.as_ref()?.criticality;
        Some((said.stamp()?, *said.get()?))
    }

    /// How many members must be up, with the time that was said; none if it was taken back then.
    pub(crate) fn quorum(&self) -> Option<(Stamp, Option<WordIx>)> {
        let said = &self.fields.as_ref()?.quorum;
        Some((said.stamp()?, *said.get()?))
    }
}
