//! `/ingest/listing`: everything a source knows, again and again; only differences are written.
//!
//! One request is one listing. Its body is read line by line, so its length has
//! no bound but the number of its statements, and nothing is kept between
//! requests. Its last line says that it is complete: a body that breaks off, or
//! of which anything was refused, ends nothing.

mod reconcile;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::body::BodyDataStream;
use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use model::{Caller, LogPosition, Rejection, Scope, SourceName, Timestamp, bounds};
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Refusal};
use super::body::Unpacking;
use super::{Intake, MediaType, settle};
use crate::decoded::{Malformed, Part};
use reconcile::{Reconciler, When};

/// Most statements of one listing.
const LINES_MAX: u64 = 10_000_000;
/// Lines and bytes that are taken at once.
const LINES_AT_ONCE: usize = 500;
const BYTES_AT_ONCE: usize = 1024 * 1024;
/// Bytes of a body that are unpacked at once: they come to sixteen megabytes at most.
const PACKED_AT_ONCE: usize = 16 * 1024;
/// Reasons that go back.
const REJECTED_TOLD_MAX: usize = 1_000;
/// How often a busy log is asked again, and how long between.
const ATTEMPTS_MAX: u32 = 200;
const WAIT: Duration = Duration::from_millis(50);

/// Why a statement of a listing is not written.
const UNCHANGED: &str = "it says what was known";

/// Sources whose listing is being taken.
pub(super) type Running = Mutex<BTreeSet<SourceName>>;

/// What the address says besides the body.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Asked {
    /// Who lists.
    source: String,
    /// Which part of what it knows; a part is a source of its own, `source/scope`.
    scope: Option<String>,
    /// The moment of which it speaks; now when missing.
    at: Option<String>,
    /// `all`: that nearly everything is gone is meant.
    ends: Option<Ends>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Ends {
    All,
}

/// What became of a listing.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    /// The last position of this request.
    position: Option<LogPosition>,
    /// Statements that came.
    listed: u64,
    /// Statements written now.
    accepted: u64,
    /// Statements that say what was known.
    unchanged: u64,
    /// Items that are no longer listed.
    ended: u64,
    /// Items that would have ended, had the listing been believed.
    held_back: u64,
    /// Whether the source now counts as having listed everything.
    complete: bool,
    /// Why it does not, where it was meant to.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// What is wrong with the others.
    rejected: Vec<Rejection>,
}

pub(super) async fn take_listing(
    State(intake): State<Arc<Intake>>,
    Query(asked): Query<Asked>,
    request: Request,
) -> Response {
    match intake.list(asked, request).await {
        Ok(listed) => Json(listed).into_response(),
        Err(Refused::Whole(refusal)) => {
            intake.listing.refused(&refusal);
            refusal.into_response()
        }
        Err(Refused::Other(status, reason)) => {
            let may_come_again = status == StatusCode::SERVICE_UNAVAILABLE;
            intake.listing.turned_away(may_come_again);
            let answer = serde_json::json!({ "reason": reason, "rejected": [{ "index": 0, "field": "", "reason": reason }] });
            let retry = [(header::RETRY_AFTER, "1")];
            (status, retry, Json(answer)).into_response()
        }
    }
}

/// Why a listing was not taken, or not to its end.
enum Refused {
    Whole(Refusal),
    Other(StatusCode, String),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Whole(refusal)
    }
}

/// Holds a source's place until its listing is through.
pub(super) struct Turn<'a> {
    running: &'a Running,
    source: SourceName,
}

impl<'a> Turn<'a> {
    /// The place, if nobody has it.
    pub(super) fn take(running: &'a Running, source: SourceName) -> Option<Self> {
        let mut taken = running.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = taken.insert(source.clone());
        is_free.then_some(Self { running, source })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&self.source);
    }
}

impl Intake {
    async fn list(self: &Arc<Self>, asked: Asked, request: Request) -> Result<Listed, Refused> {
        let caller = request.extensions().get::<Caller>().cloned();
        let caller = caller.unwrap_or_default();
        caller.may(Scope::Ingest).map_err(Refusal::Barred)?;
        let media = MediaType::of(request.headers());
        if !media.is_json_lines() {
            return Err(Refused::Whole(Refusal::MediaType {
                found: media.to_string(),
                expects: "application/x-ndjson",
            }));
        }
        let unpacking = Unpacking::of(request.headers())?;
        let Some(known) = self.known.clone() else {
            return Err(other(
                StatusCode::NOT_FOUND,
                "this server holds no estate to compare with",
            ));
        };
        let source = asked.source_name()?;
        let _turn = self.turn(&source)?;
        let stated = known.stated_by(&source).await;
        let stated =
            stated.map_err(|behind| other(StatusCode::SERVICE_UNAVAILABLE, behind.to_string()))?;
        let when = asked.when(self.clock.now(), stated.listed_at)?;
        let reconciler = Reconciler::new(known, source, when, stated);
        let mut session = Session {
            intake: Arc::clone(self),
            reconciler: Some(reconciler),
            listed: Listed::default(),
            lines: 0,
        };
        let body = request.into_body().into_data_stream();
        session.read(body, unpacking).await?;
        session.end(asked.ends.is_some()).await
    }

    /// One listing of a source at a time: of two at once each would end what the other lists.
    fn turn(&self, source: &SourceName) -> Result<Turn<'_>, Refused> {
        Turn::take(&self.listings, source.clone()).ok_or_else(|| {
            let reason = format!("another listing of {source} is being taken");
            other(StatusCode::SERVICE_UNAVAILABLE, reason)
        })
    }
}

impl Asked {
    fn source_name(&self) -> Result<SourceName, Refused> {
        let name = match &self.scope {
            Some(scope) => format!("{}/{scope}", self.source),
            None => self.source.clone(),
        };
        if self.source.trim().is_empty() || bounds::SOURCE_NAME_BYTES < name.len() {
            let limit = bounds::SOURCE_NAME_BYTES;
            return Err(malformed(format!(
                "source and scope have 1 to {limit} bytes"
            )));
        }
        Ok(SourceName::new(name))
    }

    /// The moment it speaks of, after that of the listing before.
    fn when(&self, now: Timestamp, listed_at: Option<Timestamp>) -> Result<When, Refused> {
        let stated = match &self.at {
            Some(text) => text.parse(),
            None => Ok(now),
        };
        let stated = stated.map_err(|_| malformed("at is no moment in RFC 3339"))?;
        When::of(stated, listed_at, now).ok_or_else(|| {
            let reason = format!("speaks of {stated}, and a later listing was taken already");
            other(StatusCode::CONFLICT, reason)
        })
    }
}

/// A listing while its body comes.
struct Session {
    intake: Arc<Intake>,
    /// Missing only while another thread has it.
    reconciler: Option<Reconciler>,
    listed: Listed,
    lines: usize,
}

impl Session {
    async fn read(
        &mut self,
        mut body: BodyDataStream,
        mut unpacking: Unpacking,
    ) -> Result<(), Refused> {
        let mut held: Vec<u8> = Vec::new();
        loop {
            let next = tokio::time::timeout(self.intake.limits.body_timeout, body.next());
            let piece = match next.await.map_err(|_| Refusal::TooSlow)? {
                Some(piece) => piece.map_err(Refusal::Broken)?,
                None => break,
            };
            for some in piece.chunks(PACKED_AT_ONCE) {
                let some = some.to_vec();
                let unpack = tokio::task::spawn_blocking(move || {
                    let unpacked = unpacking.take(some);
                    (unpacking, unpacked)
                });
                let (with, unpacked) = unpack.await.map_err(Refusal::Stopped)?;
                unpacking = with;
                held.append(&mut unpacked?);
                if BYTES_AT_ONCE <= held.len() {
                    held = self.whole_lines(held).await?;
                }
                if 2 * bounds::EVENT_BYTES < held.len() {
                    return Err(Refused::Whole(Refusal::TooLarge(bounds::EVENT_BYTES)));
                }
            }
        }
        // A body that breaks off without an error has no line that completes it.
        held.append(&mut unpacking.end()?);
        held.push(b'\n');
        self.whole_lines(held).await?;
        Ok(())
    }

    /// Takes every line that has come to its end; returns the rest.
    async fn whole_lines(&mut self, mut held: Vec<u8>) -> Result<Vec<u8>, Refused> {
        let Some(last) = held.iter().rposition(|byte| *byte == b'\n') else {
            return Ok(held);
        };
        let rest = held.split_off(last + 1);
        let text = String::from_utf8(held).map_err(|_| malformed("the body is not UTF-8"))?;
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        for some in lines.chunks(LINES_AT_ONCE) {
            let some = some.iter().map(|line| (*line).to_owned()).collect();
            self.take(some).await?;
        }
        Ok(rest)
    }

    async fn take(&mut self, lines: Vec<String>) -> Result<(), Refused> {
        let first = self.lines;
        self.lines += lines.len();
        if LINES_MAX < self.lines as u64 {
            return Err(malformed(format!(
                "a listing has at most {LINES_MAX} statements"
            )));
        }
        let Some(mut reconciler) = self.reconciler.take() else {
            return Ok(());
        };
        let intake = Arc::clone(&self.intake);
        let compare = tokio::task::spawn_blocking(move || {
            let mut parts = Vec::new();
            let unchanged = reconciler.counts.unchanged;
            for (index, line) in lines.iter().enumerate() {
                parts.extend(reconciler.take(line).map(|part| (first + index, part)));
            }
            if let Some(last) = reconciler.last_unchanged.take() {
                let mut payload = Vec::new();
                last.encode_payload(&mut payload);
                let name = (&reconciler.source, "listing", UNCHANGED);
                intake.passed_over(name, reconciler.counts.unchanged - unchanged, &payload);
            }
            (reconciler, parts)
        });
        let (reconciler, parts) = compare.await.map_err(Refusal::Stopped)?;
        self.reconciler = Some(reconciler);
        self.write(parts).await
    }

    /// Writes parts and counts what became of them.
    async fn write(&mut self, parts: Vec<(usize, Part)>) -> Result<(), Refused> {
        let (lines, parts): (Vec<usize>, Vec<Part>) = parts.into_iter().unzip();
        if parts.is_empty() {
            return Ok(());
        }
        let answer = self.record(parts).await?;
        self.intake.listing.answered(&answer);
        self.listed.position = answer.position.max(self.listed.position);
        self.listed.accepted += answer.accepted as u64;
        self.listed.unchanged += answer.duplicates as u64;
        if let Some(reconciler) = &mut self.reconciler {
            reconciler.is_doubtful |= !answer.rejected.is_empty();
        }
        let told = answer.rejected.into_iter().map(|rejection| Rejection {
            index: lines.get(rejection.index).copied().unwrap_or_default(),
            ..rejection
        });
        let room = REJECTED_TOLD_MAX.saturating_sub(self.listed.rejected.len());
        self.listed.rejected.extend(told.take(room));
        Ok(())
    }

    /// A busy log makes the sender wait; it does not lose its place.
    async fn record(&self, parts: Vec<Part>) -> Result<Answer, Refused> {
        let intake = Arc::clone(&self.intake);
        let sorted = tokio::task::spawn_blocking(move || {
            settle::sort(&intake.quarantine, intake.recorder.rules(), parts)
        });
        let mut sorted = sorted.await.map_err(Refusal::Stopped)??;
        for _ in 0..ATTEMPTS_MAX {
            let returned = match settle::submit_or_return(&self.intake.recorder, sorted) {
                Ok(pending) => return Ok(settle::settle(pending).await?),
                Err(returned) => *returned,
            };
            match returned {
                (kept, Refusal::Busy) => sorted = kept,
                (_, refusal) => return Err(refusal.into()),
            }
            tokio::time::sleep(WAIT).await;
        }
        Err(Refused::Whole(Refusal::Busy))
    }

    async fn end(mut self, ends_all: bool) -> Result<Listed, Refused> {
        let Some(reconciler) = &self.reconciler else {
            return Ok(self.listed);
        };
        let counts = reconciler.counts;
        let ending = reconciler.end(ends_all);
        self.listed.listed = counts.lines;
        self.listed.unchanged += counts.unchanged;
        self.intake.listing.unchanged(counts.unchanged);
        self.listed.held_back = ending.held_back;
        self.listed.reason = ending.reason;
        let events = ending.events;
        let accepted = self.listed.accepted;
        let parts = events.into_iter().map(|event| Part::Events(vec![event]));
        let mut parts: Vec<Part> = parts.collect();
        self.listed.complete = !parts.is_empty();
        self.listed.ended = ending.ended;
        while !parts.is_empty() {
            let rest = parts.split_off(LINES_AT_ONCE.min(parts.len()));
            self.write(parts.into_iter().map(|part| (0, part)).collect())
                .await?;
            parts = rest;
        }
        self.listed.accepted = accepted;
        Ok(self.listed)
    }
}

fn malformed(reason: impl Into<String>) -> Refused {
    Refused::Whole(Refusal::Malformed(Malformed::because(reason)))
}

fn other(status: StatusCode, reason: impl Into<String>) -> Refused {
    Refused::Other(status, reason.into())
}
