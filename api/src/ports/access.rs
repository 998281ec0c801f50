//! Tokens: their secrets are made and recognised elsewhere, and only hashes come through here.

use model::{Caller, Event, LogPosition, Timestamp, TokenHash, TokenId};
use thiserror::Error;

use super::PortFuture;
use crate::RecordError;

/// What the API needs to make, revoke, show and recognise tokens.
pub trait Access: Send + Sync + 'static {
    /// A fresh secret. Nothing is kept of it.
    fn mint(&self) -> Result<MintedToken, NoRandomness>;

    /// Whose a credential is, written as in the header `Authorization`.
    fn caller(&self, credential: &str) -> Caller;

    /// Whether a caller that was known is so still: its token was not revoked, nor is its time over.
    fn still(&self, caller: &Caller) -> bool;

    /// What something hidden is called for a caller: the same each time while this server runs, and nothing by which
    /// its name could be guessed.
    fn veil(&self, caller: &Caller, name: &str) -> [u8; 16];

    /// When a token was used last, to the minute, as far as this node knows.
    fn last_used(&self, id: TokenId) -> Option<Timestamp>;

    /// How many requests with a token were refused since the start because its quota was used up.
    fn throttled(&self, id: TokenId) -> u64;

    /// Writes what is said of a token.
    fn record(&self, event: Event) -> PortFuture<'_, Result<LogPosition, RecordError>>;
}

/// The machine gives no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there are no random numbers")]
pub struct NoRandomness;

/// A token that nobody knows of yet.
pub struct MintedToken {
    /// Its id.
    pub id: TokenId,
    /// Its secret, to be shown once.
    pub secret: String,
    /// The hash of the secret, to be kept.
    pub hash: TokenHash,
}
