//! Tokens: of each how it was made, and whether anybody took it back, whichever arrived first.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Event, EventEnvelope, LogPosition, Timestamp, TokenCreated, TokenHash, TokenId, TokenRevoked,
};
use serde::{Deserialize, Serialize};

use crate::stamped::Stamp;
use crate::versions::{from_json, to_json};

/// A token as the log knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// How it was made.
    pub created: TokenCreated,
    /// When.
    pub created_at: Timestamp,
    /// Where that stands in the log.
    pub position: LogPosition,
    /// Who took it back and why, and when.
    pub revoked: Option<(TokenRevoked, Timestamp)>,
}

impl Token {
    /// Whether it counts at a moment.
    pub fn counts_at(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && now < self.created.expires_at
    }
}

/// What was said of one id: of each sort the first word, since neither is ever said anew.
#[derive(Clone, Debug, Default)]
struct Words {
    created: Option<(Stamp, LogPosition, TokenCreated)>,
    revoked: Option<(Stamp, TokenRevoked)>,
    /// What they come to.
    token: Option<Token>,
}

/// Every token that was ever made.
#[derive(Clone, Debug, Default)]
pub struct TokenBook {
    by_id: BTreeMap<TokenId, Words>,
    hashes: BTreeSet<(TokenHash, TokenId)>,
}

/// The words on one token as bytes hold them, as JSON.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedToken {
    id: TokenId,
    created: Option<(Stamp, LogPosition, String)>,
    revoked: Option<(Stamp, String)>,
}

impl TokenBook {
    /// The token of an id.
    pub fn get(&self, id: &TokenId) -> Option<&Token> {
        self.by_id.get(id)?.token.as_ref()
    }

    /// The token whose secret has this hash.
    pub fn of_hash(&self, hash: &TokenHash) -> Option<&Token> {
        let least = (*hash, TokenId::from_bytes([0; 16]));
        let (found, id) = self.hashes.range(least..).next()?;
        self.get(id).filter(|_| found == hash)
    }

    /// Every token, in order of id.
    pub fn iter(&self) -> impl Iterator<Item = &Token> {
        let each = self.by_id.values();
        each.filter_map(|words| words.token.as_ref())
    }

    /// Takes what an event says of a token.
    pub(crate) fn say(&mut self, envelope: &EventEnvelope, stamp: Stamp) {
        if let Event::TokenCreated(created) = &envelope.event {
            let words = self.by_id.entry(created.id).or_default();
            let said = &mut words.created;
            if said.as_ref().is_none_or(|(kept, _, _)| stamp < *kept) {
                let before = said.replace((stamp, envelope.position, (**created).clone()));
                if let Some((_, _, before)) = before {
                    self.hashes.remove(&(before.hash, before.id));
                }
                self.hashes.insert((created.hash, created.id));
            }
            words.settle();
        }
        if let Event::TokenRevoked(revoked) = &envelope.event {
            let words = self.by_id.entry(revoked.id).or_default();
            let said = &mut words.revoked;
            if said.as_ref().is_none_or(|(kept, _)| stamp < *kept) {
                *said = Some((stamp, revoked.clone()));
            }
            words.settle();
        }
    }

    pub(crate) fn each_line(&self, mut take: impl FnMut(String)) {
        for it in self.iter() {
            let revoked = it.revoked.as_ref().map(|(said, _)| to_json(said));
            let revoked = revoked.unwrap_or_default();
            take(format!("token {} {revoked}", to_json(&it.created)));
        }
    }

    pub(crate) fn save(&self) -> Vec<SavedToken> {
        let each = self.by_id.iter();
        each.map(|(id, words)| {
            let created = words.created.as_ref();
            let revoked = words.revoked.as_ref();
            SavedToken {
                id: *id,
                created: created.map(|(stamp, at, said)| (*stamp, *at, to_json(said))),
                revoked: revoked.map(|(stamp, said)| (*stamp, to_json(said))),
            }
        })
        .collect()
    }

    pub(crate) fn restore(saved: Vec<SavedToken>) -> Self {
        let mut book = Self::default();
        for one in saved {
            let created = one.created;
            let mut words = Words {
                created: created.map(|(stamp, at, json)| (stamp, at, from_json(&json))),
                revoked: one.revoked.map(|(stamp, json)| (stamp, from_json(&json))),
                token: None,
            };
            words.settle();
            if let Some(token) = &words.token {
                book.hashes.insert((token.created.hash, one.id));
            }
            book.by_id.insert(one.id, words);
        }
        book
    }
}

impl Words {
    /// What the words come to.
    fn settle(&mut self) {
        let revoked = self.revoked.as_ref();
        let revoked = revoked.map(|(stamp, said)| (said.clone(), stamp.at));
        self.token = self
            .created
            .as_ref()
            .map(|(stamp, position, created)| Token {
                created: created.clone(),
                created_at: stamp.at,
                position: *position,
                revoked,
            });
    }
}
