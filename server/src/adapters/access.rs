//! Tokens as `api` makes them: the secret is shown, the hash is written.

use api::{MintedToken, NoRandomness, PortFuture, RecordError};
use ingest::Recorder;
use model::{Event, IdSource, LogPosition};

use crate::access::{hash_of, mint};
use crate::clock::RandomIds;

/// The door to the log for what is said of tokens.
pub(super) struct HashedTokens {
    pub(super) recorder: Recorder,
}

impl api::Access for HashedTokens {
    fn mint(&self) -> Result<MintedToken, NoRandomness> {
        let secret = mint().map_err(|_| NoRandomness)?;
        let id = format!("tok_{}", RandomIds.fresh());
        Ok(MintedToken {
            id: id.parse().expect("a fresh id has 32 hex digits"),
            hash: hash_of(&secret),
            secret,
        })
    }

    fn record(&self, event: Event) -> PortFuture<'_, Result<LogPosition, RecordError>> {
        Box::pin(super::deliveries::record(&self.recorder, event))
    }
}
