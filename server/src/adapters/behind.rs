//! Reading on in the log where the index is behind it.

use api::BodiesError;
use index::{IndexReader, KnownUntil};
use model::{EventEnvelope, LogPosition};
use store::{EventLog, ReadError, ReadLimit};

/// What is read of the log at once where the index is behind.
const BEHIND: ReadLimit = ReadLimit {
    events: 1_000,
    bytes: 4 * 1024 * 1024,
};
/// How far the log is read where the index is behind: an index that is being made again is not waited for.
const BEHIND_MAX: usize = 20_000;

/// What of a question the index answers, and what only the log can.
pub(super) struct Behind {
    /// Up to where the index is asked: what it takes in the meantime is not counted twice.
    pub(super) indexed: KnownUntil,
    until: KnownUntil,
}

impl Behind {
    /// How far the index is on the way to where a question looks.
    pub(super) fn of(index: &IndexReader, until: KnownUntil) -> Self {
        let position = index.position().min(until.position);
        Self {
            indexed: KnownUntil { position, ..until },
            until,
        }
    }

    /// What only the log can answer between two positions.
    pub(super) fn from(held: LogPosition, until: LogPosition) -> Self {
        Self {
            indexed: held.into(),
            until: until.into(),
        }
    }

    /// Hands over each event that the index had not taken and the question may see. Says whether
    /// the log was left before its end.
    pub(super) fn each(
        &self,
        log: &dyn EventLog,
        mut take: impl FnMut(&EventEnvelope),
    ) -> Result<bool, BodiesError> {
        let mut after = self.indexed.position;
        let mut read = 0;
        while after < self.until.position {
            if BEHIND_MAX <= read {
                return Ok(true);
            }
            let envelopes = log.read(after, BEHIND).map_err(failed)?;
            let Some(last) = envelopes.last() else { break };
            after = last.position;
            read += envelopes.len();
            for envelope in &envelopes {
                let moment = self.until.moment;
                let is_later = moment.is_some_and(|moment| moment < envelope.occurred_at);
                if envelope.position <= self.until.position && !is_later {
                    take(envelope);
                }
            }
        }
        Ok(false)
    }
}

/// The event at a position.
pub(super) fn at(
    log: &dyn EventLog,
    position: LogPosition,
) -> Result<Option<EventEnvelope>, ReadError> {
    let before = LogPosition::new(position.number().saturating_sub(1));
    let one = ReadLimit {
        events: 1,
        bytes: usize::MAX,
    };
    Ok(log.read(before, one)?.pop())
}

pub(super) async fn off_the_async_threads<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, BodiesError> + Send + 'static,
) -> Result<T, BodiesError> {
    tokio::task::spawn_blocking(read).await.map_err(failed)?
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> BodiesError {
    BodiesError(Box::new(error))
}
