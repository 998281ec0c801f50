//! Verifies signatures of tokens with the cryptography that the rest of the program has.
//!
//! It signs nothing, and knows no algorithm whose key two have to share.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{Error as SignatureError, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};

const PROVIDER: &CryptoProvider = &CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Has tokens verified here. Without it the library that reads them knows no cryptography.
pub(super) fn provide() {
    // Whoever came first gave the same.
    let _given_before = PROVIDER.install_default();
}

fn signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(ErrorKind::UnsupportedAlgorithm.into())
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    if algorithm.family() != key.family() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    let way = match algorithm {
        Algorithm::RS256 => Way::Rsa(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Way::Rsa(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Way::Rsa(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Way::Rsa(&RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Way::Rsa(&RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Way::Rsa(&RSA_PSS_2048_8192_SHA512),
        Algorithm::ES256 => Way::Plain(&ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => Way::Plain(&ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => Way::Plain(&ED25519),
        // A secret that two share, or what is not known yet.
        _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
    };
    Ok(Box::new(Verifying {
        algorithm: *algorithm,
        way,
        key: key.kind().clone(),
    }))
}

/// How ring is asked.
enum Way {
    Rsa(&'static RsaParameters),
    Plain(&'static dyn VerificationAlgorithm),
}

struct Verifying {
    algorithm: Algorithm,
    way: Way,
    key: DecodingKeyKind,
}

impl Verifier<Vec<u8>> for Verifying {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        let verified = match (&self.way, &self.key) {
            (Way::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            (Way::Plain(algorithm), DecodingKeyKind::SecretOrDer(key)) => {
                UnparsedPublicKey::new(*algorithm, key).verify(message, signature)
            }
            (Way::Rsa(_), _) | (Way::Plain(_), _) => return Err(SignatureError::new()),
        };
        verified.map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for Verifying {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
