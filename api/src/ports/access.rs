//! Tokens: their secrets are made and recognised elsewhere, and only hashes come through here.

use model::{Event, LogPosition, TokenHash, TokenId};
use thiserror::Error;

use super::PortFuture;
use crate::RecordError;

/// What the API needs to make, revoke and show tokens.
pub trait Access: Send + Sync + 'static {
    /// A fresh secret. Nothing is kept of it.
    fn mint(&self) -> Result<MintedToken, NoRandomness>;

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
