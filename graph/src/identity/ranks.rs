//! Which of its names an item is told apart by, and which it shows.

use super::Identity;
use crate::mention::{KEY_SCHEME, MentionIx, Name};

impl Identity {
    /// The total order of identifying claims: written keys first, then schemes and values by text.
    pub(super) fn rank(&self, mention: MentionIx) -> (bool, String, String) {
        let claim = self.mention(mention).name.to_claim(&self.words);
        (claim.scheme != KEY_SCHEME, claim.scheme, claim.value)
    }

    /// Which key is shown: the most complete, then the first by text; other names only if there is no key.
    pub(super) fn shown_rank(&self, mention: MentionIx) -> (bool, usize, String) {
        let name = &self.mention(mention).name;
        let missing = match name {
            Name::Key(parts) => 2 - parts.known(),
            Name::Claim { .. } => 2,
        };
        (
            matches!(name, Name::Claim { .. }),
            missing,
            name.to_claim(&self.words).value,
        )
    }
}
