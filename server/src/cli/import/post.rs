//! Sends batches, waits where the server asks for it, and reads what became of them.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::StatusCode;
use serde_json::Value;

use super::Summary;
use super::read::Batch;

/// How often a busy server is asked again before the import gives up.
const ATTEMPTS_MAX: u32 = 60;
/// How long to wait when the server does not say.
const WAIT_SECONDS: u64 = 1;

/// Posts to one server.
pub(super) struct Poster {
    client: reqwest::Client,
    server: String,
}

impl Poster {
    pub(super) fn new(server: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(120))
            .build()
            .context("could not make an HTTP client")?;
        Ok(Self {
            client,
            server: server.trim_end_matches('/').to_owned(),
        })
    }

    /// Own events, one a line.
    pub(super) async fn events(&self, batch: Batch, summary: &mut Summary) -> anyhow::Result<()> {
        let (status, answer) = self
            .post("/ingest/events", "application/x-ndjson", batch.body)
            .await?;
        let rejected = answer.get("rejected").and_then(Value::as_array);
        let Some(rejected) = rejected else {
            bail!("the server answered {status}: {answer}");
        };
        summary.read += batch.places.len() as u64;
        let number = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or(0);
        summary.accepted += number("accepted");
        summary.duplicates += number("duplicates");
        summary.quarantined += number("quarantined");
        for rejection in rejected {
            let index = rejection.get("index").and_then(Value::as_u64).unwrap_or(0);
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            let place = batch.places.name(index);
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
    pub(super) async fn otlp(&self, batch: Batch, summary: &mut Summary) -> anyhow::Result<()> {
        let place = batch.places.name(0);
        summary.read += 1;
        let request: Value = match serde_json::from_slice(&batch.body) {
            Ok(request) => request,
            Err(error) => {
                summary.reject(&place, &format!("not JSON: {error}"));
                return Ok(());
            }
        };
        let path = if request.get("resourceSpans").is_some() {
            "/v1/traces"
        } else if request.get("resourceLogs").is_some() {
            "/v1/logs"
        } else {
            summary.reject(&place, "neither resourceSpans nor resourceLogs");
            return Ok(());
        };
        let (status, answer) = self.post(path, "application/json", batch.body).await?;
        let partial = answer.pointer("/partialSuccess/errorMessage");
        match (status.is_success(), partial.and_then(Value::as_str)) {
            (false, _) => summary.reject(&place, &format!("{status}: {answer}")),
            (true, Some(message)) if !message.is_empty() => summary.reject(&place, message),
            (true, _) => summary.accepted += 1,
        }
        Ok(())
    }

    /// Posts until the server is not busy.
    async fn post(
        &self,
        path: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let url = format!("{}{path}", self.server);
        for _ in 0..ATTEMPTS_MAX {
            let request = self.client.post(&url).header("content-type", kind);
            let response = request
                .body(body.clone())
                .send()
                .await
                .with_context(|| format!("no server answers at {}", self.server))?;
            let status = response.status();
            let busy = [
                StatusCode::TOO_MANY_REQUESTS,
                StatusCode::SERVICE_UNAVAILABLE,
            ];
            if busy.contains(&status) {
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
