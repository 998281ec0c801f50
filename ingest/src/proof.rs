//! How senders prove that a body is theirs. Every comparison takes the same time wherever it differs.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderName, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use model::{ContentHash, Timestamp};
use serde_json::value::RawValue;
use sha2::{Sha256, Sha512};
use thiserror::Error;

use crate::sender::Secret;

/// How far the clock of a sender may be off: five minutes, as Standard Webhooks advises.
const TOLERANCE_MS: f64 = 5.0 * 60.0 * 1_000.0;

/// A scheme by which a sender proves that a body is its own.
#[derive(Clone, Copy, Debug)]
pub enum Proof {
    /// The secret as bearer token, or as the password of Basic: for those that sign nothing.
    Token,
    /// The secret itself in this header.
    Header(&'static str),
    /// The secret itself in this field of a JSON body.
    Field(&'static str),
    /// HMAC of the body, in hex, in this header behind this prefix; several stand between commas.
    Hmac {
        /// Which header.
        header: &'static str,
        /// What stands before the hex.
        prefix: &'static str,
        /// Which hash function.
        hash: HashFunction,
    },
    /// The same, with or without the prefix.
    MaybePrefixedHmac {
        /// Which header.
        header: &'static str,
        /// What may stand before the hex.
        prefix: &'static str,
        /// Which hash function.
        hash: HashFunction,
    },
    /// Standard Webhooks 1.0, `v1`: HMAC-SHA256 of `id.timestamp.body`.
    StandardWebhooks,
    /// Whichever of them the request carries.
    AnyOf(&'static [Self]),
}

/// The hash function of an HMAC.
#[derive(Clone, Copy, Debug)]
pub enum HashFunction {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// Why a body was not proved. It never tells what would have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Unproven {
    #[error("the request carries no proof of its sender; expected the header {0}")]
    Missing(&'static str),
    #[error("the request carries no proof of its sender; expected the field {0}")]
    MissingField(&'static str),
    #[error("the proof in the header {0} does not fit the body")]
    Wrong(&'static str),
    #[error("the field {0} holds no secret that is known here")]
    WrongField(&'static str),
    #[error("the proof is of another time: {0} is more than five minutes away")]
    Untimely(&'static str),
}

/// What a request claims to prove.
pub(crate) struct Claimed<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) received_at: Timestamp,
}

impl Proof {
    /// A scheme as the configuration names it: `token`, `header:NAME`, `hmac-sha256:NAME`,
    /// `hmac-sha512:NAME`, `standard-webhooks`.
    ///
    /// The name of a header is kept for the life of the process: a configuration is read once.
    pub fn named(text: &str) -> Option<Self> {
        let (scheme, name) = text.split_once(':').unwrap_or((text, ""));
        let header = || -> Option<&'static str> {
            let name = HeaderName::try_from(name).ok()?;
            Some(String::leak(name.as_str().to_owned()))
        };
        let hmac = |hash| {
            let header = header()?;
            // Most write `sha256=` before the hex, and some nothing.
            let prefix = match hash {
                HashFunction::Sha256 => "sha256=",
                HashFunction::Sha512 => "sha512=",
            };
            Some(Self::MaybePrefixedHmac {
                header,
                prefix,
                hash,
            })
        };
        match scheme {
            "token" if name.is_empty() => Some(Self::Token),
            "standard-webhooks" if name.is_empty() => Some(Self::StandardWebhooks),
            "header" => header().map(Self::Header),
            "hmac-sha256" => hmac(HashFunction::Sha256),
            "hmac-sha512" => hmac(HashFunction::Sha512),
            _ => None,
        }
    }

    /// Whether the request is from somebody who knows one of the secrets. No secrets prove nothing, and ask for nothing.
    pub(crate) fn check(self, claimed: &Claimed<'_>, secrets: &[Secret]) -> Result<(), Unproven> {
        if secrets.is_empty() {
            return Ok(());
        }
        match self {
            Self::Token => token(claimed, secrets),
            Self::Header(name) => {
                let found = text(claimed, name).ok_or(Unproven::Missing(name))?;
                any(secrets, name, |secret| {
                    equal(secret.bytes(), found.as_bytes())
                })
            }
            Self::Field(name) => {
                let found = field(claimed.body, name).ok_or(Unproven::MissingField(name))?;
                let same = |secret: &Secret| equal(secret.bytes(), found.as_bytes());
                match secrets.iter().any(same) {
                    true => Ok(()),
                    false => Err(Unproven::WrongField(name)),
                }
            }
            Self::Hmac {
                header,
                prefix,
                hash,
            } => {
                let found = text(claimed, header).ok_or(Unproven::Missing(header))?;
                any(secrets, header, |secret| {
                    let signed = |given| fits_hex(hash, secret, claimed.body, given);
                    let mut given = found.split(',').map(str::trim);
                    given.any(|given| given.strip_prefix(prefix).is_some_and(signed))
                })
            }
            Self::MaybePrefixedHmac {
                header,
                prefix,
                hash,
            } => {
                let found = text(claimed, header).ok_or(Unproven::Missing(header))?;
                let found = found.strip_prefix(prefix).unwrap_or(found);
                any(secrets, header, |secret| {
                    fits_hex(hash, secret, claimed.body, found.trim())
                })
            }
            Self::StandardWebhooks => standard_webhooks(claimed, secrets),
            Self::AnyOf(proofs) => any_of(proofs, claimed, secrets),
        }
    }
}

/// The first scheme of which the request carries anything decides.
fn any_of(proofs: &[Proof], claimed: &Claimed<'_>, secrets: &[Secret]) -> Result<(), Unproven> {
    let mut missing = Unproven::Missing("authorization");
    for proof in proofs {
        match proof.check(claimed, secrets) {
            Err(absent @ (Unproven::Missing(_) | Unproven::MissingField(_))) => missing = absent,
            decided => return decided,
        }
    }
    Err(missing)
}

fn token(claimed: &Claimed<'_>, secrets: &[Secret]) -> Result<(), Unproven> {
    const NAME: &str = "authorization";
    let stated = text(claimed, header::AUTHORIZATION.as_str()).ok_or(Unproven::Missing(NAME))?;
    let (scheme, value) = stated.split_once(' ').unwrap_or(("", stated));
    let given = match scheme.to_ascii_lowercase().as_str() {
        "basic" => password(value).ok_or(Unproven::Wrong(NAME))?,
        _ => value.trim().as_bytes().to_vec(),
    };
    any(secrets, NAME, |secret| equal(secret.bytes(), &given))
}

fn password(basic: &str) -> Option<Vec<u8>> {
    let pair = STANDARD.decode(basic.trim()).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    pair.get(colon + 1..).map(<[u8]>::to_vec)
}

/// [Standard Webhooks 1.0](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
fn standard_webhooks(claimed: &Claimed<'_>, secrets: &[Secret]) -> Result<(), Unproven> {
    const SIGNATURE: &str = "webhook-signature";
    const TIMESTAMP: &str = "webhook-timestamp";
    let part = |name| text(claimed, name).ok_or(Unproven::Missing(name));
    let signature = part(SIGNATURE)?;
    let (id, stated) = (part("webhook-id")?, part(TIMESTAMP)?);
    let signed_at: i64 = stated.parse().map_err(|_| Unproven::Wrong(TIMESTAMP))?;
    let signed_at = Timestamp::from_unix_millis(signed_at.saturating_mul(1_000));
    if TOLERANCE_MS < claimed.received_at.millis_since(signed_at).abs() {
        return Err(Unproven::Untimely(TIMESTAMP));
    }
    let mut signed = format!("{id}.{stated}.").into_bytes();
    signed.extend_from_slice(claimed.body);
    any(secrets, SIGNATURE, |secret| {
        let key = standard_key(secret);
        let mut given = signature.split(' ').filter_map(|it| it.strip_prefix("v1,"));
        given.any(|given| {
            let given = STANDARD.decode(given).unwrap_or_default();
            fits(HashFunction::Sha256, &key, &signed, &given)
        })
    })
}

/// `whsec_` and base64, as the specification writes its secrets; any other is taken as it stands.
fn standard_key(secret: &Secret) -> Vec<u8> {
    let text = std::str::from_utf8(secret.bytes()).ok();
    let coded = text.and_then(|text| text.strip_prefix("whsec_"));
    coded
        .and_then(|coded| STANDARD.decode(coded).ok())
        .unwrap_or_else(|| secret.bytes().to_vec())
}

fn any(
    secrets: &[Secret],
    header: &'static str,
    proves: impl Fn(&Secret) -> bool,
) -> Result<(), Unproven> {
    match secrets.iter().any(proves) {
        true => Ok(()),
        false => Err(Unproven::Wrong(header)),
    }
}

fn text<'a>(claimed: &Claimed<'a>, name: &str) -> Option<&'a str> {
    claimed.headers.get(name)?.to_str().ok()
}

/// A text in an object, without unfolding what stands beside it.
fn field(body: &[u8], name: &str) -> Option<String> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    serde_json::from_str(fields.get(name)?.get()).ok()
}

fn fits_hex(hash: HashFunction, secret: &Secret, body: &[u8], hex: &str) -> bool {
    bytes_of(hex).is_some_and(|given| fits(hash, secret.bytes(), body, &given))
}

fn fits(hash: HashFunction, key: &[u8], message: &[u8], given: &[u8]) -> bool {
    match hash {
        HashFunction::Sha256 => verified(Hmac::<Sha256>::new_from_slice(key), message, given),
        HashFunction::Sha512 => verified(Hmac::<Sha512>::new_from_slice(key), message, given),
    }
}

fn verified<M: Mac, E: std::fmt::Debug>(keyed: Result<M, E>, message: &[u8], given: &[u8]) -> bool {
    let mut mac = keyed.expect("an HMAC takes a key of any length");
    mac.update(message);
    mac.verify_slice(given).is_ok()
}

/// Hashes of equal bytes are equal, and comparing them tells nothing of the bytes.
fn equal(one: &[u8], other: &[u8]) -> bool {
    ContentHash::of(one) == ContentHash::of(other)
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let is_hex = hex.len().is_multiple_of(2) && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    let pair = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    is_hex.then(|| (0..hex.len()).step_by(2).map(pair).collect())?
}

#[cfg(test)]
mod tests;
