//! How long it is kept who asked what: `[audit]`.

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// How long it is kept who asked what, where people say who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditSettings {
    /// Most bytes of all books; the oldest book goes first.
    pub bytes: u64,
    /// How old a book becomes.
    pub age_ms: u64,
    /// A book has this size or less when the next one is begun.
    pub book_bytes: u64,
    /// How often what was asked is written to the disk.
    pub every_ms: u64,
}

/// A book is never smaller: its files are made with room.
const BOOK_LEAST: u64 = 1024 * 1024;

impl AuditSettings {
    /// The defaults.
    pub(super) const fn defaults() -> Self {
        Self {
            bytes: 1024 * 1024 * 1024,
            age_ms: 90 * 24 * 60 * 60 * 1_000,
            book_bytes: 64 * 1024 * 1024,
            every_ms: 1_000,
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (key, value, least) in [
            ("audit.book_bytes", self.book_bytes, BOOK_LEAST),
            ("audit.bytes", self.bytes, self.book_bytes.saturating_mul(2)),
            ("audit.age_ms", self.age_ms, 60_000),
            ("audit.every_ms", self.every_ms, 1),
        ] {
            if value < least {
                return Err(ConfigError::TooShort { key, least });
            }
        }
        Ok(())
    }
}
