//! Where notices of subscriptions may go, and what keeps their keys: `[deliveries]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use model::Lookback;
use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::data_dir::seal_key_file;
pub use crate::deliveries::VerifiedEndpoints;
use crate::deliveries::{AddressPolicy, DeliveryLimits, DeskFolder, Network, Schedule};

/// Where notices of subscriptions may go, and what keeps their keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliverySettings {
    /// Whether notices may go to this machine itself.
    pub loopback: LoopbackDeliveries,
    /// Networks that notices may go to although they are not public, such as `10.1.0.0/16`.
    pub networks: Vec<String>,
    /// Most attempts at once; a quarter of them is for endpoints that fail or answer slowly.
    pub attempts_at_once: usize,
    /// How long an endpoint may take to answer.
    pub timeout_ms: u64,
    /// The waits between attempts, each a fifth shorter or longer by chance; after the last a notice is given up.
    pub retry_after: Vec<String>,
    /// How long an endpoint takes nothing before its subscription is disabled.
    pub disable_after_ms: u64,
    /// Most notices sent to one endpoint in a second.
    pub per_second_max: u32,
    /// Most notices that wait for one endpoint in memory; beyond, the log is read later.
    pub waiting_max: usize,
    /// Most bytes of what was tried that are kept for one subscription.
    pub journal_bytes: u64,
    /// Which endpoints must answer a challenge before they are sent anything.
    pub verify: VerifiedEndpoints,
    /// Hosts that need not answer one, such as a chat server of one's own.
    pub trusted_hosts: Vec<String>,
    /// How long keys that were renewed sign on.
    pub key_overlap_ms: u64,
    /// The file with the 32 bytes that open sealed keys and addresses; one in the data folder when empty.
    pub key_file: PathBuf,
}

/// Whether notices may go to the machine itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoopbackDeliveries {
    /// As long as the server listens on loopback only.
    Auto,
    /// They may.
    Always,
    /// They may not.
    Never,
}

impl DeliverySettings {
    /// The defaults.
    pub(super) fn defaults() -> Self {
        Self {
            loopback: LoopbackDeliveries::Auto,
            networks: Vec::new(),
            attempts_at_once: 256,
            timeout_ms: 15_000,
            retry_after: [
                "PT5S", "PT5M", "PT30M", "PT2H", "PT5H", "PT10H", "PT14H", "PT20H", "PT24H",
            ]
            .map(str::to_owned)
            .to_vec(),
            disable_after_ms: 5 * 24 * 60 * 60 * 1_000,
            per_second_max: 1_000,
            waiting_max: 1_000,
            journal_bytes: 256 * 1024,
            verify: VerifiedEndpoints::Asked,
            trusted_hosts: Vec::new(),
            key_overlap_ms: 24 * 60 * 60 * 1_000,
            key_file: PathBuf::new(),
        }
    }

    /// Refuses what means nothing.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (key, value) in [
            ("deliveries.attempts_at_once", self.attempts_at_once),
            ("deliveries.waiting_max", self.waiting_max),
            (
                "deliveries.timeout_ms",
                usize::try_from(self.timeout_ms).unwrap_or(1),
            ),
            (
                "deliveries.per_second_max",
                usize::try_from(self.per_second_max).unwrap_or(1),
            ),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero { key });
            }
        }
        self.schedule()?;
        self.read_networks().map(drop)
    }

    /// Where notices of a server that listens on loopback only, or not, may go.
    pub(crate) fn policy(&self, loopback_only: bool) -> Result<AddressPolicy, ConfigError> {
        Ok(AddressPolicy {
            loopback: match self.loopback {
                LoopbackDeliveries::Auto => loopback_only,
                LoopbackDeliveries::Always => true,
                LoopbackDeliveries::Never => false,
            },
            networks: self.read_networks()?,
        })
    }

    /// The file with the key that opens what is sealed in a data folder.
    pub(crate) fn key_file_of(&self, data_dir: &Path) -> PathBuf {
        match self.key_file.as_os_str().is_empty() {
            true => seal_key_file(data_dir),
            false => self.key_file.clone(),
        }
    }

    /// How long keys that were renewed sign on.
    pub(crate) fn overlap_ms(&self) -> i64 {
        i64::try_from(self.key_overlap_ms).unwrap_or(i64::MAX)
    }

    /// How deliveries are done, with queues and journals in a folder.
    pub(crate) fn limits(&self, folder: PathBuf) -> Result<DeliveryLimits, ConfigError> {
        #[expect(clippy::cast_precision_loss, reason = "a length of time, not an id")]
        let disable_after_ms = self.disable_after_ms as f64;
        Ok(DeliveryLimits {
            attempts_at_once: self.attempts_at_once,
            timeout: Duration::from_millis(self.timeout_ms),
            schedule: self.schedule()?,
            disable_after_ms,
            per_second_max: self.per_second_max,
            verification: self.verify,
            trusted_hosts: self.trusted_hosts.clone(),
            desks: DeskFolder {
                path: folder,
                waiting_max: self.waiting_max,
                journal_bytes: self.journal_bytes,
            },
        })
    }

    fn schedule(&self) -> Result<Schedule, ConfigError> {
        let waits = self.retry_after.iter();
        let waits = waits.map(|text| {
            let wait = text.parse::<Lookback>();
            let wait = wait.map_err(|_| ConfigError::Wait { text: text.clone() })?;
            Ok(Duration::from_nanos(
                u64::try_from(wait.nanos()).unwrap_or(0),
            ))
        });
        Ok(Schedule::of(waits.collect::<Result<_, ConfigError>>()?))
    }

    fn read_networks(&self) -> Result<Vec<Network>, ConfigError> {
        let networks = self.networks.iter();
        let read = networks.map(|text| {
            text.parse()
                .map_err(|_| ConfigError::Network { text: text.clone() })
        });
        read.collect()
    }
}
