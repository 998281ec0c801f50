//! What is kept of measurements.

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Measurements of calls, outside the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollupSettings {
    /// How long measurements of single minutes are kept.
    pub minutes_kept_ms: u64,
    /// How long measurements of single hours are kept.
    pub hours_kept_ms: u64,
    /// How long measurements of single days are kept.
    pub days_kept_ms: u64,
    /// Most bytes of all of them; beyond, the oldest of the finest go first.
    pub bytes_max: u64,
    /// Most relations and items that are measured in one minute.
    pub series_max: usize,
    /// Most bytes of measurements that wait for the disk.
    pub waiting_bytes_max: usize,
}

const HOUR_MS: u64 = 60 * 60 * 1_000;

impl RollupSettings {
    pub(super) fn defaults() -> Self {
        Self {
            minutes_kept_ms: 6 * HOUR_MS,
            hours_kept_ms: 14 * 24 * HOUR_MS,
            days_kept_ms: 400 * 24 * HOUR_MS,
            bytes_max: 16 * 1024 * 1024 * 1024,
            series_max: 250_000,
            waiting_bytes_max: 256 * 1024 * 1024,
        }
    }

    /// Coarse measurements are made of finer ones, so they must be kept at least as long.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (key, kept, finer) in [
            ("rollups.minutes_kept_ms", self.minutes_kept_ms, 1),
            (
                "rollups.hours_kept_ms",
                self.hours_kept_ms,
                self.minutes_kept_ms,
            ),
            (
                "rollups.days_kept_ms",
                self.days_kept_ms,
                self.hours_kept_ms,
            ),
        ] {
            if kept < finer {
                return Err(ConfigError::TooShort { key, least: finer });
            }
        }
        Ok(())
    }
}
