//! Tokens as `api` makes and recognises them: the secret is shown, the hash is written.

use std::sync::Arc;

use api::{MintedToken, NoRandomness, PortFuture, RecordError};
use ingest::Recorder;
use model::{Caller, Event, IdSource, LogPosition, Timestamp, TokenId};

use crate::access::{Gate, Veil, hash_of, mint};
use crate::clock::RandomIds;

/// The gate, and the door to the log for what is said of tokens.
pub(super) struct HashedTokens {
    pub(super) gate: Arc<Gate>,
    pub(super) recorder: Recorder,
    pub(super) veil: Veil,
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

    fn caller(&self, credential: &str) -> Caller {
        self.gate.caller_by(credential)
    }

    fn still(&self, caller: &Caller) -> bool {
        self.gate.still(caller)
    }

    fn veil(&self, caller: &Caller, name: &str) -> [u8; 16] {
        let caller = caller.name().unwrap_or_default();
        self.veil.of(&format!("{caller} {name}"))
    }

    fn last_used(&self, id: TokenId) -> Option<Timestamp> {
        self.gate.uses().last(id)
    }

    fn throttled(&self, id: TokenId) -> u64 {
        self.gate.throttled(id)
    }

    fn record(&self, event: Event) -> PortFuture<'_, Result<LogPosition, RecordError>> {
        Box::pin(super::deliveries::record(&self.recorder, event))
    }
}
