//! Sends batches, waits where the server asks for it, and reads what became of them.

use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::StreamExt;
use indicatif::ProgressBar;
use ingest::import::OtlpPiece;
use reqwest::StatusCode;
use serde_json::Value;

use super::super::client::client;
use super::read::Batch;
use super::summary::{ListingSummary, Summary};
use crate::access::HouseKey;

/// How often a busy server is asked again before the import gives up.
const ATTEMPTS_MAX: u32 = 60;
/// How long to wait when the server does not say.
const WAIT_SECONDS: u64 = 1;

/// How long a listing may take.
const LISTING_TIMEOUT: Duration = Duration::from_secs(3_600);
/// Lines of a listing that go at once.
const LINES_AT_ONCE: usize = 200;

/// A listing as it is sent.
pub(super) struct WholeListing {
    /// What the address says besides the body.
    pub(super) asked: Vec<(&'static str, String)>,
    /// The lines, each with its end.
    pub(super) lines: Vec<String>,
    /// What each line speaks of.
    pub(super) places: Vec<String>,
}

/// A body for an address.
pub(super) struct Request<'a> {
    pub(super) path: &'a str,
    /// Its media type.
    pub(super) kind: &'a str,
    pub(super) body: Vec<u8>,
    /// What the request says besides.
    pub(super) header: Option<(&'static str, String)>,
}

/// Posts to one server.
pub(super) struct Poster {
    client: reqwest::Client,
    server: String,
}

impl Poster {
    pub(super) fn new(server: &str, key: Option<&HouseKey>) -> anyhow::Result<Self> {
        let client = client(Duration::from_secs(120), key)?;
        Ok(Self {
            client,
            server: server.trim_end_matches('/').to_owned(),
        })
    }

    /// Own events, one a line.
    pub(super) async fn events(&self, batch: Batch, summary: &mut Summary) -> anyhow::Result<()> {
        let places = batch.places;
        let request = Request {
            path: "/ingest/events",
            kind: "application/x-ndjson",
            body: batch.body,
            header: None,
        };
        summary.read += places.len() as u64;
        self.parts(request, |index| places.name(index), summary)
            .await
    }

    /// A body of parts to an address. `place` says where a part comes from.
    pub(super) async fn parts(
        &self,
        request: Request<'_>,
        place: impl Fn(usize) -> String,
        summary: &mut Summary,
    ) -> anyhow::Result<()> {
        let (status, answer) = self.post(request).await?;
        let rejected = answer.get("rejected").and_then(Value::as_array);
        let Some(rejected) = rejected else {
            bail!("the server answered {status}: {answer}");
        };
        let number = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or(0);
        summary.accepted += number("accepted");
        summary.duplicates += number("duplicates");
        summary.quarantined += number("quarantined");
        summary.passed_over += number("ignored");
        for rejection in rejected {
            let index = rejection.get("index").and_then(Value::as_u64).unwrap_or(0);
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            let place = place(index);
            let text = |name: &str| rejection.get(name).and_then(Value::as_str).unwrap_or("");
            let (field, reason) = (text("field"), text("reason"));
            match field.is_empty() {
                true => summary.reject(&place, reason),
                false => summary.reject(&place, &format!("{field} {reason}")),
            }
        }
        if let Some(position) = answer.get("position").and_then(Value::as_str) {
            summary.position = Some(position.to_owned());
        }
        Ok(())
    }

    /// One OTLP request.
    pub(super) async fn otlp(&self, piece: OtlpPiece, summary: &mut Summary) -> anyhow::Result<()> {
        let place = piece.place;
        summary.read += 1;
        let request = match piece.request {
            Ok(request) => request,
            Err(reason) => {
                summary.reject(&place, &reason);
                return Ok(());
            }
        };
        let is_text = request.media == "application/json";
        let request = Request {
            path: request.path,
            kind: request.media,
            body: request.body,
            header: None,
        };
        let (status, answer) = self.post(request).await?;
        // Protobuf answers with nothing when it took all, else with bytes whose text is in the middle.
        let partial = match (is_text, &answer) {
            (true, answer) => answer.pointer("/partialSuccess/errorMessage"),
            (false, Value::String(text)) if text.is_empty() => None,
            (false, answer) => Some(answer),
        };
        match (status.is_success(), partial.and_then(Value::as_str)) {
            (false, _) => summary.reject(&place, &format!("{status}: {answer}")),
            (true, Some(message)) if !message.is_empty() => {
                let message: String = message.chars().filter(|it| !it.is_control()).collect();
                summary.reject(&place, &message);
            }
            (true, _) => summary.accepted += 1,
        }
        Ok(())
    }

    /// A whole listing in one request.
    pub(super) async fn listing(
        &self,
        listing: &WholeListing,
        bar: &ProgressBar,
        summary: &mut Summary,
    ) -> anyhow::Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            let (status, answer) = self.post_listing(listing, bar).await?;
            if is_busy(status) {
                bar.set_position(0);
                tokio::time::sleep(Duration::from_secs(WAIT_SECONDS)).await;
                continue;
            }
            if !status.is_success() {
                let reason = answer.pointer("/rejected/0/reason").and_then(Value::as_str);
                bail!(
                    "the server answered {status}: {}",
                    reason.unwrap_or("without a reason")
                );
            }
            listed(&answer, listing, summary);
            return Ok(());
        }
        bail!(
            "{} is still busy after {ATTEMPTS_MAX} attempts",
            self.server
        )
    }

    async fn post_listing(
        &self,
        listing: &WholeListing,
        bar: &ProgressBar,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let url = format!("{}/ingest/listing", self.server);
        let bar = bar.clone();
        let pieces = listing.lines.chunks(LINES_AT_ONCE).map(<[String]>::to_vec);
        let pieces: Vec<Vec<String>> = pieces.collect();
        let body = futures_util::stream::iter(pieces).map(move |lines| {
            bar.inc(lines.len() as u64);
            Ok::<_, std::io::Error>(lines.concat())
        });
        let request = self.client.post(&url).query(&listing.asked);
        let response = request
            .timeout(LISTING_TIMEOUT)
            .header("content-type", "application/x-ndjson")
            .body(reqwest::Body::wrap_stream(body))
            .send()
            .await
            .with_context(|| format!("no server answers at {}", self.server))?;
        let status = response.status();
        let text = response.text().await.context("the answer broke off")?;
        Ok((
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        ))
    }

    /// Posts until the server is not busy.
    async fn post(&self, asked: Request<'_>) -> anyhow::Result<(StatusCode, Value)> {
        let url = format!("{}{}", self.server, asked.path);
        for _ in 0..ATTEMPTS_MAX {
            let mut request = self.client.post(&url).header("content-type", asked.kind);
            if let Some((name, value)) = &asked.header {
                request = request.header(*name, value);
            }
            let response = request
                .body(asked.body.clone())
                .send()
                .await
                .with_context(|| format!("no server answers at {}", self.server))?;
            let status = response.status();
            if is_busy(status) {
                let header = response.headers().get("retry-after");
                let wait = header.and_then(|value| value.to_str().ok()?.parse().ok());
                tokio::time::sleep(Duration::from_secs(wait.unwrap_or(WAIT_SECONDS))).await;
                continue;
            }
            let text = response.text().await.context("the answer broke off")?;
            let answer = serde_json::from_str(&text).unwrap_or(Value::String(text));
            return Ok((status, answer));
        }
        bail!("{url} is still busy after {ATTEMPTS_MAX} attempts")
    }
}

fn is_busy(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    )
}

/// Takes the answer to a listing into the summary.
fn listed(answer: &Value, listing: &WholeListing, summary: &mut Summary) {
    let number = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or(0);
    let text = |value: &Value, name: &str| {
        let text = value.get(name).and_then(Value::as_str);
        text.map(str::to_owned)
    };
    summary.read += number("listed");
    summary.accepted += number("accepted");
    summary.listing = Some(ListingSummary {
        unchanged: number("unchanged"),
        ended: number("ended"),
        held_back: number("heldBack"),
        complete: answer.get("complete") == Some(&Value::Bool(true)),
        reason: text(answer, "reason"),
    });
    summary.position = text(answer, "position").or(summary.position.take());
    let rejected = answer.get("rejected").and_then(Value::as_array);
    for rejection in rejected.into_iter().flatten() {
        let index = rejection.get("index").and_then(Value::as_u64).unwrap_or(0);
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let place = listing.places.get(index).map_or("", String::as_str);
        let field = text(rejection, "field").unwrap_or_default();
        let reason = text(rejection, "reason").unwrap_or_default();
        summary.reject(place, format!("{field} {reason}").trim());
    }
}
