//! Where notices of subscriptions may go, and what keeps their keys: `[deliveries]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::deliveries::{AddressPolicy, Network};

/// Where notices of subscriptions may go, and what keeps their keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliverySettings {
    /// Whether notices may go to this machine itself.
    pub loopback: LoopbackDeliveries,
    /// Networks that notices may go to although they are not public, such as `10.1.0.0/16`.
    pub networks: Vec<String>,
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
            key_file: PathBuf::new(),
        }
    }

    /// Refuses what means nothing.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
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

    fn read_networks(&self) -> Result<Vec<Network>, ConfigError> {
        let networks = self.networks.iter();
        let read = networks.map(|text| {
            text.parse()
                .map_err(|_| ConfigError::Network { text: text.clone() })
        });
        read.collect()
    }
}
