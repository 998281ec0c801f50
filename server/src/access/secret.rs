//! Secrets of tokens: how they are made and recognised. Nothing here keeps one.

use std::fmt::Write as _;

use model::TokenHash;
use ring::digest::{SHA256, digest};
use ring::error::Unspecified;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// What every secret begins with, so that people and scanners recognise one.
pub(crate) const PREFIX: &str = "epicenter_";
/// Random bytes of a secret.
const BYTES: usize = 32;

/// A fresh secret: 256 random bits in hex behind the prefix.
pub(crate) fn mint() -> Result<String, Unspecified> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes)?;
    let mut secret = PREFIX.to_owned();
    for byte in bytes {
        write!(secret, "{byte:02x}").expect("a text takes what is written");
    }
    Ok(secret)
}

/// The hash by which a secret is found again. With 256 random bits in a secret there is nothing to guess, so a slow
/// hash would protect nothing more; and who looks a hash up compares no secret byte by byte.
pub(crate) fn hash_of(secret: &str) -> TokenHash {
    let hash = digest(&SHA256, secret.as_bytes());
    let bytes = hash.as_ref().try_into();
    TokenHash::from_bytes(bytes.expect("SHA-256 has 32 bytes"))
}

/// Names for what is hidden, by a key that nobody learns and that ends with the process.
#[derive(Clone)]
pub(crate) struct Veil(hmac::Key);

impl Veil {
    /// One with a fresh key.
    pub(crate) fn fresh() -> Result<Self, Unspecified> {
        hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).map(Self)
    }

    /// What stands for a name.
    pub(crate) fn of(&self, name: &str) -> [u8; 16] {
        let tag = hmac::sign(&self.0, name.as_bytes());
        let first = tag.as_ref().first_chunk();
        *first.expect("a tag has 32 bytes")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_secret_is_another_one_of_the_promised_form() {
        let secrets: BTreeSet<String> = (0..100).map(|_| mint().unwrap()).collect();
        assert_eq!(secrets.len(), 100);
        let has_form = |secret: &String| {
            let random = secret.strip_prefix(PREFIX).unwrap();
            random.len() == 64 && random.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        assert!(secrets.iter().all(has_form));
    }

    #[test]
    fn the_hash_is_sha_256_of_the_whole_secret() {
        assert_eq!(
            hash_of("abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
