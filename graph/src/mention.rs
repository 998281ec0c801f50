//! Mentions: every distinct name any source ever used for an item, as written down once.
//!
//! Facts hang on mentions, never on items, so that deciding anew which mentions
//! are one item moves no fact.

use model::{CiId, Claim, KeyParts, SourceKey, Timestamp, ValidInterval, bounds};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::identity::{DecisionId, Renamed};
use crate::intern::{WordIx, Words};

/// The number of a mention, in order of its first appearance in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct MentionIx(pub(crate) u32);

/// The scheme of written keys.
pub(crate) const KEY_SCHEME: &str = Claim::KEY_SCHEME;

/// The kind of an item of which only names in other schemes are known.
pub(crate) const UNKNOWN_KIND: &str = "unknown";

/// The parts of a key, its recurring words kept once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parts {
    pub(crate) kind: WordIx,
    pub(crate) environment: Option<WordIx>,
    pub(crate) namespace: Option<WordIx>,
    pub(crate) name: Box<str>,
}

/// What a mention is: a key in parts, or a name in a scheme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Name {
    Key(Parts),
    Claim { scheme: WordIx, value: Box<str> },
}

/// A name whose item depends on the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct TimedAlias {
    pub(crate) from: Timestamp,
    /// The end that was declared with it, `Timestamp::MAX` without one.
    pub(crate) until: Timestamp,
    /// The last moment at which it was seen, if nobody declared its interval.
    pub(crate) seen_until: Option<Timestamp>,
    pub(crate) means: MentionIx,
    pub(crate) source: WordIx,
    /// The last time it was said.
    pub(crate) said_at: Timestamp,
}

impl TimedAlias {
    /// When it holds; open at the end if nobody declared one.
    pub(crate) fn interval(&self) -> Option<ValidInterval> {
        let until = (self.until != Timestamp::MAX).then_some(self.until);
        ValidInterval::new(self.from, until)
    }
}

/// A source's statement that another mention is the same item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Link {
    pub(crate) other: MentionIx,
    pub(crate) source: WordIx,
    /// The last time it said so.
    pub(crate) at: Timestamp,
}

/// A source's word that it no longer knows another mention as the same item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TakenBackName {
    pub(crate) other: MentionIx,
    pub(crate) source: WordIx,
    pub(crate) at: Timestamp,
}

/// One mention and how it stands to others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mention {
    pub(crate) name: Name,
    /// Mentions that sources say are the same item, sorted by mention and source.
    pub(crate) linked: SmallVec<[Link; 1]>,
    /// The one mention that a key with unknown parts can only mean.
    pub(crate) attached_to: Option<MentionIx>,
    /// Whether a source said it; else it is only known from an environment named beside a key.
    pub(crate) stated: bool,
    /// What most mentions lack.
    more: Option<Box<More>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct More {
    attached_by: Vec<MentionIx>,
    candidates: Vec<MentionIx>,
    aliases: Vec<TimedAlias>,
    decisions: Vec<DecisionId>,
    names_for_a_time: Vec<MentionIx>,
    taken_back: Vec<TakenBackName>,
    hints: u32,
}

impl Mention {
    pub(crate) fn new(name: Name, stated: bool) -> Self {
        Self {
            name,
            stated,
            linked: SmallVec::new(),
            attached_to: None,
            more: None,
        }
    }

    /// How many changes and incidents mean it by an environment named beside a key.
    pub(crate) fn hints(&self) -> u32 {
        self.more.as_ref().map_or(0, |more| more.hints)
    }

    pub(crate) fn hints_mut(&mut self) -> &mut u32 {
        &mut self.more.get_or_insert_default().hints
    }

    /// The parts of its key, if it is one.
    pub(crate) fn parts(&self) -> Option<&Parts> {
        match &self.name {
            Name::Key(parts) => Some(parts),
            Name::Claim { .. } => None,
        }
    }

    /// Takes a link; of several statements of one source the last counts. Says whether it stands now and did not before.
    pub(crate) fn link(&mut self, link: Link) -> bool {
        let key = |kept: &Link| (kept.other, kept.source);
        let stood = match self.linked.binary_search_by_key(&key(&link), key) {
            Ok(place) => {
                let stood = self.linked.get(place).is_some_and(|kept| self.stands(kept));
                if let Some(kept) = self.linked.get_mut(place) {
                    kept.at = kept.at.max(link.at);
                }
                stood
            }
            Err(place) => {
                self.linked.insert(place, link);
                false
            }
        };
        let link = self.linked.iter().find(|kept| key(kept) == key(&link));
        !stood && link.is_some_and(|link| self.stands(link))
    }

    /// Takes that a source no longer says so.
    pub(crate) fn take_back(&mut self, name: TakenBackName) {
        let taken_back = &mut self.more.get_or_insert_default().taken_back;
        if !taken_back.contains(&name) {
            taken_back.push(name);
        }
    }

    /// Whether a link was not taken back since it was said.
    fn stands(&self, link: &Link) -> bool {
        self.taken_back_after(link.other, link.source, link.at)
            .is_none()
    }

    /// The first moment after one at which a source took a name back.
    fn taken_back_after(
        &self,
        other: MentionIx,
        source: WordIx,
        said_at: Timestamp,
    ) -> Option<Timestamp> {
        let taken_back = &self.more.as_ref()?.taken_back;
        let of_link = taken_back
            .iter()
            .filter(|taken| taken.other == other && taken.source == source && said_at < taken.at);
        of_link.map(|taken| taken.at).min()
    }

    /// What sources say to be the same item, and did not take back.
    pub(crate) fn links(&self) -> impl Iterator<Item = &Link> + Clone {
        self.linked.iter().filter(|link| self.stands(link))
    }

    /// The keys with unknown parts that can only mean this one.
    pub(crate) fn attached_by(&self) -> &[MentionIx] {
        self.more.as_ref().map_or(&[], |more| &more.attached_by)
    }

    pub(crate) fn attach(&mut self, by: MentionIx) {
        self.more.get_or_insert_default().attached_by.push(by);
    }

    pub(crate) fn detach(&mut self, by: MentionIx) {
        if let Some(more) = &mut self.more {
            more.attached_by.retain(|kept| *kept != by);
        }
    }

    /// What a key with unknown parts could mean, when that is more than one item.
    pub(crate) fn candidates(&self) -> &[MentionIx] {
        self.more.as_ref().map_or(&[], |more| &more.candidates)
    }

    pub(crate) fn set_candidates(&mut self, candidates: Vec<MentionIx>) {
        if !candidates.is_empty() || self.more.is_some() {
            self.more.get_or_insert_default().candidates = candidates;
        }
    }

    /// Items this name belonged to for a time, each as long as its source did not take it back.
    pub(crate) fn aliases(&self) -> impl Iterator<Item = TimedAlias> {
        let stated = self.more.iter().flat_map(|more| &more.aliases);
        let stated = stated.map(|alias| {
            let taken_back = self.taken_back_after(alias.means, alias.source, alias.said_at);
            let until = taken_back.map_or(alias.until, |at| alias.until.min(at));
            TimedAlias { until, ..*alias }
        });
        stated.filter(|alias| alias.from < alias.until)
    }

    /// Items this name was ever said to belong to for a time, whether that was taken back or not.
    pub(crate) fn stated_aliases(&self) -> &[TimedAlias] {
        self.more.as_ref().map_or(&[], |more| &more.aliases)
    }

    /// Whether a source ever took anything back of how it stands to others.
    pub(crate) fn has_taken_back(&self) -> bool {
        let mut more = self.more.iter();
        more.any(|more| !more.taken_back.is_empty())
    }

    /// Takes an alias; what one source saw of one item is kept as its first and last sight.
    pub(crate) fn alias(&mut self, alias: TimedAlias) {
        let aliases = &mut self.more.get_or_insert_default().aliases;
        let same = |kept: &&mut TimedAlias| {
            (kept.means, kept.source) == (alias.means, alias.source) && kept.seen_until.is_some()
        };
        if alias.seen_until.is_some()
            && let Some(kept) = aliases.iter_mut().find(same)
        {
            kept.from = kept.from.min(alias.from);
            kept.seen_until = kept.seen_until.max(alias.seen_until);
            kept.said_at = kept.said_at.max(alias.said_at);
            return;
        }
        let said = |kept: &TimedAlias| TimedAlias {
            said_at: alias.said_at,
            ..*kept
        };
        match aliases.iter_mut().find(|kept| said(kept) == alias) {
            Some(kept) => kept.said_at = kept.said_at.max(alias.said_at),
            None => aliases.push(alias),
        }
    }

    /// Names that belonged to it for a time.
    pub(crate) fn names_for_a_time(&self) -> &[MentionIx] {
        self.more
            .as_ref()
            .map_or(&[], |more| &more.names_for_a_time)
    }

    pub(crate) fn name_for_a_time(&mut self, name: MentionIx) {
        let names = &mut self.more.get_or_insert_default().names_for_a_time;
        if !names.contains(&name) {
            names.push(name);
        }
    }

    /// Names have other numbers from now on, and some are gone. Their order stays.
    pub(crate) fn rename(&mut self, renamed: &Renamed) {
        for link in &mut self.linked {
            link.other = renamed.of(link.other);
        }
        self.attached_to = self.attached_to.map(|other| renamed.of(other));
        let Some(more) = &mut self.more else { return };
        let others = more.attached_by.iter_mut();
        let others = others.chain(&mut more.candidates);
        others
            .chain(&mut more.names_for_a_time)
            .for_each(|other| *other = renamed.of(*other));
        for taken in &mut more.taken_back {
            taken.other = renamed.of(taken.other);
        }
        more.aliases
            .retain(|alias| renamed.find(alias.means).is_some());
        for alias in &mut more.aliases {
            alias.means = renamed.of(alias.means);
        }
    }

    /// Decisions that speak of it.
    pub(crate) fn decisions(&self) -> &[DecisionId] {
        self.more.as_ref().map_or(&[], |more| &more.decisions)
    }

    pub(crate) fn decide(&mut self, decision: DecisionId) {
        let decisions = &mut self.more.get_or_insert_default().decisions;
        if !decisions.contains(&decision) {
            decisions.push(decision);
        }
    }
}

impl Parts {
    /// How many of environment and namespace are known.
    pub(crate) fn known(&self) -> usize {
        usize::from(self.environment.is_some()) + usize::from(self.namespace.is_some())
    }

    /// Whether no part that both know differs.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        let agree = |one: Option<WordIx>, other: Option<WordIx>| match (one, other) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        agree(self.environment, other.environment) && agree(self.namespace, other.namespace)
    }

    pub(crate) fn to_key(&self, words: &Words) -> KeyParts {
        let text = |word: Option<WordIx>| word.map(|word| words.text(word).to_owned());
        KeyParts::new(words.text(self.kind), &*self.name)
            .in_environment(text(self.environment))
            .in_namespace(text(self.namespace))
    }
}

impl Name {
    pub(crate) fn to_claim(&self, words: &Words) -> Claim {
        match self {
            Self::Key(parts) => Claim::new(KEY_SCHEME, parts.to_key(words).canonical()),
            Self::Claim { scheme, value } => Claim::new(words.text(*scheme), &**value),
        }
    }
}

/// The identifying claim that a key makes: two spellings of one key make the same.
pub fn claim_of(key: &SourceKey) -> Claim {
    ReadKey::read(key).claim()
}

/// The id that [`ReadKey::id`] gives of a key, without reading it where it is written as it will be shown.
pub(crate) fn id_of(key: &SourceKey) -> CiId {
    let plain = match key {
        SourceKey::Parts(parts) if !parts.kind.chars().any(is_changed) => {
            return CiId::of_name(KEY_SCHEME, &parts.canonical());
        }
        SourceKey::Claim { scheme, value } if scheme == KEY_SCHEME => Some(value),
        SourceKey::Claim { scheme, value } => return CiId::of_name(scheme, value),
        SourceKey::Text(text) => Some(text),
        SourceKey::Parts(_) => None,
    };
    match plain.filter(|text| is_canonical(text)) {
        Some(text) => CiId::of_name(KEY_SCHEME, text),
        None => ReadKey::read(key).id(),
    }
}

/// Whether a letter of a kind might be written otherwise.
fn is_changed(letter: char) -> bool {
    !letter.is_ascii() || letter.is_ascii_uppercase()
}

/// Whether a text is surely a key, and the canonical one of what it names.
fn is_canonical(text: &str) -> bool {
    let Some((kind, rest)) = text.split_once(':') else {
        return false;
    };
    let is_plain_kind = !kind.is_empty() && !kind.contains('=') && !kind.chars().any(is_changed);
    let parts = rest.split('/');
    is_plain_kind
        && text.len() <= bounds::KEY_BYTES
        && !rest.contains('%')
        && !rest.starts_with("-/")
        && parts.clone().count() <= 3
        && parts.into_iter().all(|part| !part.is_empty())
}

/// A source's key, read: what the mention is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReadKey {
    Key(KeyParts),
    Claim(Claim),
}

impl ReadKey {
    /// Reads a key as it stands, without asking what exists.
    ///
    /// A text with a colon before any equals sign is a key; with an equals sign first it is `scheme=value`.
    /// What is neither stays whole, as a name in the scheme `key`.
    pub(crate) fn read(key: &SourceKey) -> Self {
        match key {
            SourceKey::Parts(parts) => {
                let mut parts = parts.clone();
                parts.kind = parts.kind.to_lowercase();
                Self::Key(parts)
            }
            SourceKey::Claim { scheme, value } if scheme == KEY_SCHEME => Self::read_text(value),
            SourceKey::Claim { scheme, value } => {
                Self::Claim(Claim::new(scheme.clone(), value.clone()))
            }
            SourceKey::Text(text) => Self::read_text(text),
        }
    }

    fn read_text(text: &str) -> Self {
        let colon = text.find(':');
        let claim = text.split_once('=').filter(|(scheme, _)| {
            !scheme.is_empty() && colon.is_none_or(|colon| scheme.len() < colon)
        });
        if let Some((scheme, value)) = claim
            && scheme != KEY_SCHEME
        {
            return Self::Claim(Claim::new(scheme, value));
        }
        match KeyParts::parse(text) {
            Ok(mut parts) => {
                // `-` stands for an unknown environment before a namespace.
                parts.environment = parts.environment.filter(|environment| environment != "-");
                Self::Key(parts)
            }
            Err(_) => Self::Claim(Claim::new(KEY_SCHEME, text)),
        }
    }

    pub(crate) fn claim(&self) -> Claim {
        match self {
            Self::Key(parts) => Claim::new(KEY_SCHEME, parts.canonical()),
            Self::Claim(claim) => claim.clone(),
        }
    }

    /// The id an item would have if this were its least identifying claim; the mention's place in the table.
    pub(crate) fn id(&self) -> CiId {
        CiId::of(&self.claim())
    }

    /// The name with its recurring words kept once.
    pub(crate) fn into_name(self, words: &mut Words) -> Name {
        match self {
            Self::Key(parts) => Name::Key(Parts {
                kind: words.add(&parts.kind),
                environment: parts.environment.as_deref().map(|word| words.add(word)),
                namespace: parts.namespace.as_deref().map(|word| words.add(word)),
                name: parts.name.into(),
            }),
            Self::Claim(claim) => Name::Claim {
                scheme: words.add(&claim.scheme),
                value: claim.value.into(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys() -> impl Strategy<Value = SourceKey> {
        let word = "[aA=é:/%2F-]{0,6}|prod|-|key";
        let part = proptest::option::of(word);
        prop_oneof![
            "[aA=é:/%2F-]{0,12}".prop_map(SourceKey::Text),
            "k:(-/|a/|/){0,3}[a%=:-]{0,2}".prop_map(SourceKey::Text),
            (word, word).prop_map(|(scheme, value)| SourceKey::Claim { scheme, value }),
            (word, part.clone(), part, word).prop_map(|(kind, environment, namespace, name)| {
                let parts = KeyParts::new(kind, name).in_environment(environment);
                SourceKey::Parts(parts.in_namespace(namespace))
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_key_has_the_id_of_what_is_read_of_it(key in keys()) {
            prop_assert_eq!(id_of(&key), ReadKey::read(&key).id());
        }
    }
}
