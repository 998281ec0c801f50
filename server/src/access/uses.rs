//! When tokens were last used: to the minute, in memory, and in a small file beside the log.
//!
//! It is no fact: with the file lost, tokens count as never used, and nothing else changes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{Timestamp, TokenId};
use tokio::sync::watch;

use crate::shutdown;

/// How exactly a use is noted.
const MINUTE_NANOS: i64 = 60_000_000_000;
/// How often the file is written where there is news.
const EVERY: Duration = Duration::from_secs(60);

/// When each token was last used.
pub(crate) struct Uses {
    path: PathBuf,
    by_token: Mutex<BTreeMap<TokenId, Timestamp>>,
    has_news: AtomicBool,
}

impl Uses {
    /// What the file holds; nothing where it cannot be read.
    pub(crate) fn open(path: PathBuf) -> Self {
        let by_token = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!("when tokens were used is forgotten: {error}");
                BTreeMap::new()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => {
                tracing::warn!("when tokens were used is forgotten: {error}");
                BTreeMap::new()
            }
        };
        Self {
            path,
            by_token: Mutex::new(by_token),
            has_news: AtomicBool::new(false),
        }
    }

    /// Notes that a token is used.
    pub(crate) fn note(&self, token: TokenId, now: Timestamp) {
        let minute = now.unix_nanos().div_euclid(MINUTE_NANOS);
        let minute = Timestamp::from_unix_nanos(minute.saturating_mul(MINUTE_NANOS));
        let before = self.by_token().insert(token, minute);
        if before != Some(minute) {
            self.has_news.store(true, Ordering::Relaxed);
        }
    }

    /// When it was last used.
    pub(crate) fn last(&self, token: TokenId) -> Option<Timestamp> {
        self.by_token().get(&token).copied()
    }

    /// Writes the file now and then, and once more when told to stop.
    pub(crate) async fn tend(self: Arc<Self>, working: watch::Receiver<bool>) {
        let mut stopped = std::pin::pin!(shutdown::stopped(working));
        loop {
            let stops = tokio::select! {
                () = &mut stopped => true,
                () = tokio::time::sleep(EVERY) => false,
            };
            let uses = Arc::clone(&self);
            let written = tokio::task::spawn_blocking(move || uses.write()).await;
            if let Ok(Err(error)) = written {
                tracing::warn!("could not write when tokens were used: {error}");
            }
            if stops {
                return;
            }
        }
    }

    /// Writes the file, if there is news, and replaces the one before as a whole.
    fn write(&self) -> io::Result<()> {
        if !self.has_news.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let bytes = serde_json::to_vec(&*self.by_token())?;
        let fresh = self.path.with_extension("new");
        fs::write(&fresh, bytes)?;
        fs::rename(&fresh, &self.path)
    }

    fn by_token(&self) -> MutexGuard<'_, BTreeMap<TokenId, Timestamp>> {
        self.by_token.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_minute_of_use_outlives_a_restart_and_a_broken_file_is_no_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.used");
        let token = TokenId::from_bytes([7; 16]);
        let uses = Uses::open(path.clone());
        assert_eq!(uses.last(token), None);
        uses.note(token, "2026-11-20T10:00:59Z".parse().unwrap());
        uses.write().unwrap();
        let minute = "2026-11-20T10:00:00Z".parse().unwrap();
        assert_eq!(Uses::open(path.clone()).last(token), Some(minute));
        fs::write(&path, "{").unwrap();
        assert_eq!(Uses::open(path).last(token), None);
    }
}
