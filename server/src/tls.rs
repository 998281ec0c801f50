//! TLS before everything else that is said on a connection, and who is known by the certificate they show.
//!
//! The files are looked at again and again. What cannot be used leaves what was read before in force.

mod files;
mod known;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use model::Vouched;
use rustls::server::VerifierBuilderError;
use rustls::{ServerConfig, pki_types::pem};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::TlsSettings;
use crate::metrics::Metrics;
use crate::shutdown;
use files::Files;
use known::Known;

/// What is spoken behind TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// HTTP/1.1.
    Http,
    /// HTTP/2, as gRPC needs it.
    Grpc,
}

/// Gives the process the cryptography that libraries ask it for when they connect by TLS.
pub fn provide() {
    // Whoever came first gave the same.
    let _given_before = rustls::crypto::ring::default_provider().install_default();
}

/// Why files cannot be used.
#[derive(Debug, Error)]
pub(crate) enum TlsError {
    /// One cannot be read.
    #[error("could not read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// One holds something else.
    #[error("{} does not hold what it should, in PEM", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// One holds no certificate.
    #[error("{} holds no certificate", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// The certificate and the key are not for each other, or of a kind that is not known.
    #[error("the certificate in {} cannot be used with its key", path.display())]
    Certificate {
        /// Which.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// A certificate is no authority.
    #[error("{} holds what is no authority", path.display())]
    Authority {
        /// Which.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// Nothing could be checked by the authorities.
    #[error("clients cannot be checked by {}", path.display())]
    Verifier {
        /// Which.
        path: PathBuf,
        /// Why.
        source: VerifierBuilderError,
    },
}

/// What is presented, and how it is kept up to date.
pub(crate) struct Tls {
    settings: TlsSettings,
    known: Known,
    presented: ArcSwap<Presented>,
    /// What the files last held, and why it is not in force if it is not.
    looked: Mutex<Looked>,
    reloads: AtomicU64,
    failures: AtomicU64,
    refused: AtomicU64,
}

/// What connections that begin now are met with.
struct Presented {
    http: Arc<ServerConfig>,
    grpc: Arc<ServerConfig>,
}

/// What was seen when the files were looked at.
#[derive(Default)]
struct Looked {
    files: Option<Files>,
    fault: Option<String>,
}

impl Tls {
    /// What the settings name; nothing where they name none.
    pub(crate) fn open(settings: &TlsSettings) -> Result<Option<Arc<Self>>, TlsError> {
        if !settings.is_on() {
            return Ok(None);
        }
        let files = Files::read(settings)?;
        let presented = ArcSwap::from_pointee(Presented::from(files.configuration(settings)?));
        Ok(Some(Arc::new(Self {
            known: Known::new(&settings.clients),
            settings: settings.clone(),
            presented,
            looked: Mutex::new(Looked {
                files: Some(files),
                fault: None,
            }),
            reloads: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })))
    }

    /// Agrees with a client, and says who it is if its certificate tells.
    pub(crate) async fn meet(
        &self,
        stream: TcpStream,
        speaks: Speaks,
    ) -> io::Result<(TlsStream<TcpStream>, Option<Arc<Vouched>>)> {
        let presented = self.presented.load_full();
        let configuration = match speaks {
            Speaks::Http => &presented.http,
            Speaks::Grpc => &presented.grpc,
        };
        let agreeing = TlsAcceptor::from(Arc::clone(configuration)).accept(stream);
        let patience = Duration::from_millis(self.settings.handshake_timeout_ms);
        let agreed = tokio::time::timeout(patience, agreeing).await;
        let agreed = agreed.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let stream = agreed.inspect_err(|_| {
            self.refused.fetch_add(1, Ordering::Relaxed);
        })?;
        let (_, session) = stream.get_ref();
        let shown = session.peer_certificates().and_then(<[_]>::first);
        let who = shown.and_then(|certificate| self.known.who(certificate));
        Ok((stream, who))
    }

    /// Looks at the files again and again until it is told to stop.
    pub(crate) async fn tend(self: Arc<Self>, working: watch::Receiver<bool>) {
        let every = Duration::from_millis(self.settings.reload_every_ms);
        let mut stopped = std::pin::pin!(shutdown::stopped(working));
        loop {
            tokio::select! {
                () = &mut stopped => return,
                () = tokio::time::sleep(every) => {}
            }
            let tls = Arc::clone(&self);
            if let Err(error) = tokio::task::spawn_blocking(move || tls.look()).await {
                tracing::error!("could not look at the certificates: {error}");
            }
        }
    }

    /// Why what the files hold is not in force, if so.
    pub(crate) fn fault(&self) -> Option<String> {
        let looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        looked.fault.clone()
    }

    /// Registers what it counts.
    pub(crate) fn register(self: &Arc<Self>, metrics: &Metrics) {
        let tls = Arc::clone(self);
        metrics.register(move |scrape| {
            let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            let help = "Times that changed files of TLS were looked at, by what came of it.";
            for (outcome, counter) in [("taken", &tls.reloads), ("refused", &tls.failures)] {
                let labels = [("outcome", outcome)];
                scrape.counter("tls_reloads_total", help, &labels, count(counter));
            }
            let help = "Connections on which TLS was not agreed on.";
            scrape.counter(
                "tls_refused_connections_total",
                help,
                &[],
                count(&tls.refused),
            );
        });
    }

    /// Takes what the files hold now, if it is something new that can be used.
    fn look(&self) {
        let read = Files::read(&self.settings);
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let files = match read {
            Ok(files) if looked.files.as_ref() == Some(&files) => return,
            Ok(files) => files,
            Err(error) => return self.refuse(&mut looked, None, &error),
        };
        match files.configuration(&self.settings) {
            Err(error) => self.refuse(&mut looked, Some(files), &error),
            Ok(configuration) => {
                self.presented.store(Arc::new(configuration.into()));
                self.reloads.fetch_add(1, Ordering::Relaxed);
                *looked = Looked {
                    files: Some(files),
                    fault: None,
                };
                tracing::info!("the certificates of TLS were read again");
            }
        }
    }

    fn refuse(&self, looked: &mut Looked, files: Option<Files>, error: &TlsError) {
        let fault = chain(error);
        if looked.fault.as_ref() != Some(&fault) {
            tracing::error!("the certificates of TLS stay as they were: {fault}");
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        *looked = Looked {
            files,
            fault: Some(fault),
        };
    }
}

impl From<ServerConfig> for Presented {
    fn from(configuration: ServerConfig) -> Self {
        let speaking = |protocol: &[u8]| {
            let mut configuration = configuration.clone();
            configuration.alpn_protocols = vec![protocol.to_vec()];
            Arc::new(configuration)
        };
        Self {
            http: speaking(b"http/1.1"),
            grpc: speaking(b"h2"),
        }
    }
}

/// An error with what led to it.
fn chain(error: &TlsError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
