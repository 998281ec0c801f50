//! A real server in this process: port 0, a temporary directory.

use std::path::Path;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use server::Server;
use server::config::Settings;
use tempfile::TempDir;

/// A server over a data folder that outlives it.
pub(crate) struct Running {
    server: Server,
    client: Client,
}

/// A fresh data folder.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

impl Running {
    /// Starts a server over a folder.
    pub(crate) async fn over(folder: &Path) -> Self {
        Self::with(Settings::defaults(), folder).await
    }

    /// Starts a server with settings over a folder, on free ports.
    pub(crate) async fn with(mut settings: Settings, folder: &Path) -> Self {
        for address in [
            &mut settings.listen,
            &mut settings.otlp_grpc,
            &mut settings.otlp_http,
        ] {
            address.set_port(0);
        }
        settings.data_dir = folder.join("data");
        settings.store.segment_bytes = 1024 * 1024;
        Self {
            server: Server::start(settings).await.expect("a server"),
            client: Client::new(),
        }
    }

    /// Stops it in order.
    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }

    /// Sends own events and returns the status and the answer.
    pub(crate) async fn post_events(&self, events: &[Value]) -> (StatusCode, Value) {
        let url = format!("http://{}/ingest/events", self.server.addresses.http);
        let sent = self.client.post(url).json(&events).send().await;
        let response = sent.expect("an answer");
        let status = response.status();
        (status, response.json().await.expect("a JSON answer"))
    }

    /// Sends any bytes as JSON and returns the status and the answer.
    pub(crate) async fn post_body(&self, path: &str, body: Vec<u8>) -> (StatusCode, String) {
        self.post_as("application/json", path, body).await
    }

    /// Sends a line of JSON each and returns the status and the answer.
    pub(crate) async fn post_lines(&self, path: &str, lines: &str) -> (StatusCode, String) {
        let body = lines.as_bytes().to_vec();
        self.post_as("application/x-ndjson", path, body).await
    }

    async fn post_as(&self, kind: &str, path: &str, body: Vec<u8>) -> (StatusCode, String) {
        let url = format!("http://{}{path}", self.server.addresses.http);
        let request = self.client.post(url).header("content-type", kind);
        let response = request.body(body).send().await.expect("an answer");
        let status = response.status();
        (status, response.text().await.expect("a body"))
    }

    /// Sends a calendar, with what the request says of it, and returns the status and the answer.
    pub(crate) async fn post_calendar(
        &self,
        path: &str,
        meaning: Option<&Value>,
        body: &str,
    ) -> (StatusCode, Value) {
        let url = format!("http://{}{path}", self.server.addresses.http);
        let mut request = self
            .client
            .post(url)
            .header("content-type", "text/calendar");
        if let Some(meaning) = meaning {
            request = request.header("epicenter-calendar", meaning.to_string());
        }
        let response = request.body(body.to_owned()).send().await;
        let response = response.expect("an answer");
        let status = response.status();
        (status, response.json().await.expect("a JSON answer"))
    }

    /// Sends own events, all of which must be taken.
    pub(crate) async fn take(&self, events: &[Value]) {
        let (status, answer) = self.post_events(events).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(answer["rejected"], json!([]), "{answer}");
    }

    /// Asks, and returns the data.
    pub(crate) async fn ask(&self, document: &str) -> Value {
        self.ask_with(document, &json!({})).await
    }

    /// Asks with variables, and returns the data.
    pub(crate) async fn ask_with(&self, document: &str, variables: &Value) -> Value {
        let answer = self.answer(document, variables).await;
        assert_eq!(answer.get("errors"), None, "{answer}");
        answer["data"].clone()
    }

    /// Asks what is refused, and returns why.
    pub(crate) async fn refused_with(&self, document: &str) -> String {
        self.refused(document, &json!({})).await
    }

    /// Asks with variables what is refused, and returns why.
    pub(crate) async fn refused(&self, document: &str, variables: &Value) -> String {
        let answer = self.answer(document, variables).await;
        let message = answer["errors"][0]["message"].as_str();
        message.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    async fn answer(&self, document: &str, variables: &Value) -> Value {
        let url = format!("http://{}/graphql", self.server.addresses.http);
        let asked = json!({ "query": document, "variables": variables });
        let response = self.client.post(url).json(&asked).send().await;
        let response = response.expect("an answer");
        response.json().await.expect("a JSON answer")
    }

    /// Gets the calendar, if it is another one than the tag names: status, tag, media type and text.
    pub(crate) async fn calendar(&self, query: &str, tag: &str) -> (u16, String, String, String) {
        let url = format!("http://{}/calendar.ics?{query}", self.server.addresses.http);
        let request = self.client.get(url).header("if-none-match", tag);
        let response = request.send().await.expect("an answer");
        let said = |name: &str| {
            let value = response.headers().get(name);
            value
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned()
        };
        let (tag, media) = (said("etag"), said("content-type"));
        let status = response.status().as_u16();
        (status, tag, media, response.text().await.expect("a body"))
    }

    /// Gets a path of the page's address.
    pub(crate) async fn get(&self, path: &str) -> (StatusCode, String) {
        let url = format!("http://{}{path}", self.server.addresses.http);
        let response = self.client.get(url).send().await.expect("an answer");
        let status = response.status();
        (status, response.text().await.expect("a body"))
    }
}

/// An own event. Its id is its content's unless `data` comes with one of its own.
pub(crate) fn event(kind: &str, time: &str, data: &Value) -> Value {
    json!({ "source": "test", "type": kind, "time": time, "data": data })
}
