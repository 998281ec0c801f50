//! Tenants: estates that share the process and its addresses, and nothing else.
//!
//! A tenant is a file `NAME.toml` in `tenants_dir`. Whatever lets anybody in or brings facts is its own.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use toml::Table;

use super::layers::overlay;
use super::{ConfigError, LogUrl, Settings};

/// What only the server itself has: its addresses and what stands before them, and its own telemetry.
const SHARED: [&str; 8] = [
    "http",
    "listen",
    "log",
    "otlp_grpc",
    "otlp_http",
    "telemetry",
    "tenants_dir",
    "tls",
];
/// Most characters of a name.
const NAME_CHARS: usize = 63;

/// What a tenant is called: in paths, in a header, and on the disk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TenantName(String);

impl TenantName {
    /// It as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TenantName {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_name = text.bytes().all(|byte| is_plain(byte) || byte == b'-')
            && text.bytes().next().is_some_and(is_plain)
            && text.len() <= NAME_CHARS;
        match is_name {
            true => Ok(Self(text.to_owned())),
            false => Err(ConfigError::TenantName {
                name: text.to_owned(),
            }),
        }
    }
}

impl Settings {
    /// The settings of a tenant: what its file says, over what the server has for all.
    ///
    /// Senders, clusters, mappings, issuers and certificates of the server are not those of a tenant.
    pub fn of_tenant(
        &self,
        name: &TenantName,
        path: &Path,
        text: &str,
    ) -> Result<Self, ConfigError> {
        let given: Table = text.parse().map_err(|source| ConfigError::NotToml {
            path: path.to_owned(),
            source,
        })?;
        if let Some(key) = SHARED.iter().find(|key| given.contains_key(**key)) {
            return Err(ConfigError::Shared {
                path: path.to_owned(),
                key,
            });
        }
        let defaults = Self::defaults();
        let mut base = Self {
            data_dir: self.data_dir.join("tenants").join(name.as_str()),
            kubernetes: defaults.kubernetes,
            senders: defaults.senders,
            mappings_dir: defaults.mappings_dir,
            tenants_dir: PathBuf::new(),
            tenants: BTreeMap::new(),
            auth: defaults.auth,
            tls: defaults.tls,
            ..self.clone()
        };
        base.auth.required = true;
        if let LogUrl::Segments(folder) = &mut base.log {
            *folder = None;
        }
        let mut table = Table::try_from(base).expect("settings hold text keys and plain values");
        overlay(&mut table, given, "", &path.display().to_string())?;
        let settings: Self = table
            .try_into()
            .map_err(|source| ConfigError::Value { source })?;
        settings.check()?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(server: &Settings, text: &str) -> Result<Settings, String> {
        let name = "acme".parse().unwrap();
        let settings = server.of_tenant(&name, Path::new("acme.toml"), text);
        settings.map_err(|error| error.to_string())
    }

    #[test]
    fn names_are_fit_for_paths_and_files() {
        for name in ["a", "acme", "acme-2", "0"] {
            assert_eq!(name.parse::<TenantName>().unwrap().as_str(), name);
        }
        let long = "a".repeat(64);
        for name in ["", ".", "..", "a/b", "Acme", "-a", "a b", "ä", &long] {
            name.parse::<TenantName>().unwrap_err();
        }
    }

    #[test]
    fn nothing_that_lets_in_or_brings_facts_is_inherited() {
        let text = "
            log = 'segments:elsewhere'
            mappings_dir = 'maps'
            [quotas]
            requests_per_minute = 7
            [[kubernetes]]
            cluster = 'one'
            [[senders]]
            form = 'github'
            [[auth.issuers]]
            issuer = 'https://issuer.example'
            audience = 'epicenter'
            [auth.issuers.scopes]
            ops = ['admin']
        ";
        let layers = super::super::Layers {
            file: Some((PathBuf::from("epicenter.toml"), text.to_owned())),
            ..Default::default()
        };
        let server = layers.settings().unwrap();
        let settings = tenant(&server, "[index]\ncache_bytes = 1048576").unwrap();
        let defaults = Settings::defaults();
        assert_eq!(settings.data_dir, server.data_dir.join("tenants/acme"));
        assert_eq!(settings.log, LogUrl::Segments(None));
        assert!(settings.auth.required && settings.auth.issuers.is_empty());
        assert_eq!(settings.senders, defaults.senders);
        assert_eq!(settings.kubernetes, defaults.kubernetes);
        assert_eq!(settings.mappings_dir, defaults.mappings_dir);
        assert_eq!(settings.quotas, server.quotas);
        assert_eq!(settings.index.cache_bytes, 1_048_576);
    }

    #[test]
    fn what_is_for_all_cannot_be_set_by_one() {
        let server = Settings::defaults();
        assert_eq!(
            tenant(&server, "listen = '0.0.0.0:1'").unwrap_err(),
            "acme.toml: `listen` is the same for all tenants and is set for the server"
        );
        let unknown = tenant(&server, "[auth]\nrequire = true").unwrap_err();
        assert!(
            unknown.contains("did you mean `auth.required`"),
            "{unknown}"
        );
        for key in SHARED {
            assert!(Table::try_from(&server).unwrap().contains_key(key), "{key}");
        }
    }
}
