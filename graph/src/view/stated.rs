//! What one source last stated: the ground on which a repeated listing is compared.

use model::{CiId, LogPosition, SourceKey};

use super::GraphView;
use crate::mention::MentionIx;

/// The newest statement of a source about one item.
#[derive(Clone, Debug, PartialEq)]
pub struct StatedItem {
    /// The name that the source's key makes; see [`claim_of`](crate::claim_of).
    pub name: CiId,
    /// What the source calls it.
    pub key: SourceKey,
    /// The statement's [`model::ObservedItem::digest`].
    pub digest: u64,
    /// Where it stands in the log.
    pub position: LogPosition,
    /// Whether the source said afterwards that the item is gone.
    pub is_ended: bool,
    /// Whether by its word the item exists on, without an end in sight.
    pub is_open: bool,
}

impl GraphView {
    /// The newest statement of a source about every item it ever observed. It looks at every mention.
    pub fn stated_by(&self, source: &str) -> Vec<StatedItem> {
        let identity = &self.identity;
        let Some(source) = identity.words.find(source) else {
            return Vec::new();
        };
        let mut stated = Vec::new();
        for (number, facts) in self.facts.iter().enumerate() {
            let Ok(place) = facts.said.binary_search_by_key(&source, |said| said.source) else {
                continue;
            };
            let (Some(said), Ok(number)) = (facts.said.get(place), u32::try_from(number)) else {
                continue;
            };
            let claim = identity
                .mention(MentionIx(number))
                .name
                .to_claim(&identity.words);
            let ended_at = facts.validity.ended_by(source);
            stated.push(StatedItem {
                name: CiId::of(&claim),
                key: SourceKey::Claim {
                    scheme: claim.scheme,
                    value: claim.value,
                },
                digest: said.digest,
                position: said.position,
                is_ended: ended_at.is_some_and(|ended_at| said.stamp.at < ended_at),
                is_open: facts.validity.is_open_by(source),
            });
        }
        stated
    }
}
