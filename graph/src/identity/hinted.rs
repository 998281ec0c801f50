//! Keys that nobody said: a key without environment, in the environment that a change or an alert names beside it.
//!
//! Such a key makes no item while the environments of its kind and name are
//! unknown, or one of them is the one named. Where only others are known it is
//! an item of its own with an open question: what happens in `staging` does not
//! happen to the one in `prod`.

use super::{Identity, Keyed};
use crate::intern::WordIx;
use crate::mention::{MentionIx, ReadKey};

impl Identity {
    /// The key in an environment that is named beside it; `None` for what has an environment or is no key.
    pub(crate) fn hinted(&mut self, mention: MentionIx, environment: WordIx) -> Option<MentionIx> {
        let parts = self.mention(mention).parts();
        let parts = parts.filter(|parts| parts.environment.is_none())?;
        let environment = self.words.text(environment).to_owned();
        let key = parts.to_key(&self.words).in_environment(Some(environment));
        Some(self.mention_named(ReadKey::Key(key), false))
    }

    /// One change or incident more means a hinted key.
    pub(crate) fn hint(&mut self, mention: MentionIx) {
        let hints = self.mention_mut(mention).hints_mut();
        *hints += 1;
        let is_first = *hints == 1;
        if is_first && !self.mention(mention).stated {
            self.settle_anew([mention].into());
        }
    }

    /// One change or incident fewer means it.
    pub(crate) fn take_hint_back(&mut self, mention: MentionIx) {
        let hints = self.mention_mut(mention).hints_mut();
        *hints = hints.saturating_sub(1);
        let was_last = *hints == 0;
        if was_last && !self.mention(mention).stated {
            self.settle_anew([mention].into());
        }
    }

    /// Whether anybody means a key: by itself, or by an environment named beside it.
    pub(crate) fn is_meant(&self, mention: MentionIx) -> bool {
        let row = self.mention(mention);
        row.stated || 0 < row.hints()
    }

    /// Whether a member of an item stands for it: a key that nobody said does only if there is no other.
    pub(crate) fn stands_for_its_item(&self, mention: MentionIx) -> bool {
        let row = self.mention(mention);
        row.stated || self.item(self.item_of(mention)).shown == Some(mention)
    }

    /// Whether an item is known in environments, and not in this one.
    pub(crate) fn is_elsewhere(&self, item: super::ItemIx, environment: &str) -> bool {
        let wanted = self.words.find(environment);
        let members = self.item(item).members.iter();
        let known = members
            .filter(|member| self.stands_for_its_item(**member))
            .filter_map(|member| self.mention(*member).parts()?.environment);
        let mut is_elsewhere = false;
        for environment in known {
            if Some(environment) == wanted {
                return false;
            }
            is_elsewhere = true;
        }
        is_elsewhere
    }
}

/// The key without environment that a hinted key was made of.
pub(super) fn plain<'a>(hinted: &Keyed, stated: &'a [Keyed]) -> Option<&'a Keyed> {
    let is_plain = |key: &&Keyed| key.environment.is_none() && key.namespace == hinted.namespace;
    stated.iter().find(is_plain)
}
