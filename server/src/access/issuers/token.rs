//! What a token says, before and after its signature was looked at.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use model::{Clock, Scopes, Sight, Timestamp, Vouched};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::clock::SystemClock;
use crate::config::{IssuerSettings, Signing};

/// No token is longer.
const TOKEN_BYTES: usize = 16 * 1024;
/// No subject is longer.
const SUBJECT_BYTES: usize = 255;
/// What a token may say that it is; other kinds are made for something else, such as a logout.
const TYPES: [&str; 3] = ["JWT", "at+jwt", "application/at+jwt"];
const SECOND_NANOS: i64 = 1_000_000_000;

/// What has to be known of a token before its signature can be looked at. Nothing of it is believed.
pub(super) struct Unread {
    pub(super) header: Header,
    /// Who says that they made it.
    pub(super) issuer: String,
}

/// The claims of a token whose signature is good, each once.
#[derive(Debug)]
pub(super) struct Claims(BTreeMap<String, Value>);

impl Unread {
    /// Of a text, if it can be a token at all.
    pub(super) fn of(token: &str) -> Option<Self> {
        if TOKEN_BYTES < token.len() {
            return None;
        }
        let mut parts = token.split('.');
        let (head, body, _) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        // What says one thing twice says nothing for sure.
        let said: Claims = part(head)?;
        let header = decode_header(token).ok()?;
        let kind = header.typ.as_deref();
        let is_known = kind.is_none_or(|kind| TYPES.iter().any(|it| it.eq_ignore_ascii_case(kind)));
        // What must be understood is not: there is nothing of the sort here.
        let is_plain = !said.0.contains_key("crit") && !said.0.contains_key("enc");
        if !is_known || !is_plain {
            return None;
        }
        let claims: Claims = part(body)?;
        let issuer = claims.text("iss")?.to_owned();
        Some(Self { header, issuer })
    }
}

impl Claims {
    /// Of a token, if its signature, its times, its issuer and its audience are good.
    pub(super) fn of(
        token: &str,
        key: &DecodingKey,
        issuer: &IssuerSettings,
        skew_s: u64,
    ) -> Option<Self> {
        let algorithms = issuer.algorithms.iter().map(|signing| algorithm(*signing));
        // The library wants those of other families left out.
        let algorithms = algorithms.filter(|algorithm| algorithm.family() == key.family());
        let mut validation = Validation {
            algorithms: algorithms.collect(),
            leeway: skew_s,
            validate_nbf: true,
            ..Validation::default()
        };
        validation.set_audience(&[&issuer.audience]);
        validation.set_issuer(&[&issuer.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let read = decode::<Self>(token, key, &validation).ok()?;
        Some(read.claims)
    }

    /// Who that is, and what they may do. Somebody who may do nothing is known all the same.
    pub(super) fn vouched(&self, issuer: &IssuerSettings, skew_s: u64) -> Option<Vouched> {
        let skew = i64::try_from(skew_s).ok()?;
        let subject = self.text("sub")?;
        let is_issuer = self.text("iss")? == issuer.issuer;
        let is_name = !subject.is_empty() && subject.len() <= SUBJECT_BYTES;
        let now = SystemClock.now().unix_nanos().div_euclid(SECOND_NANOS);
        let is_made = match self.0.get("iat") {
            None => true,
            Some(at) => at.as_f64().is_some_and(|at| at <= seconds(now + skew)),
        };
        if !is_issuer || !is_name || !is_made {
            return None;
        }
        let ends = self.0.get("exp")?.as_f64()?;
        let ends = ends.clamp(0.0, seconds(i64::MAX / SECOND_NANOS - skew));
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is clamped to what fits"
        )]
        let ends = ends as i64 + skew;
        let values = self.values(&issuer.claim);
        let scopes = values.iter().filter_map(|value| issuer.scopes.get(*value));
        let sights = values.iter().filter_map(|value| issuer.sights.get(*value));
        let sights: Vec<Sight> = sights.cloned().collect();
        Some(Vouched {
            name: format!("{}#{subject}", issuer.issuer),
            scopes: Scopes::from(scopes.flatten().copied().collect::<Vec<_>>()),
            sights: (!sights.is_empty()).then(|| Arc::from(sights)),
            until: Some(Timestamp::from_unix_nanos(
                ends.saturating_mul(SECOND_NANOS),
            )),
        })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// The texts of a claim: a list of them, or one with spaces between.
    fn values(&self, claim: &str) -> Vec<&str> {
        let found = self.0.get(claim).or_else(|| {
            let (first, rest) = claim.split_once('.')?;
            self.0
                .get(first)?
                .pointer(&format!("/{}", rest.replace('.', "/")))
        });
        match found {
            Some(Value::String(text)) => text.split(' ').filter(|part| !part.is_empty()).collect(),
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds of this age are exact")]
const fn seconds(whole: i64) -> f64 {
    whole as f64
}

/// One part of a token.
fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    serde_json::from_slice(&bytes).ok()
}

const fn algorithm(signing: Signing) -> Algorithm {
    match signing {
        Signing::RS256 => Algorithm::RS256,
        Signing::RS384 => Algorithm::RS384,
        Signing::RS512 => Algorithm::RS512,
        Signing::PS256 => Algorithm::PS256,
        Signing::PS384 => Algorithm::PS384,
        Signing::PS512 => Algorithm::PS512,
        Signing::ES256 => Algorithm::ES256,
        Signing::ES384 => Algorithm::ES384,
        Signing::EdDSA => Algorithm::EdDSA,
    }
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Claims;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object that says everything once")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claims, A::Error> {
                let mut claims = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if claims.insert(name, value).is_some() {
                        return Err(A::Error::custom("something is said twice"));
                    }
                }
                Ok(Claims(claims))
            }
        }
        deserializer.deserialize_map(Each)
    }
}
