//! Keys that sign tokens, and tokens of any form.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};

/// A key and the name it is published under.
pub(crate) struct Key {
    name: &'static str,
    pub(crate) pair: Pair,
}

pub(crate) enum Pair {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl Key {
    pub(crate) fn p256(name: &'static str) -> Self {
        let pair = ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING);
        let pair = Pair::P256(pair);
        Self { name, pair }
    }

    pub(crate) fn p384(name: &'static str) -> Self {
        let pair = Pair::P384(ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING));
        Self { name, pair }
    }

    pub(crate) fn ed(name: &'static str) -> Self {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Pair::Ed(Ed25519KeyPair::from_pkcs8(made.as_ref()).unwrap());
        Self { name, pair }
    }

    pub(crate) fn rsa(name: &'static str) -> Self {
        let pem = include_str!("../../testdata/oidc/rsa.pem");
        let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(lines).unwrap();
        let pair = Pair::Rsa(Box::new(RsaKeyPair::from_pkcs8(&der).unwrap()));
        Self { name, pair }
    }

    pub(crate) fn jwk(&self) -> Value {
        let halves = |curve: &str, public: &[u8]| {
            let (x, y) = public[1..].split_at(public.len() / 2);
            json!({ "kty": "EC", "crv": curve, "kid": self.name, "use": "sig", "x": url(x), "y": url(y) })
        };
        match &self.pair {
            Pair::P256(pair) => halves("P-256", pair.public_key().as_ref()),
            Pair::P384(pair) => halves("P-384", pair.public_key().as_ref()),
            Pair::Ed(pair) => {
                let x = url(pair.public_key().as_ref());
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.name, "x": x })
            }
            Pair::Rsa(pair) => {
                let public: ring::rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
                let (n, e) = (url(&public.n), url(&public.e));
                json!({ "kty": "RSA", "kid": self.name, "use": "sig", "n": n, "e": e })
            }
        }
    }

    pub(crate) const fn algorithm(&self) -> &'static str {
        match &self.pair {
            Pair::P256(_) => "ES256",
            Pair::P384(_) => "ES384",
            Pair::Ed(_) => "EdDSA",
            Pair::Rsa(_) => "RS256",
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::P256(pair) | Pair::P384(pair) => {
                pair.sign(&random, message).unwrap().as_ref().to_vec()
            }
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair) => rsa_signature(pair, &RSA_PKCS1_SHA256, message),
        }
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "typ": "JWT", "alg": self.algorithm(), "kid": self.name })
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_of(&self.header().to_string(), &claims.to_string())
    }

    /// The same with any texts.
    pub(crate) fn token_of(&self, header: &str, claims: &str) -> String {
        signed(header, claims, |message| self.sign(message))
    }
}

fn ecdsa(way: &'static ring::signature::EcdsaSigningAlgorithm) -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(way, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(way, made.as_ref(), &random).unwrap()
}

pub(crate) fn rsa_signature(
    pair: &RsaKeyPair,
    way: &'static dyn ring::signature::RsaEncoding,
    message: &[u8],
) -> Vec<u8> {
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(way, &SystemRandom::new(), message, &mut signature)
        .unwrap();
    signature
}

pub(crate) fn url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn signed(header: &str, claims: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", url(header.as_bytes()), url(claims.as_bytes()));
    let signature = sign(message.as_bytes());
    format!("{message}.{}", url(&signature))
}
