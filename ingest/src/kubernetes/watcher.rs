//! One list and its watch: reads the list page by page, then follows it, resumes where a
//! watch broke, and lists again when the server no longer knows that place.
//!
//! It reads responses itself and not through the client's own decoding, which logs a body that it cannot read.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use kube::client::Body;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::counters::{Counters, add};
use super::login::Clients;
use super::pace::Pace;
use super::resources::Scope;
use super::wire::{self, Line, Lines, ObjectId, Page, Seen};
use crate::Intake;
use crate::import::Surroundings;

/// The largest page of a list.
const PAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// So many failures in a row that may be those of the place to resume from, and it is given up.
///
/// A server that is away, busy or broken says nothing against the place, however long it is so:
/// one that comes back and has forgotten it says so itself.
const DOUBTS_MAX: u32 = 3;
/// The most objects that a page is asked for where smaller ones take so long that the list is forgotten.
pub(super) const PAGE_OBJECTS_MAX: usize = 10_000;

/// What a watcher tells the one who writes.
#[derive(Debug)]
pub(super) enum Told {
    ListBegins,
    Page(Vec<Seen>),
    ListEnds,
    Changes(Vec<Change>),
    Forbidden,
}

/// What became of one object.
#[derive(Debug)]
pub(super) enum Change {
    Seen(Box<Seen>),
    Gone(ObjectId),
}

/// Follows one scope.
pub(super) struct Watcher {
    pub(super) number: usize,
    pub(super) scope: Scope,
    pub(super) around: Arc<Surroundings>,
    pub(super) clients: Clients,
    pub(super) pace: Pace,
    pub(super) intake: Arc<Intake>,
    pub(super) counters: Arc<Counters>,
    pub(super) teller: mpsc::Sender<(usize, Told)>,
    /// Objects of one page, and the most that fit one.
    pub(super) page_objects: usize,
    pub(super) page_objects_max: usize,
}

/// Where a watcher stands.
#[derive(Debug, Default)]
struct Standing {
    /// The version to watch from; `None` when the list has to be read.
    version: Option<String>,
    /// Attempts without a word from the server.
    attempts: u32,
    /// Those of them that may have failed because of the version.
    doubts: u32,
}

impl Standing {
    /// The server said something from this place on.
    fn heard(&mut self) {
        self.attempts = 0;
        self.doubts = 0;
    }
}

/// Why a list or a watch did not go on.
#[derive(Debug, Error)]
enum Trouble {
    #[error("the server no longer knows this version")]
    Gone,
    #[error("the server does not allow it ({0})")]
    Forbidden(StatusCode),
    #[error("the server answered {0}")]
    Status(StatusCode, Option<Duration>),
    #[error("the server ended the watch with {0} {1}")]
    Ended(u16, String),
    #[error("the request failed")]
    Request(#[source] kube::Error),
    #[error("the answer broke off")]
    Broken(#[source] kube::Error),
    #[error("nothing came for {0:?}")]
    Silent(Duration),
    #[error("the answer is not what a list or a watch says")]
    Unreadable,
    #[error("a page has more than {PAGE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("nobody takes what was read")]
    Stopped,
}

impl Trouble {
    /// Whether it may be the version to resume from that is wrong, and not the way to the server.
    fn doubts_the_place(&self) -> bool {
        match self {
            Self::Gone | Self::Forbidden(_) | Self::Ended(..) | Self::Unreadable => true,
            Self::Status(status, _) => {
                let is_of_the_moment = matches!(
                    *status,
                    StatusCode::UNAUTHORIZED
                        | StatusCode::REQUEST_TIMEOUT
                        | StatusCode::TOO_MANY_REQUESTS
                );
                status.is_client_error() && !is_of_the_moment
            }
            Self::Request(_)
            | Self::Broken(_)
            | Self::Silent(_)
            | Self::TooLarge
            | Self::Stopped => false,
        }
    }
}

impl Watcher {
    /// Lists and watches until nobody takes what it tells.
    pub(super) async fn run(mut self) {
        let mut standing = Standing::default();
        loop {
            let outcome = match standing.version.clone() {
                None => self.list(&mut standing).await,
                Some(version) => self.watch(&version, &mut standing).await,
            };
            let wait = match outcome {
                Ok(()) => Duration::ZERO,
                Err(Trouble::Stopped) => return,
                Err(trouble) => match self.recover(trouble, &mut standing).await {
                    Some(wait) => wait,
                    None => return,
                },
            };
            sleep(wait).await;
        }
    }

    /// What to do after a failure, and how long to wait before; `None` when nobody listens.
    async fn recover(&mut self, trouble: Trouble, standing: &mut Standing) -> Option<Duration> {
        let Scope {
            resource,
            namespace,
        } = &self.scope;
        let (plural, cluster) = (resource.plural, self.around.cluster.as_deref());
        let wait = self
            .pace
            .wait(standing.attempts, self.number, self.intake.now());
        standing.attempts = standing.attempts.saturating_add(1);
        match trouble {
            Trouble::Gone => {
                add(&self.counters.relists, 1);
                if standing.version.take().is_none() {
                    // It was forgotten while it was read: fewer pages are read sooner.
                    self.page_objects = (2 * self.page_objects).min(self.page_objects_max);
                }
                return Some(wait);
            }
            Trouble::Forbidden(status) if standing.version.is_none() => {
                add(&self.counters.forbidden, 1);
                if standing.attempts == 1 {
                    tracing::warn!(
                        cluster,
                        "{plural} of cluster {} cannot be listed ({status}); what is known of them stays as it is",
                        cluster.unwrap_or_default()
                    );
                }
                self.tell(Told::Forbidden).await.ok()?;
                return Some(self.pace.longest);
            }
            Trouble::TooLarge => {
                self.page_objects_max = (self.page_objects / 2).max(1);
                self.page_objects = (self.page_objects / 4).max(1);
            }
            _ => {}
        }
        add(&self.counters.errors, 1);
        standing.doubts += u32::from(trouble.doubts_the_place());
        if DOUBTS_MAX <= standing.doubts && standing.version.take().is_some() {
            standing.doubts = 0;
            add(&self.counters.relists, 1);
        }
        let asked = match &trouble {
            Trouble::Status(_, asked) => asked.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        let wait = wait.max(asked.min(self.pace.longest));
        let cause = std::error::Error::source(&trouble).map(ToString::to_string);
        tracing::info!(
            cluster,
            namespace,
            "{plural} of cluster {}: {trouble}{}; trying again in {wait:?}",
            cluster.unwrap_or_default(),
            cause.map_or_else(String::new, |cause| format!(": {cause}"))
        );
        Some(wait)
    }

    async fn list(&mut self, standing: &mut Standing) -> Result<(), Trouble> {
        self.tell(Told::ListBegins).await?;
        let mut continued: Option<String> = None;
        loop {
            let path = self.scope.list(self.page_objects, continued.as_deref());
            let response = self.get(path).await?;
            let body = self.whole(response).await?;
            let (kind, around) = (self.scope.resource.kind, Arc::clone(&self.around));
            let read = tokio::task::spawn_blocking(move || wire::page(&body, kind, &around));
            let page = read.await.map_err(|_| Trouble::Stopped)?;
            let Page {
                seen,
                version,
                continued: next,
                unreadable,
            } = page.ok_or(Trouble::Unreadable)?;
            self.counters.heard(self.intake.now());
            add(&self.counters.unreadable, unreadable);
            self.tell(Told::Page(seen)).await?;
            if next.is_none() {
                self.tell(Told::ListEnds).await?;
                add(&self.counters.lists, 1);
                standing.version = Some(version);
                return Ok(());
            }
            continued = next;
        }
    }

    async fn watch(&mut self, version: &str, standing: &mut Standing) -> Result<(), Trouble> {
        let path = self.scope.watch(version, self.pace.watch.as_secs());
        let mut body = self.get(path).await?.into_body();
        add(&self.counters.reconnects, 1);
        let silence = self.pace.watch + self.pace.answer;
        let mut lines = Lines::default();
        loop {
            let frame = timeout(silence, body.frame()).await;
            let frame = match frame.map_err(|_| Trouble::Silent(silence))? {
                None => {
                    standing.heard();
                    return Ok(());
                }
                Some(frame) => frame.map_err(Trouble::Broken)?,
            };
            let Some(bytes) = frame.data_ref() else {
                continue;
            };
            let whole = lines.take(bytes).map_err(|_| Trouble::Unreadable)?;
            if !whole.is_empty() {
                self.follow(whole, standing).await?;
            }
        }
    }

    /// Tells what lines say, up to the first that ends the watch.
    async fn follow(&mut self, whole: Vec<Bytes>, standing: &mut Standing) -> Result<(), Trouble> {
        add(&self.counters.lines, whole.len() as u64);
        self.counters.heard(self.intake.now());
        let (kind, around) = (self.scope.resource.kind, Arc::clone(&self.around));
        let read = tokio::task::spawn_blocking(move || {
            let lines = whole.iter().map(|text| wire::line(text, kind, &around));
            lines.collect::<Vec<Line>>()
        });
        let mut changes = Vec::new();
        let mut reached = None;
        let mut trouble = None;
        for line in read.await.map_err(|_| Trouble::Stopped)? {
            match line {
                Line::Changed(seen, version) => {
                    changes.push(Change::Seen(Box::new(seen)));
                    reached = Some(version);
                }
                Line::Gone(id, version) => {
                    changes.push(Change::Gone(id));
                    reached = Some(version);
                }
                Line::Bookmark(version) => reached = Some(version),
                Line::Error { code: 410, .. } => trouble = Some(Trouble::Gone),
                Line::Error { code, reason } => trouble = Some(Trouble::Ended(code, reason)),
                Line::Unreadable => {
                    add(&self.counters.unreadable, 1);
                    trouble = Some(Trouble::Unreadable);
                }
            }
            if trouble.is_some() {
                break;
            }
        }
        if !changes.is_empty() {
            self.tell(Told::Changes(changes)).await?;
        }
        // Only now: what was not told would be lost behind a newer version.
        if let Some(version) = reached.filter(|version| !version.is_empty()) {
            standing.version = Some(version);
            standing.heard();
        }
        trouble.map_or(Ok(()), Err)
    }

    async fn get(&mut self, path: String) -> Result<Response<Body>, Trouble> {
        let request = Request::get(path)
            .header(header::ACCEPT, "application/json")
            .body(Body::empty())
            .map_err(|error| Trouble::Request(kube::Error::HttpError(error)))?;
        let made = self.clients.newest().await.ok_or(Trouble::Stopped)?;
        let sent = timeout(self.pace.answer, made.client.send(request)).await;
        let response = match sent.map_err(|_| Trouble::Silent(self.pace.answer))? {
            Ok(response) => response,
            Err(error) => {
                self.clients.doubt(&made, false);
                return Err(Trouble::Request(error));
            }
        };
        if response.status() == StatusCode::UNAUTHORIZED {
            self.clients.doubt(&made, true);
        }
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::GONE => Err(Trouble::Gone),
            status @ (StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) => {
                Err(Trouble::Forbidden(status))
            }
            status => {
                let asked = response.headers().get(header::RETRY_AFTER);
                let seconds = asked.and_then(|asked| asked.to_str().ok()?.parse().ok());
                Err(Trouble::Status(status, seconds.map(Duration::from_secs)))
            }
        }
    }

    /// A whole body, within its limits.
    async fn whole(&self, response: Response<Body>) -> Result<Vec<u8>, Trouble> {
        let mut body = response.into_body();
        let mut held = Vec::new();
        loop {
            let frame = timeout(self.pace.answer, body.frame()).await;
            let Some(frame) = frame.map_err(|_| Trouble::Silent(self.pace.answer))? else {
                return Ok(held);
            };
            let frame = frame.map_err(Trouble::Broken)?;
            if let Some(bytes) = frame.data_ref() {
                held.extend_from_slice(bytes);
            }
            if PAGE_BYTES_MAX < held.len() {
                return Err(Trouble::TooLarge);
            }
        }
    }

    async fn tell(&self, told: Told) -> Result<(), Trouble> {
        let sent = self.teller.send((self.number, told)).await;
        sent.map_err(|_| Trouble::Stopped)
    }
}
