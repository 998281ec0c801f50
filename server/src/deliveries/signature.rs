//! Signs as the Standard Webhooks specification says: `v1` by HMAC-SHA256 and `v1a` by Ed25519, each key for itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::error::{KeyRejected, Unspecified};
use ring::rand::SecureRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use ring::{hmac, rand};
use serde::{Deserialize, Serialize};

/// Bytes of a key that signs with `v1`.
const SECRET_BYTES: usize = 32;
/// Bytes of which a key of Ed25519 is made.
const SEED_BYTES: usize = 32;

/// The two keys that sign, in base64.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keys {
    secret: String,
    seed: String,
}

/// Keys as they are used.
pub(crate) struct Signer {
    secret: hmac::Key,
    pair: Ed25519KeyPair,
}

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// They are not base64.
    #[error("a key is not base64")]
    Base64(#[from] base64::DecodeError),
    /// They are of another form.
    #[error("a key is not of its form: {0}")]
    Rejected(KeyRejected),
}

impl Keys {
    /// Keys that nobody had before.
    pub(crate) fn fresh(random: &rand::SystemRandom) -> Result<Self, Unspecified> {
        let (mut secret, mut seed) = ([0; SECRET_BYTES], [0; SEED_BYTES]);
        random.fill(&mut secret)?;
        random.fill(&mut seed)?;
        Ok(Self {
            secret: STANDARD.encode(secret),
            seed: STANDARD.encode(seed),
        })
    }

    /// The key of `v1`, as receivers take it.
    pub(crate) fn shown_secret(&self) -> String {
        format!("whsec_{}", self.secret)
    }

    /// The public half of the key of `v1a`, as receivers take it.
    pub(crate) fn public_key(&self) -> Result<String, KeyError> {
        let signer = self.signer()?;
        let public = STANDARD.encode(signer.pair.public_key());
        Ok(format!("whpk_{public}"))
    }

    /// Ready to sign.
    pub(crate) fn signer(&self) -> Result<Signer, KeyError> {
        let secret = STANDARD.decode(&self.secret)?;
        let seed = STANDARD.decode(&self.seed)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(KeyError::Rejected)?;
        Ok(Signer {
            secret: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            pair,
        })
    }
}

impl Signer {
    /// The signatures of a message sent at a second.
    pub(crate) fn sign(&self, id: &str, second: i64, body: &[u8]) -> String {
        let mut signed = format!("{id}.{second}.").into_bytes();
        signed.extend_from_slice(body);
        let tag = STANDARD.encode(hmac::sign(&self.secret, &signed));
        let signature = STANDARD.encode(self.pair.sign(&signed));
        format!("v1,{tag} v1a,{signature}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the specification's own libraries test with.
    #[test]
    fn it_signs_as_the_specification_does() {
        let keys = Keys {
            secret: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
            seed: STANDARD.encode([7; SEED_BYTES]),
        };
        let body = br#"{"test": 2432232314}"#;
        let signed =
            keys.signer()
                .unwrap()
                .sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        let (v1, v1a) = signed.split_once(' ').unwrap();
        assert_eq!(v1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let signature = STANDARD.decode(v1a.strip_prefix("v1a,").unwrap()).unwrap();
        let public = keys.public_key().unwrap();
        let public = STANDARD.decode(public.strip_prefix("whpk_").unwrap());
        let public =
            ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, public.unwrap());
        let mut said = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.".to_vec();
        said.extend_from_slice(body);
        public.verify(&said, &signature).unwrap();
    }

    #[test]
    fn fresh_keys_differ_and_have_their_form() {
        let random = rand::SystemRandom::new();
        let (one, other) = (Keys::fresh(&random).unwrap(), Keys::fresh(&random).unwrap());
        assert!(one != other);
        let secret = one.shown_secret();
        let bytes = STANDARD.decode(secret.strip_prefix("whsec_").unwrap());
        assert_eq!(bytes.unwrap().len(), SECRET_BYTES);
    }
}
