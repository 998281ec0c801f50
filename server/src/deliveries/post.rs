//! Posts one message: signed, within a time, to the address that was checked and to no other.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::http::{Request, StatusCode, header};
use futures_util::TryFutureExt;
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use model::{Clock, Timestamp};
use tower::Service;

use super::address::{AddressError, AddressPolicy, Target};
use super::chat;
use super::notice::Posted;
use super::proof::echoes;
use super::retry::asked_wait;
use super::seals::Endpoint;
use crate::clock::SystemClock;

/// Most bytes of an answer that are read, so that its connection can be used again.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How long a connection that nothing is sent over is kept.
const IDLE: Duration = Duration::from_secs(30);
/// Connections to one endpoint that are kept.
const IDLE_MAX: usize = 4;

type Body = Full<axum::body::Bytes>;

/// The one client of every delivery.
pub(crate) struct Post {
    client: Client<HttpsConnector<HttpConnector<Checked>>, Body>,
    policy: Arc<AddressPolicy>,
    timeout: Duration,
}

/// What came of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempted {
    /// When it began.
    pub(crate) at: Timestamp,
    /// How long it took.
    pub(crate) took: Duration,
    /// How it ended.
    pub(crate) answer: Answer,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// With any status of success.
    Taken(u16),
    /// With another status, and perhaps how long to wait.
    Refused(u16, Option<Duration>),
    /// Without any.
    Failed(String),
    /// A server of mail took it for some addresses, and never takes it for the others.
    TakenPartly {
        /// The code of its reply.
        status: u16,
        /// What it said of the others.
        reason: String,
    },
    /// A server of mail does not take it now, for some addresses at least.
    Postponed {
        /// The code of its reply.
        status: u16,
        /// What it said.
        reason: String,
        /// The hashes of the addresses that are not tried again.
        done: Vec<String>,
        /// Whether it was taken for one of them.
        was_taken: bool,
    },
    /// A server of mail never takes it.
    Rejected {
        /// The code of its reply.
        status: u16,
        /// What it said.
        reason: String,
        /// Whether there is nobody at the addresses.
        is_gone: bool,
    },
}

impl Answer {
    /// Why it is no success.
    pub(super) fn reason(&self) -> Option<String> {
        match self {
            Self::Taken(_) | Self::TakenPartly { .. } => None,
            Self::Refused(status, _) => Some(format!("the endpoint answered {status}")),
            Self::Failed(reason)
            | Self::Postponed { reason, .. }
            | Self::Rejected { reason, .. } => Some(reason.clone()),
        }
    }

    /// What is written down of it beside its status.
    pub(super) fn note(&self) -> Option<String> {
        match self {
            Self::Taken(_) | Self::Refused(..) => None,
            Self::Failed(reason)
            | Self::TakenPartly { reason, .. }
            | Self::Postponed { reason, .. }
            | Self::Rejected { reason, .. } => Some(reason.clone()),
        }
    }

    /// The status, if there was one.
    pub(crate) const fn status(&self) -> Option<u16> {
        match self {
            Self::Taken(status)
            | Self::Refused(status, _)
            | Self::TakenPartly { status, .. }
            | Self::Postponed { status, .. }
            | Self::Rejected { status, .. } => Some(*status),
            Self::Failed(_) => None,
        }
    }
}

impl Post {
    /// A client that goes where the policy permits, and gives up after a time.
    pub(crate) fn new(policy: Arc<AddressPolicy>, timeout: Duration) -> anyhow::Result<Self> {
        let mut http = HttpConnector::new_with_resolver(Checked(Arc::clone(&policy)));
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(timeout / 2));
        let provider = rustls::crypto::ring::default_provider();
        let tls = hyper_rustls::HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(provider)
            .context("could not read the certificates that endpoints are checked with")?;
        let https = tls.https_or_http().enable_http1().wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_MAX)
            .build(https);
        Ok(Self {
            client,
            policy,
            timeout,
        })
    }

    /// Sends a message once.
    pub(super) async fn send(&self, endpoint: &Endpoint, id: &str, posted: Posted) -> Attempted {
        let at = SystemClock.now();
        let began = Instant::now();
        let exchange = self.exchange(endpoint, (id, posted), at);
        let sent = tokio::time::timeout(self.timeout, exchange).await;
        let answer = match sent {
            Ok(Ok(answer)) => answer,
            Ok(Err(reason)) => Answer::Failed(reason),
            Err(_) => Answer::Failed(format!("no answer within {} s", self.timeout.as_secs())),
        };
        Attempted {
            at,
            took: began.elapsed(),
            answer,
        }
    }

    async fn exchange(
        &self,
        endpoint: &Endpoint,
        (id, posted): (&str, Posted),
        at: Timestamp,
    ) -> Result<Answer, String> {
        // The address may have been permitted once and be no longer.
        let target = Target::read(&endpoint.url, &self.policy);
        let target = target.map_err(|error| format!("the address {error}"))?;
        let second = at.unix_nanos().div_euclid(1_000_000_000);
        let (format, challenge) = (posted.format, posted.challenge);
        let signatures = signatures(endpoint, (id, &posted.body), at, second)?;
        let request = Request::post(target.url.as_str())
            .header(header::CONTENT_TYPE, posted.media)
            .header(
                header::USER_AGENT,
                concat!("Epicenter/", env!("CARGO_PKG_VERSION")),
            )
            .header("webhook-id", id)
            .header("webhook-timestamp", second)
            .header("webhook-signature", signatures)
            .body(Full::from(posted.body))
            .map_err(|error| format!("the address is not one to send to: {error}"))?;
        let response = self.client.request(request).await;
        let response = response.map_err(|error| chain(&error))?;
        let status = response.status();
        let asked = response.headers().get(header::RETRY_AFTER);
        let asked = asked.and_then(|asked| asked.to_str().ok());
        let asked = asked.and_then(|asked| asked_wait(asked, at));
        let mut said = Vec::new();
        let mut body = response.into_body();
        while let Some(Ok(frame)) = body.frame().await {
            said.extend_from_slice(frame.data_ref().map_or(&[], |bytes| bytes));
            if ANSWER_BYTES_MAX < said.len() {
                break;
            }
        }
        if status.is_success()
            && let Some(reason) = chat::refusal(format, &said)
        {
            return Err(reason);
        }
        if status.is_success() && challenge.is_some_and(|challenge| !echoes(&challenge, &said)) {
            return Err(format!("the answer {status} does not hold the challenge"));
        }
        Ok(match status.is_success() {
            true => Answer::Taken(status.as_u16()),
            false => Answer::Refused(status.as_u16(), asked.filter(|_| may_ask(status))),
        })
    }
}

/// Whether a status comes with a wait that is honoured.
fn may_ask(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

/// The signatures of every key that counts now, the newest first.
fn signatures(
    endpoint: &Endpoint,
    (id, body): (&str, &[u8]),
    at: Timestamp,
    second: i64,
) -> Result<String, String> {
    let counting = endpoint.keys.iter();
    let counting = counting.filter(|keys| keys.until.is_none_or(|until| at < until));
    let mut all = Vec::new();
    for keys in counting {
        let signer = keys.keys.signer();
        let signer = signer.map_err(|_| "a key cannot be used".to_owned())?;
        all.push(signer.sign(id, second, body));
    }
    match all.is_empty() {
        true => Err("no key counts any more".to_owned()),
        false => Ok(all.join(" ")),
    }
}

/// An error with its causes, which name what failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        said.push_str(": ");
        said.push_str(&inner.to_string());
        cause = inner.source();
    }
    said
}

/// Resolves names to permitted addresses only.
#[derive(Clone)]
struct Checked(Arc<AddressPolicy>);

type Resolving =
    Pin<Box<dyn Future<Output = Result<std::vec::IntoIter<SocketAddr>, ResolveError>> + Send>>;

/// Why a name leads nowhere.
#[derive(Debug, thiserror::Error)]
enum ResolveError {
    /// Nobody knows it.
    #[error("the name is not known")]
    Unknown(#[from] std::io::Error),
    /// It has no address.
    #[error("the name has no address")]
    Nothing,
    /// Nothing is sent to where it leads.
    #[error("the name {0}")]
    Refused(AddressError),
}

impl Service<Name> for Checked {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ResolveError;
    type Future = Resolving;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ResolveError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.0);
        let name = name.as_str().to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0))
                .err_into::<ResolveError>()
                .await?;
            permitted(&policy, found).map(Vec::into_iter)
        })
    }
}

/// The addresses of a name, if every one of them is permitted: one that leads inside as well is not trusted.
fn permitted(
    policy: &AddressPolicy,
    found: impl Iterator<Item = SocketAddr>,
) -> Result<Vec<SocketAddr>, ResolveError> {
    let mut permitted = Vec::new();
    for address in found {
        let ip: IpAddr = address.ip();
        policy.check(ip).map_err(ResolveError::Refused)?;
        permitted.push(address);
    }
    match permitted.is_empty() {
        true => Err(ResolveError::Nothing),
        false => Ok(permitted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_inside_leads_nowhere() {
        let policy = AddressPolicy::default();
        let resolved = |addresses: &[&str]| {
            let addresses = addresses.iter().map(|it| it.parse().unwrap());
            match permitted(&policy, addresses) {
                Ok(permitted) => permitted.len().to_string(),
                Err(error) => error.to_string(),
            }
        };
        assert_eq!(resolved(&["93.184.216.34:0", "[2606:4700::1]:0"]), "2");
        for inside in [
            "127.0.0.1:0",
            "10.0.0.1:0",
            "169.254.169.254:0",
            "[::1]:0",
            "[::ffff:10.0.0.1]:0",
        ] {
            let told = resolved(&["93.184.216.34:0", inside]);
            assert!(told.starts_with("the name leads to "), "{inside}: {told}");
        }
        assert_eq!(resolved(&[]), "the name has no address");
    }
}
