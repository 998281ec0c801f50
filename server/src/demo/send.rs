//! Posts to the public intake, and takes no for an error.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::serve::Addresses;

/// Sends to one server.
pub(super) struct Sender {
    client: reqwest::Client,
    http: String,
    otlp_http: String,
}

impl Sender {
    pub(super) fn new(addresses: &Addresses) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(30))
            .build()
            .context("could not make an HTTP client")?;
        Ok(Self {
            client,
            http: format!("http://{}", addresses.http),
            otlp_http: format!("http://{}", addresses.otlp_http),
        })
    }

    /// Own events, each of which must be taken.
    pub(super) async fn events(&self, events: &[Value]) -> anyhow::Result<()> {
        let url = format!("{}/ingest/events", self.http);
        let body = serde_json::to_vec(events)?;
        all_taken(&self.post(&url, "application/json", body).await?)
    }

    /// `CloudEvents` in one batch, each of which must be taken.
    pub(super) async fn cloud_events(&self, events: &[Value]) -> anyhow::Result<()> {
        let url = format!("{}/ingest/cloudevents", self.http);
        let body = serde_json::to_vec(events)?;
        all_taken(
            &self
                .post(&url, "application/cloudevents-batch+json", body)
                .await?,
        )
    }

    /// An alert, as Alertmanager posts it.
    pub(super) async fn alert(&self, alert: &Value) -> anyhow::Result<()> {
        let url = format!("{}/ingest/alertmanager", self.http);
        let body = serde_json::to_vec(alert)?;
        all_taken(&self.post(&url, "application/json", body).await?)
    }

    /// OTLP traces as JSON, every span of which must be taken.
    pub(super) async fn traces(&self, traces: &Value) -> anyhow::Result<()> {
        let url = format!("{}/v1/traces", self.otlp_http);
        let body = serde_json::to_vec(traces)?;
        let answer = self.post(&url, "application/json", body).await?;
        match answer.pointer("/partialSuccess/rejectedSpans") {
            None => Ok(()),
            Some(rejected) if rejected == "0" || rejected == 0 => Ok(()),
            Some(_) => bail!("not every span was taken: {answer}"),
        }
    }

    async fn post(&self, url: &str, kind: &str, body: Vec<u8>) -> anyhow::Result<Value> {
        let response = self
            .client
            .post(url)
            .header("content-type", kind)
            .body(body)
            .send()
            .await
            .with_context(|| format!("{url} does not answer"))?;
        let status = response.status();
        let answer = response.text().await.context("the answer broke off")?;
        if !status.is_success() {
            bail!("{url} answered {status}: {answer}");
        }
        serde_json::from_str(&answer).with_context(|| format!("{url} answered {answer:?}"))
    }
}

fn all_taken(answer: &Value) -> anyhow::Result<()> {
    let rejected = answer.get("rejected").and_then(Value::as_array);
    let quarantined = answer.get("quarantined").and_then(Value::as_u64);
    match (rejected.is_some_and(Vec::is_empty), quarantined) {
        (true, Some(0)) => Ok(()),
        _ => bail!("not everything was taken: {answer}"),
    }
}
