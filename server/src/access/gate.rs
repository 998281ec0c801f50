//! Recognises who sends a request by the token it carries.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use api::NoRandomness;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ingest::Said;
use model::{
    AuditedQuestion, Caller, Clock, LogPosition, QuestionKind, Quota, Scope, Scopes, Timestamp,
    TokenHash, TokenId,
};

use super::doors::{Door, doors};
use super::issuers::Issuers;
use super::quotas::Quotas;
use super::secret::{PREFIX, hash_of, mint};
use super::uses::Uses;
use crate::audit::Audit;
use crate::clock::SystemClock;
use crate::listen::Peer;
use crate::metrics::Metrics;
use crate::projector::Published;

/// A secret that only this process knows, for commands that run a server of their own over a folder.
#[derive(Clone)]
pub(crate) struct HouseKey(String);

impl HouseKey {
    /// A fresh one.
    pub(crate) fn fresh() -> Result<Self, NoRandomness> {
        mint().map(Self).map_err(|_| NoRandomness)
    }

    /// The secret, to be sent.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

/// Who is let in, and by what.
#[derive(Clone)]
pub(crate) enum Lock {
    /// Whoever reaches the server: it listens to this machine only.
    Open,
    /// The holders of tokens.
    Tokens,
    /// The holders of tokens, and this process itself.
    TokensOr(HouseKey),
}

/// The gate that every request goes through.
pub(crate) struct Gate {
    published: Arc<Published>,
    uses: Arc<Uses>,
    issuers: Arc<Issuers>,
    /// Where the log ended when the server started: a view before it may lack a revocation.
    since: LogPosition,
    is_open: bool,
    house: Option<TokenHash>,
    /// Where it is written down who asked what.
    audit: Option<Arc<Audit>>,
    quotas: Quotas,
    /// What counts where a token says nothing of it.
    usual: Quota,
    doors: BTreeMap<String, Door>,
    refused: [AtomicU64; REASONS.len()],
}

/// So much of a path is written down.
const ROUTE_CHARS: usize = 200;

/// Why requests are refused, as measures tell it.
const REASONS: [&str; 5] = [
    "no_credential",
    "bad_credential",
    "scope",
    "no_door",
    "quota",
];

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    NoCredential,
    BadCredential,
    Scope,
    NoDoor,
    Quota,
}

impl Gate {
    pub(crate) fn new(
        lock: &Lock,
        published: Arc<Published>,
        uses: Arc<Uses>,
        issuers: Arc<Issuers>,
        since: LogPosition,
    ) -> Self {
        Self {
            published,
            uses,
            issuers,
            since,
            is_open: matches!(lock, Lock::Open),
            house: match lock {
                Lock::TokensOr(key) => Some(hash_of(key.secret())),
                Lock::Open | Lock::Tokens => None,
            },
            audit: None,
            quotas: Quotas::default(),
            usual: Quota::default(),
            doors: doors(),
            refused: Default::default(),
        }
    }

    /// The same, which has written down what is asked by those who say who they are.
    #[must_use]
    pub(crate) fn noting(mut self, audit: Arc<Audit>) -> Self {
        self.audit = Some(audit);
        self
    }

    /// Writes down that somebody asked a route.
    pub(super) fn asked(&self, caller: &Caller, route: &str, outcome: String, at: Timestamp) {
        let (Some(audit), Some(who)) = (&self.audit, caller.name()) else {
            return;
        };
        let now = SystemClock.now().unix_nanos();
        let took = now.saturating_sub(at.unix_nanos());
        audit.note(AuditedQuestion {
            at,
            who,
            kind: QuestionKind::Request,
            operation: None,
            fields: vec![route.chars().take(ROUTE_CHARS).collect()],
            hash: None,
            outcome,
            rows: 0,
            took_us: u64::try_from(took / 1_000).unwrap_or_default(),
            times: 1,
        });
    }

    /// The same, where callers without a quota of their own have this one.
    #[must_use]
    pub(crate) const fn within(mut self, usual: Quota) -> Self {
        self.usual = usual;
        self
    }

    /// Counts a request of a caller; or how long they have to wait until there may be one.
    pub(super) fn take(&self, caller: &Caller) -> Result<(), Duration> {
        let Some((who, quota)) = self.quota(caller) else {
            return Ok(());
        };
        let taken = self.quotas.take(&who, quota, SystemClock.now());
        taken.inspect_err(|_| self.note(Refused::Quota))
    }

    /// Counts what a request of a caller said.
    pub(super) fn said(&self, caller: &Caller, said: Said) {
        if let Some((who, quota)) = self.quota(caller) {
            self.quotas.said(&who, quota, said.0, SystemClock.now());
        }
    }

    /// How many requests with a token were refused because its quota was used up.
    pub(crate) fn throttled(&self, token: TokenId) -> u64 {
        self.quotas.throttled(token)
    }

    /// Who somebody is, and how much they may ask for. Where everybody may do everything, nobody is bounded.
    fn quota(&self, caller: &Caller) -> Option<(String, Quota)> {
        let who = caller.name().filter(|_| !self.is_open)?;
        let view = self.published.newest();
        let token = caller.token().and_then(|id| view.tokens().get(&id));
        let own = token.and_then(|token| token.created.quota);
        Some((who, own.unwrap_or(self.usual)))
    }

    /// The door of a route; `None` where nobody declared one.
    pub(super) fn door(&self, route: &str) -> Option<Door> {
        self.doors.get(route).copied()
    }

    /// Whether it knows every token that was revoked before the server started.
    pub(super) fn is_ready(&self) -> bool {
        self.is_open || self.since <= self.published.position()
    }

    /// Who sends a request: by the credential in its headers, else by what the connection tells.
    pub(crate) fn caller(&self, headers: &HeaderMap, peer: Option<&Peer>) -> Caller {
        match headers.get(header::AUTHORIZATION) {
            None => match peer.and_then(|peer| peer.0.as_ref()) {
                Some(who) if !self.is_open => Caller::Vouched(Arc::clone(who)),
                _ => self.nobody(),
            },
            Some(value) => match value.to_str() {
                Ok(credential) => self.caller_by(credential),
                Err(_) => self.stranger(),
            },
        }
    }

    /// Whose a credential is: `Bearer SECRET`, or the password of `Basic`.
    pub(crate) fn caller_by(&self, credential: &str) -> Caller {
        let Some(secret) = secret_of(credential) else {
            return self.stranger();
        };
        let hash = hash_of(&secret);
        if self.house == Some(hash) {
            return Caller::House;
        }
        let now = SystemClock.now();
        let view = self.published.newest();
        if !self.is_open
            && !secret.starts_with(PREFIX)
            && let Some(who) = self.issuers.who(&secret)
        {
            return Caller::Vouched(who);
        }
        let token = view.tokens().of_hash(&hash);
        let Some(token) = token.filter(|token| token.counts_at(now)) else {
            return self.stranger();
        };
        let id = token.created.id;
        self.uses.note(id, now);
        match self.is_open {
            // What they may do is not less than what anybody may here.
            true => Caller::Holder {
                token: id,
                scopes: Scopes::from(Scope::ALL.to_vec()),
                sights: None,
            },
            false => Caller::Holder {
                token: id,
                scopes: token.created.scopes.clone(),
                sights: token.created.sight.clone().map(|sight| Arc::from([sight])),
            },
        }
    }

    /// Waits for what it takes to know who sends a request, where that has to be fetched first.
    pub(super) async fn prepare(&self, headers: &HeaderMap) {
        let credential = headers.get(header::AUTHORIZATION);
        let credential = credential.and_then(|value| value.to_str().ok());
        if let Some(secret) = credential.and_then(secret_of)
            && !self.is_open
            && !secret.starts_with(PREFIX)
        {
            self.issuers.prepare(&secret).await;
        }
    }

    /// Whether a caller that was known is so still.
    pub(crate) fn still(&self, caller: &Caller) -> bool {
        match caller {
            Caller::House => true,
            Caller::Holder { token, .. } => self.is_open || self.counts(token),
            Caller::Vouched(who) => {
                let until = who.until.filter(|_| !self.is_open);
                until.is_none_or(|until| SystemClock.now() < until)
            }
            Caller::Stranger | Caller::Nobody => false,
        }
    }

    /// When a token was last used.
    pub(crate) fn uses(&self) -> &Uses {
        &self.uses
    }

    /// Counts a refusal.
    pub(super) fn note(&self, refused: Refused) {
        let at = match refused {
            Refused::NoCredential => 0,
            Refused::BadCredential => 1,
            Refused::Scope => 2,
            Refused::NoDoor => 3,
            Refused::Quota => 4,
        };
        if let Some(counter) = self.refused.get(at) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Registers what it counts.
    pub(crate) fn register(self: &Arc<Self>, metrics: &Metrics) {
        let gate = Arc::clone(self);
        metrics.register(move |scrape| {
            for (reason, counted) in REASONS.iter().zip(&gate.refused) {
                scrape.counter(
                    "access_requests_refused_total",
                    "Requests refused at the door, by reason.",
                    &[("reason", reason)],
                    counted.load(Ordering::Relaxed),
                );
            }
        });
    }

    fn counts(&self, id: &TokenId) -> bool {
        let view = self.published.newest();
        let token = view.tokens().get(id);
        token.is_some_and(|token| token.counts_at(SystemClock.now()))
    }

    const fn nobody(&self) -> Caller {
        match self.is_open {
            true => Caller::House,
            false => Caller::Nobody,
        }
    }

    /// A sender's own secret may stand where a token does, so an open server minds no credential.
    const fn stranger(&self) -> Caller {
        match self.is_open {
            true => Caller::House,
            false => Caller::Stranger,
        }
    }
}

/// The secret of a credential as the header `Authorization` has it.
fn secret_of(credential: &str) -> Option<String> {
    let (scheme, value) = credential.trim().split_once(' ')?;
    let value = value.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
        let (_, password) = pair.split_once(':')?;
        return Some(password.to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_from_bearer_and_from_the_password_of_basic() {
        let read = |text: &str| secret_of(text);
        assert_eq!(read("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(read("bearer  abc ").as_deref(), Some("abc"));
        let basic = format!("Basic {}", STANDARD.encode("anybody:a:c"));
        assert_eq!(read(&basic).as_deref(), Some("a:c"));
        for wrong in ["", "abc", "Bearer", "Digest abc", "Basic abc", "Basic !"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
