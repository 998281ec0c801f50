//! Who has to say who they are, and whose word is taken for it: `[auth]`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use model::{Scope, Sight};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Who has to say who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthSettings {
    /// Whether a token is needed although the server listens to this machine only. Elsewhere one always is.
    pub required: bool,
    /// How far clocks may differ where times of tokens of an issuer are looked at.
    pub clock_skew_s: u64,
    /// How long keys of an issuer are not fetched again, whatever tokens name.
    pub keys_pause_ms: u64,
    /// Whose tokens are taken besides our own.
    pub issuers: Vec<IssuerSettings>,
}

/// An issuer of JSON Web Tokens, such as a provider of `OpenID` Connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    /// What `iss` has to be.
    pub issuer: String,
    /// What `aud` has to be, or to hold.
    pub audience: String,
    /// Where its keys are; where its `/.well-known/openid-configuration` says when empty.
    #[serde(default)]
    pub jwks_url: String,
    /// The authorities of that address, in PEM; those of the system when empty.
    #[serde(default)]
    pub ca: PathBuf,
    /// How tokens may be signed.
    #[serde(default = "usual")]
    pub algorithms: Vec<Signing>,
    /// The claim that tells what somebody may do; one within others is written with dots between.
    #[serde(default = "groups")]
    pub claim: String,
    /// What each value of it stands for.
    pub scopes: BTreeMap<String, Vec<Scope>>,
    /// The part of the estate that whoever has a value may see, whatever other values they have; all of it
    /// where no value of theirs is here.
    #[serde(default)]
    pub sights: BTreeMap<String, Sight>,
}

/// How a token may be signed: by a key that only its issuer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of RFC 7518")]
pub enum Signing {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

/// What nearly every issuer signs with.
fn usual() -> Vec<Signing> {
    vec![Signing::RS256, Signing::ES256]
}

fn groups() -> String {
    "groups".to_owned()
}

/// Clocks do not differ by more.
const SKEW_MOST_S: u64 = 300;

impl AuthSettings {
    /// The defaults.
    pub(super) const fn defaults() -> Self {
        Self {
            required: false,
            clock_skew_s: 60,
            keys_pause_ms: 10_000,
            issuers: Vec::new(),
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if SKEW_MOST_S < self.clock_skew_s {
            return Err(ConfigError::TooLong {
                key: "auth.clock_skew_s",
                most: SKEW_MOST_S,
            });
        }
        if self.keys_pause_ms == 0 {
            let key = "auth.keys_pause_ms";
            return Err(ConfigError::Zero { key });
        }
        let mut known = BTreeSet::new();
        for issuer in &self.issuers {
            let fault = match known.insert(issuer.issuer.as_str()) {
                true => issuer.fault(),
                false => Some("it is there twice"),
            };
            if let Some(reason) = fault {
                return Err(ConfigError::Issuer {
                    issuer: issuer.issuer.clone(),
                    reason,
                });
            }
        }
        Ok(())
    }
}

impl IssuerSettings {
    fn only_reads(&self, value: &str) -> bool {
        let scopes = self.scopes.get(value);
        scopes.is_some_and(|scopes| scopes == &[Scope::Read])
    }

    fn fault(&self) -> Option<&'static str> {
        let mut scopes = self.scopes.values();
        match () {
            () if !is_safe(&self.issuer) => {
                Some("`issuer` is an address of https; http is for loopback")
            }
            () if self.audience.is_empty() => Some("it needs an `audience`"),
            () if !self.jwks_url.is_empty() && !is_safe(&self.jwks_url) => {
                Some("`jwks_url` is an address of https; http is for loopback")
            }
            () if self.algorithms.is_empty() => Some("it needs `algorithms`"),
            () if self.claim.is_empty() => Some("it needs a `claim`"),
            () if self.scopes.is_empty() || scopes.any(Vec::is_empty) => {
                Some("it needs `scopes`, one at least for each value of the claim")
            }
            () if !self.sights.keys().all(|value| self.only_reads(value)) => {
                Some("a value in `sights` is one whose `scopes` are [\"read\"]")
            }
            () if self.sights.values().any(|sight| sight.fault().is_some()) => {
                Some("each of `sights` has one entry at least, and 100 in a list at most")
            }
            () => None,
        }
    }
}

/// Whether keys may come from an address: nobody on the way can put others in their place.
pub(crate) fn is_safe(address: &str) -> bool {
    let Ok(url) = address.parse::<Url>() else {
        return false;
    };
    let is_loopback = match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let address = host.parse::<std::net::IpAddr>();
            address.is_ok_and(|address| address.is_loopback())
        }
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let table: toml::Table = text.parse().unwrap();
        let issuer: IssuerSettings = table.try_into().unwrap();
        let settings = AuthSettings {
            issuers: vec![issuer],
            ..AuthSettings::defaults()
        };
        let checked = settings.check();
        checked.map_or_else(|error| error.to_string(), |()| "taken".to_owned())
    }

    #[test]
    fn an_issuer_says_whom_it_means_and_how_its_keys_come_here_safely() {
        let with = |issuer: &str, audience: &str, rest: &str| {
            refused(&format!(
                "issuer = '{issuer}'\naudience = '{audience}'\n{rest}"
            ))
        };
        let scopes = "scopes = { sre = ['operate'] }";
        assert_eq!(
            with("https://login.shop/realm", "epicenter", scopes),
            "taken"
        );
        assert_eq!(with("http://127.0.0.1:1", "epicenter", scopes), "taken");
        assert_eq!(with("http://[::1]:1", "epicenter", scopes), "taken");
        for unsafe_one in [
            "http://login.shop",
            "login.shop",
            "",
            "file:///a",
            "http://127.0.0.1.shop",
        ] {
            assert!(
                with(unsafe_one, "epicenter", scopes).contains("https"),
                "{unsafe_one}"
            );
        }
        assert!(with("https://a", "", scopes).contains("audience"));
        assert!(with("https://a", "b", "scopes = {}").contains("scopes"));
        assert!(with("https://a", "b", "scopes = { sre = [] }").contains("scopes"));
        let far = format!("{scopes}\njwks_url = 'http://keys.shop'");
        assert!(with("https://a", "b", &far).contains("jwks_url"));
    }

    #[test]
    fn secrets_that_two_know_are_no_way_to_sign() {
        let hmac = "issuer = 'https://a'\naudience = 'b'\nscopes = { a = ['read'] }\nalgorithms = ['HS256']";
        let table: toml::Table = hmac.parse().unwrap();
        assert!(table.try_into::<IssuerSettings>().is_err());
    }
}
