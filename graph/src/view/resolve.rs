//! Which item a key means.

use model::{CiId, KeyParts, SourceKey, Timestamp, ValidInterval};

use super::{GraphView, Item};
use crate::identity::ItemIx;
use crate::mention::{MentionIx, Parts, ReadKey, TimedAlias};

/// What a key means in a view.
#[derive(Clone, Debug)]
pub enum Resolution<'v> {
    /// One item.
    Item(Item<'v>),
    /// Nobody ever used the key, and several items agree with it.
    Ambiguous(Vec<Item<'v>>),
    /// Nothing agrees with it.
    Unknown,
}

impl<'v> Resolution<'v> {
    /// The item, if it is one.
    pub fn item(self) -> Option<Item<'v>> {
        match self {
            Self::Item(item) => Some(item),
            Self::Ambiguous(_) | Self::Unknown => None,
        }
    }
}

impl GraphView {
    /// Which item a key, alias or id means at a moment; an environment given beside it decides first.
    pub fn resolve(
        &self,
        key: &SourceKey,
        environment: Option<&str>,
        at: Timestamp,
    ) -> Resolution<'_> {
        if let SourceKey::Text(text) = key {
            if let Ok(id) = text.parse::<CiId>() {
                return self.item(id).map_or(Resolution::Unknown, Resolution::Item);
            }
            if let Some(mention) = self.as_written(text) {
                return self.known(mention, environment, at);
            }
        }
        let read = ReadKey::read(key);
        if let Some(mention) = self.identity.find(&read) {
            return self.known(mention, environment, at);
        }
        match read {
            ReadKey::Key(parts) => self.agreeing(&parts, environment),
            ReadKey::Claim(_) => Resolution::Unknown,
        }
    }

    /// What a known mention means; nothing if it is known in other environments only.
    fn known(
        &self,
        mention: MentionIx,
        environment: Option<&str>,
        at: Timestamp,
    ) -> Resolution<'_> {
        let item = self.meant(mention, environment, at);
        let parts = self.identity.mention(mention).parts();
        let wanted = match parts.and_then(|parts| parts.environment) {
            Some(own) => Some(self.identity.words.text(own)),
            None => environment.filter(|_| parts.is_some()),
        };
        let is_elsewhere = |wanted| self.identity.is_elsewhere(item, wanted);
        // A name for a time means what has it, wherever that is.
        let mut aliases = self.identity.mention(mention).aliases();
        let is_timed = aliases.next().is_some();
        if !is_timed && wanted.is_some_and(is_elsewhere) {
            return Resolution::Unknown;
        }
        Resolution::Item(self.item_at(item))
    }

    /// The item whose name holds slashes and reads exactly so.
    fn as_written(&self, text: &str) -> Option<MentionIx> {
        let (kind, rest) = text.split_once(':')?;
        if !rest.contains('/') {
            return None;
        }
        let whole = KeyParts::new(kind.to_lowercase(), rest);
        if let Some(mention) = self.identity.find(&ReadKey::Key(whole)) {
            return Some(mention);
        }
        let (environment, name) = rest.split_once('/')?;
        if !name.contains('/') {
            return None;
        }
        let inside =
            KeyParts::new(kind.to_lowercase(), name).in_environment(Some(environment.to_owned()));
        self.identity.find(&ReadKey::Key(inside))
    }

    /// The item that a mention means at a moment, seen from an environment.
    pub(crate) fn meant(
        &self,
        mention: MentionIx,
        environment: Option<&str>,
        at: Timestamp,
    ) -> ItemIx {
        let row = self.identity.mention(mention);
        if let Some(holder) = self.holder(row.aliases(), at) {
            return self.identity.item_of(holder);
        }
        let hinted = row
            .parts()
            .filter(|parts| parts.environment.is_none())
            .zip(environment)
            .and_then(|(parts, environment)| self.in_environment(parts, environment));
        hinted.unwrap_or_else(|| self.identity.item_of(mention))
    }

    /// Whose a name is at a moment: of those who have it and have not ended, the one seen with it at
    /// the moment or by declaration, else the one seen last; of several the newest.
    fn holder(
        &self,
        aliases: impl Iterator<Item = TimedAlias>,
        at: Timestamp,
    ) -> Option<MentionIx> {
        let holding = aliases.filter(|alias| {
            alias.from <= at && at < alias.until && !self.has_ended(alias.means, at)
        });
        let best = holding.max_by_key(|alias| {
            let seen_until = alias.seen_until.unwrap_or(Timestamp::MAX);
            let covered = at <= seen_until;
            let newest = if covered { alias.from } else { seen_until };
            let claim = self
                .identity
                .mention(alias.means)
                .name
                .to_claim(&self.identity.words);
            (covered, newest, claim)
        });
        best.map(|alias| alias.means)
    }

    fn has_ended(&self, mention: MentionIx, at: Timestamp) -> bool {
        let facts = self.facts.get(mention.0 as usize);
        let stated = facts.filter(|facts| !facts.validity.is_empty());
        stated.is_some_and(|facts| {
            let ended = |held: &ValidInterval| held.until().is_some_and(|until| until <= at);
            facts.validity.intervals().iter().all(ended)
        })
    }

    /// The only item of the same kind and name in an environment.
    fn in_environment(&self, parts: &Parts, environment: &str) -> Option<ItemIx> {
        let identity = &self.identity;
        let wanted = identity.words.find(environment)?;
        let keys = identity.keys_named(identity.words.text(parts.kind), &parts.name);
        let there = |other: &Parts| other.environment == Some(wanted) && other.agrees(parts);
        let agreeing = keys
            .iter()
            .filter(|key| identity.is_meant(**key))
            .filter(|key| identity.mention(**key).parts().is_some_and(there));
        let mut items: Vec<ItemIx> = agreeing.map(|key| identity.item_of(*key)).collect();
        items.sort_unstable();
        items.dedup();
        match items.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// What a key that nobody used can mean.
    fn agreeing(&self, key: &KeyParts, environment: Option<&str>) -> Resolution<'_> {
        let identity = &self.identity;
        let wanted = key.environment.as_deref().or(environment);
        let agrees = |known: Option<&str>, wanted: Option<&str>| match (known, wanted) {
            (Some(known), Some(wanted)) => known == wanted,
            _ => true,
        };
        let fits = |mention: &&MentionIx| {
            identity.mention(**mention).parts().is_some_and(|parts| {
                let text = |word: Option<crate::intern::WordIx>| {
                    word.map(|word| identity.words.text(word))
                };
                agrees(text(parts.environment), wanted)
                    && agrees(text(parts.namespace), key.namespace.as_deref())
            })
        };
        let named = identity.keys_named(&key.kind, &key.name);
        let fitting = named
            .iter()
            .filter(|mention| identity.is_meant(**mention))
            .filter(fits);
        let mut items: Vec<ItemIx> = fitting.map(|mention| identity.item_of(*mention)).collect();
        items.sort_unstable();
        items.dedup();
        items.retain(|item| wanted.is_none_or(|wanted| !identity.is_elsewhere(*item, wanted)));
        match items.as_slice() {
            [] => Resolution::Unknown,
            [only] => Resolution::Item(self.item_at(*only)),
            several => {
                Resolution::Ambiguous(several.iter().map(|item| self.item_at(*item)).collect())
            }
        }
    }
}
