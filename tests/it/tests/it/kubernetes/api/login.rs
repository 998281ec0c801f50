//! Who is let in, and TLS.
//!
//! The certificates are those of `testdata/tls`.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{Api, Objects};

/// Whom a server lets in.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Access {
    #[default]
    Anybody,
    /// Who brings `token-N` with this number or a greater one.
    TokensFrom(u64),
    /// Who has a certificate of the authority.
    Certificate,
}

fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    folder.join("testdata").join("tls").join(name)
}

/// A file of PEM.
pub(crate) fn pem(name: &str) -> String {
    std::fs::read_to_string(file(name)).expect("a file of the tests")
}

/// A file of PEM, as a kubeconfig holds it.
pub(crate) fn certificate(name: &str) -> Value {
    json!(STANDARD.encode(pem(name)))
}

/// A listener behind TLS.
pub(super) struct Secured {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Secured {
    pub(super) fn new(listener: TcpListener, access: Access) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions();
        let builder = builder.expect("versions of TLS");
        let builder = match access {
            Access::Certificate => {
                let mut roots = RootCertStore::empty();
                for authority in certificates("ca.pem") {
                    roots.add(authority).expect("a certificate");
                }
                let roots = Arc::new(roots);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                builder.with_client_cert_verifier(verifier.build().expect("an authority"))
            }
            Access::Anybody | Access::TokensFrom(_) => builder.with_no_client_auth(),
        };
        let key = PrivateKeyDer::from_pem_file(file("server.key")).expect("a key");
        let config = builder.with_single_cert(certificates("server.pem"), key);
        Self {
            listener,
            acceptor: TlsAcceptor::from(Arc::new(config.expect("a certificate and its key"))),
        }
    }
}

fn certificates(name: &str) -> Vec<CertificateDer<'static>> {
    let read = CertificateDer::pem_file_iter(file(name)).expect("a file of the tests");
    read.map(|one| one.expect("a certificate")).collect()
}

impl Listener for Secured {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, from)) = self.listener.accept().await else {
                continue;
            };
            // Who does not believe this server, or is not believed, is gone.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

impl Objects {
    /// The answer to who may not come in.
    pub(super) fn unauthorized(&mut self, authorization: Option<&str>) -> Option<Response> {
        let Access::TokensFrom(first) = self.access else {
            return None;
        };
        let token = authorization.and_then(|text| text.strip_prefix("Bearer token-"));
        let number: Option<u64> = token.and_then(|number| number.parse().ok());
        if number.is_some_and(|number| first <= number) {
            return None;
        }
        self.did.unauthorized += 1;
        Some(StatusCode::UNAUTHORIZED.into_response())
    }
}

impl Api {
    /// From now on only these tokens are taken.
    pub(crate) fn take_tokens_from(&self, first: u64) {
        let mut state = self.state();
        state.access = Access::TokensFrom(first);
        self.ring(state);
    }
}
