//! The keys of an issuer: fetched, kept, and fetched again when a token names one that is not known.
//!
//! Whoever sends tokens with invented names of keys causes a fetch now and then, and no more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use arc_swap::ArcSwap;
use futures_util::StreamExt;
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::{Certificate, Client, redirect};
use serde_json::Value;
use tokio::sync::{Notify, watch};

use super::token::Unread;
use crate::config::{IssuerSettings, is_safe};
use crate::shutdown;
use crate::tls;

/// How old keys become before they are fetched again.
const FRESH: Duration = Duration::from_secs(15 * 60);
/// Keys that could not be fetched anew for so long count no more.
const OLDEST: Duration = Duration::from_secs(24 * 60 * 60);
/// How long an issuer may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of an answer.
const ANSWER_BYTES: usize = 1024 * 1024;
/// Most keys of an issuer.
const KEYS_MAX: usize = 100;

/// An issuer with its keys.
pub(super) struct KeySource {
    settings: IssuerSettings,
    client: Client,
    keys: ArcSwap<Keys>,
    wanted: Notify,
    /// How soon they are fetched again, whoever wants it.
    pause: Duration,
    /// When a fetch last ended.
    ended: watch::Sender<Option<Instant>>,
    fault: Mutex<Option<String>>,
    fetched: AtomicU64,
    failed: AtomicU64,
}

/// What an issuer signs with.
#[derive(Default)]
struct Keys {
    keys: Vec<Key>,
    since: Option<Instant>,
}

struct Key {
    name: Option<String>,
    algorithm: Option<KeyAlgorithm>,
    key: DecodingKey,
}

/// What came of looking for a key.
pub(super) enum Looked {
    Found(DecodingKey),
    Unknown,
}

impl KeySource {
    pub(super) fn new(settings: &IssuerSettings, pause: Duration) -> anyhow::Result<Self> {
        tls::provide();
        let builder = Client::builder().timeout(TIMEOUT);
        let mut builder = builder.redirect(redirect::Policy::none());
        let ca = &settings.ca;
        if !ca.as_os_str().is_empty() {
            let read = std::fs::read(ca);
            let pem = read.with_context(|| format!("could not read {}", ca.display()))?;
            let authorities = Certificate::from_pem_bundle(&pem);
            let authorities =
                authorities.with_context(|| format!("{} is not PEM", ca.display()))?;
            builder = builder.tls_certs_only(authorities);
        }
        let client = builder.build();
        let issuer = &settings.issuer;
        Ok(Self {
            client: client.with_context(|| format!("could not make a client for {issuer}"))?,
            settings: settings.clone(),
            keys: ArcSwap::default(),
            wanted: Notify::new(),
            pause,
            ended: watch::Sender::new(None),
            fault: Mutex::default(),
            fetched: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        })
    }

    pub(super) const fn settings(&self) -> &IssuerSettings {
        &self.settings
    }

    /// The key that a token names, or the only one that fits where it names none.
    pub(super) fn key(&self, unread: &Unread) -> Looked {
        let keys = self.keys.load();
        let is_old = keys.since.is_none_or(|since| OLDEST < since.elapsed());
        if is_old {
            return Looked::Unknown;
        }
        let algorithm = unread.header.alg;
        let fitting = keys.keys.iter().filter(|key| key.fits(algorithm));
        let named = unread.header.kid.as_deref();
        let mut meant = fitting.filter(|key| named.is_none() || key.name.as_deref() == named);
        match (meant.next(), meant.next()) {
            (Some(key), None) => Looked::Found(key.key.clone()),
            // Two of one name, or none named and several there: nobody guesses.
            (None | Some(_), _) => Looked::Unknown,
        }
    }

    /// Has the keys fetched soon.
    pub(super) fn want(&self) {
        self.wanted.notify_one();
    }

    /// Has them fetched and waits for it, unless that was just done.
    pub(super) async fn wanted(&self) {
        let mut ended = self.ended.subscribe();
        let last = *ended.borrow_and_update();
        if last.is_some_and(|last| last.elapsed() < self.pause) {
            return;
        }
        self.want();
        // The sender is as old as this is.
        let _changed = ended.changed().await;
    }

    /// Why keys could not be fetched when that was last tried.
    pub(super) fn fault(&self) -> Option<String> {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.clone()
    }

    pub(super) fn counts(&self) -> [(&'static str, u64); 2] {
        [
            ("taken", self.fetched.load(Ordering::Relaxed)),
            ("failed", self.failed.load(Ordering::Relaxed)),
        ]
    }

    /// Fetches keys when they are old or wanted, until it is told to stop.
    pub(super) async fn tend(self: Arc<Self>, working: watch::Receiver<bool>) {
        let mut stopped = std::pin::pin!(shutdown::stopped(working));
        loop {
            tokio::select! {
                () = &mut stopped => return,
                () = self.renew() => {}
            }
            tokio::select! {
                () = &mut stopped => return,
                () = tokio::time::sleep(self.pause) => {}
            }
            let rest = match self.fault() {
                Some(_) => self.pause,
                None => FRESH,
            };
            tokio::select! {
                () = &mut stopped => return,
                () = self.wanted.notified() => {}
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    async fn renew(&self) {
        let fetched = self.fetch().await;
        let fault = match fetched {
            Ok(keys) => {
                self.keys.store(Arc::new(Keys {
                    keys,
                    since: Some(Instant::now()),
                }));
                self.fetched.fetch_add(1, Ordering::Relaxed);
                None
            }
            Err(error) => {
                let issuer = &self.settings.issuer;
                tracing::warn!(issuer, "could not fetch the keys of {issuer}: {error:#}");
                self.failed.fetch_add(1, Ordering::Relaxed);
                Some(format!("{error:#}"))
            }
        };
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        self.ended.send_replace(Some(Instant::now()));
    }

    async fn fetch(&self) -> anyhow::Result<Vec<Key>> {
        let address = match self.settings.jwks_url.as_str() {
            "" => self.discover().await?,
            address => address.to_owned(),
        };
        let answer = self.get(&address).await?;
        let keys = answer.get("keys").and_then(Value::as_array);
        let keys = keys.context("the answer has no `keys`")?;
        ensure!(
            keys.len() <= KEYS_MAX,
            "there are more than {KEYS_MAX} keys"
        );
        // What is for something else, or of a kind that is not known, is passed over.
        Ok(keys.iter().filter_map(Key::read).collect())
    }

    /// Where the issuer says that its keys are.
    async fn discover(&self) -> anyhow::Result<String> {
        let issuer = self.settings.issuer.trim_end_matches('/');
        let address = format!("{issuer}/.well-known/openid-configuration");
        let answer = self.get(&address).await?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        let is_itself = text("issuer") == Some(self.settings.issuer.as_str());
        ensure!(is_itself, "{address} speaks of another issuer");
        let keys = text("jwks_uri").context("the answer has no `jwks_uri`")?;
        ensure!(is_safe(keys), "its `jwks_uri` is no address of https");
        Ok(keys.to_owned())
    }

    async fn get(&self, address: &str) -> anyhow::Result<Value> {
        let answer = self.client.get(address).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "{address} answers with {status}");
        let mut bytes = Vec::new();
        let mut pieces = answer.bytes_stream();
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece?);
            ensure!(
                bytes.len() <= ANSWER_BYTES,
                "{address} answers with too much"
            );
        }
        serde_json::from_slice(&bytes).with_context(|| format!("{address} answers without JSON"))
    }
}

impl Key {
    fn read(value: &Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
        let is_for_signatures = matches!(
            jwk.common.public_key_use,
            None | Some(PublicKeyUse::Signature)
        );
        if !is_for_signatures {
            return None;
        }
        Some(Self {
            key: DecodingKey::from_jwk(&jwk).ok()?,
            name: jwk.common.key_id,
            algorithm: jwk.common.key_algorithm,
        })
    }

    /// Whether it is for signatures of this sort.
    fn fits(&self, algorithm: Algorithm) -> bool {
        let wanted = format!("{algorithm:?}").parse::<KeyAlgorithm>().ok();
        let is_meant = self.algorithm.is_none() || self.algorithm == wanted;
        is_meant && self.key.family() == algorithm.family()
    }
}
