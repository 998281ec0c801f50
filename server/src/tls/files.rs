//! The files of PEM that TLS is made of.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};

use super::TlsError;
use crate::config::{ClientCertificates, TlsSettings};

/// What the files hold.
#[derive(PartialEq, Eq)]
pub(super) struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Files {
    /// Reads all of them.
    pub(super) fn read(settings: &TlsSettings) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            fs::read(path).map_err(|source| TlsError::Read {
                path: path.to_owned(),
                source,
            })
        };
        let has_authority = !settings.client_ca.as_os_str().is_empty();
        let client_ca = has_authority.then(|| read(&settings.client_ca));
        Ok(Self {
            certificate: read(&settings.certificate)?,
            key: read(&settings.key)?,
            client_ca: client_ca.transpose()?,
        })
    }

    /// What a connection is met with, without what is spoken then.
    pub(super) fn configuration(&self, settings: &TlsSettings) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(&[&TLS13, &TLS12]);
        let builder = builder.expect("the provider has suites for both versions");
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(pem) => builder.with_client_cert_verifier(verifier(pem, settings)?),
        };
        let chain = certificates(&self.certificate, &settings.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key);
        let key = key.map_err(|source| TlsError::Pem {
            path: settings.key.clone(),
            source,
        })?;
        let built = builder.with_single_cert(chain, key);
        built.map_err(|source| TlsError::Certificate {
            path: settings.certificate.clone(),
            source,
        })
    }
}

fn verifier(pem: &[u8], settings: &TlsSettings) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let path = &settings.client_ca;
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, path)? {
        let added = roots.add(certificate);
        added.map_err(|source| TlsError::Authority {
            path: path.clone(),
            source,
        })?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match settings.client_certificates {
        ClientCertificates::Required => builder,
        ClientCertificates::Optional => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|source| TlsError::Verifier {
        path: path.clone(),
        source,
    })
}

/// Every certificate of a file, of which there is one at least.
fn certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|source| TlsError::Pem {
        path: path.to_owned(),
        source,
    })?;
    match read.is_empty() {
        true => Err(TlsError::Empty {
            path: path.to_owned(),
        }),
        false => Ok(read),
    }
}
