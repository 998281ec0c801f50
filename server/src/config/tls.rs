//! TLS on the addresses, and who is known by a certificate: `[tls]`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use model::Scope;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// TLS on every address that the server listens on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// The server's certificate, then those up to its authority, in PEM; without it there is no TLS.
    pub certificate: PathBuf,
    /// Its key, in PEM.
    pub key: PathBuf,
    /// The authorities of certificates that clients show, in PEM; without it clients are asked for none.
    pub client_ca: PathBuf,
    /// Whether a client without a certificate is heard at all.
    pub client_certificates: ClientCertificates,
    /// How long a client may take until both sides are agreed.
    pub handshake_timeout_ms: u64,
    /// How often the files are looked at.
    pub reload_every_ms: u64,
    /// Who is known by a certificate.
    pub clients: Vec<TlsClientSettings>,
}

/// What is asked of clients where there is a `client_ca`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientCertificates {
    /// One that is shown is checked; who shows none may have a token.
    Optional,
    /// Who shows none is not heard.
    Required,
}

/// Somebody who is known by a certificate, by exactly one of `dns`, `uri` and `sha256`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsClientSettings {
    /// What they are called.
    pub name: String,
    /// A host name that the certificate is for.
    #[serde(default)]
    pub dns: String,
    /// A URI that the certificate is for, such as `spiffe://shop/collector`.
    #[serde(default)]
    pub uri: String,
    /// The SHA-256 of the certificate, in hex.
    #[serde(default)]
    pub sha256: String,
    /// What they may do.
    pub scopes: Vec<Scope>,
}

impl TlsSettings {
    /// The defaults: no TLS.
    pub(super) const fn defaults() -> Self {
        Self {
            certificate: PathBuf::new(),
            key: PathBuf::new(),
            client_ca: PathBuf::new(),
            client_certificates: ClientCertificates::Required,
            handshake_timeout_ms: 10_000,
            reload_every_ms: 10_000,
            clients: Vec::new(),
        }
    }

    /// Whether there is TLS.
    pub(crate) fn is_on(&self) -> bool {
        !self.certificate.as_os_str().is_empty()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let is_given = |path: &PathBuf| !path.as_os_str().is_empty();
        let refused = |reason| Err(ConfigError::Tls { reason });
        if self.is_on() != is_given(&self.key) {
            return refused("`tls.certificate` and `tls.key` go together");
        }
        if is_given(&self.client_ca) && !self.is_on() {
            return refused("`tls.client_ca` needs a `tls.certificate`");
        }
        if !self.clients.is_empty() && !is_given(&self.client_ca) {
            return refused("`[[tls.clients]]` need a `tls.client_ca`");
        }
        for (key, value) in [
            ("tls.handshake_timeout_ms", self.handshake_timeout_ms),
            ("tls.reload_every_ms", self.reload_every_ms),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero { key });
            }
        }
        let mut names = BTreeSet::new();
        for client in &self.clients {
            let fault = match names.insert(client.name.as_str()) {
                true => client.fault(),
                false => Some("two are called so"),
            };
            if let Some(reason) = fault {
                let name = client.name.clone();
                return Err(ConfigError::TlsClient { name, reason });
            }
        }
        Ok(())
    }
}

impl TlsClientSettings {
    fn fault(&self) -> Option<&'static str> {
        let ways = [&self.dns, &self.uri, &self.sha256];
        let given = ways.into_iter().filter(|way| !way.is_empty());
        let is_hex = self.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        match () {
            () if self.name.trim().is_empty() => Some("it needs a `name`"),
            () if given.count() != 1 => Some("it needs one of `dns`, `uri` and `sha256`"),
            () if !self.sha256.is_empty() && (self.sha256.len() != 64 || !is_hex) => {
                Some("`sha256` has 64 hex digits")
            }
            () if self.scopes.is_empty() => Some("it needs `scopes`"),
            () => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let mut table = toml::Table::try_from(TlsSettings::defaults()).unwrap();
        table.extend(text.parse::<toml::Table>().unwrap());
        let settings: TlsSettings = table.try_into().unwrap();
        settings
            .check()
            .map_or_else(|error| error.to_string(), |()| "taken".to_owned())
    }

    #[test]
    fn what_does_not_go_together_is_refused_by_name() {
        let both = "certificate = 'a'\nkey = 'b'\n";
        let authority = format!("{both}client_ca = 'c'\n");
        let client = |rest: &str| format!("{authority}[[clients]]\nname = 'x'\n{rest}");
        assert_eq!(refused(""), "taken");
        assert_eq!(refused(both), "taken");
        assert!(refused("key = 'b'").contains("go together"));
        assert!(refused("client_ca = 'c'").contains("needs a `tls.certificate`"));
        assert!(refused(&format!("{both}reload_every_ms = 0")).contains("at least 1"));
        let known = "dns = 'a.b'\nscopes = ['ingest']\n";
        assert_eq!(refused(&client(known)), "taken");
        assert!(refused(&client(&format!("{known}uri = 'x:y'"))).contains("one of `dns`"));
        assert!(refused(&client("scopes = ['ingest']")).contains("one of `dns`"));
        assert!(refused(&client("sha256 = 'abc'\nscopes = []")).contains("64 hex digits"));
        assert!(refused(&client("dns = 'a'\nscopes = []")).contains("needs `scopes`"));
        let twice = format!("{}[[clients]]\nname = 'x'\n{known}", client(known));
        assert!(refused(&twice).contains("two are called so"));
        let nobody = format!("{both}[[clients]]\nname = 'x'\n{known}");
        assert!(refused(&nobody).contains("need a `tls.client_ca`"));
    }
}
