//! The log of questions, with the real binary.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it is for"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::plain;
use crate::serving::{Serving, epicenter};
use crate::tokens::token;
use crate::written::is_written;

/// A locked server over a folder, with a token that may do everything and one that may read.
struct Locked {
    serving: Serving,
    data: PathBuf,
    config: PathBuf,
    admin: Token,
    reader: Token,
}

struct Token {
    id: String,
    secret: String,
}

impl Token {
    fn new(data: &Path, scope: &str) -> Self {
        let (id, secret) = token(data, scope, &[]);
        Self { id, secret }
    }
}

impl Locked {
    fn over(folder: &Path) -> Self {
        let (data, config) = (folder.join("data"), folder.join("epicenter.toml"));
        let (admin, reader) = (Token::new(&data, "admin"), Token::new(&data, "read"));
        fs::write(&config, "auth.required = true\naudit.every_ms = 20\n").unwrap();
        Self {
            serving: Serving::with(&data, &["--config", config.to_str().unwrap()]),
            data,
            config,
            admin,
            reader,
        }
    }

    fn again(&mut self) {
        self.serving = Serving::with(&self.data, &["--config", self.config.to_str().unwrap()]);
    }

    async fn post(&self, path: &str, token: &Token, body: &Value) -> Value {
        let url = format!("{}{path}", self.serving.http);
        let request = plain::client()
            .post(url)
            .bearer_auth(&token.secret)
            .json(body);
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn ask(&self, token: &Token, document: &str, variables: Value) -> Value {
        let body = json!({ "query": document, "variables": variables });
        self.post("/graphql", token, &body).await
    }

    /// What was written down of the reader, the newest first, as lines; waits until there are so many.
    async fn asked(&self, filter: Value, count: usize) -> Vec<String> {
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let answer = self
                .ask(&self.admin, ASKED, json!({ "filter": filter }))
                .await;
            let nodes = answer["data"]["questionsAsked"]["nodes"]
                .as_array()
                .unwrap();
            if count <= nodes.len() {
                return nodes.iter().map(said).collect();
            }
            assert!(Instant::now() < patience, "{answer}");
        }
    }
}

const ASKED: &str = "query ($filter: QuestionsAskedFilter) { questionsAsked(filter: $filter) {
    nodes { who kind operation fields hash outcome rows times } next lost } }";
const SEARCH: &str = "query Search($text: String) { items(filter: {text: $text}) { totalCount edges { node { id } } } }";

fn said(node: &Value) -> String {
    let text = |name: &str| node[name].as_str().unwrap_or("-").to_owned();
    let (kind, operation, fields) = (text("kind"), text("operation"), &node["fields"]);
    format!(
        "{kind} {operation} {fields} {} rows {}",
        text("outcome"),
        node["rows"]
    )
}

fn audit(data: &Path, command: &str) -> std::process::Output {
    let mut command = epicenter(&["audit", command, "--data-dir"]);
    command.arg(data).output().unwrap()
}

/// Flips a bit of a text where it stands in a file of a folder.
fn flip(folder: &Path, text: &str) {
    let changed = fs::read_dir(folder).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).ok()?;
        let mut windows = bytes.windows(text.len());
        let at = windows.position(|window| window == text.as_bytes())?;
        bytes[at + 5] ^= 1;
        fs::write(&path, bytes).ok()
    });
    assert_eq!(changed.count(), 1, "it stands in one file in plain");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_is_written_down_with_who_asked_and_without_what_they_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Locked::over(folder.path());
    let item =
        json!([{ "source": "test", "type": "item.observed", "data": { "key": "service:a" } }]);
    server.post("/ingest/events", &server.admin, &item).await;
    let looked_for = json!({ "text": "a-most-peculiar-text" });
    server.ask(&server.reader, SEARCH, looked_for.clone()).await;
    server
        .ask(
            &server.reader,
            "{ a: items { edges { node { id } } } teams { totalCount } }",
            json!({}),
        )
        .await;
    server
        .ask(&server.reader, "{ tokens { totalCount } }", json!({}))
        .await;
    server.ask(&server.reader, "{ nothing", json!({})).await;
    server.post("/ingest/events", &server.reader, &item).await;
    // Whoever is nobody is counted elsewhere.
    let nobody = Token {
        id: String::new(),
        secret: "wrong".to_owned(),
    };
    server.ask(&nobody, SEARCH, looked_for).await;

    let reader = json!({ "who": server.reader.id });
    assert_eq!(
        server.asked(reader, 5).await,
        [
            "REQUEST - [\"/ingest/events\"] 403 rows 0",
            "QUERY - [] GRAPHQL_PARSE_FAILED rows 0",
            "QUERY - [\"tokens\"] FORBIDDEN rows 0",
            "QUERY - [\"items\",\"teams\"] OK rows 1",
            "QUERY Search [\"items\"] OK rows 0",
        ]
    );
    let by_admin = json!({ "who": server.admin.id, "field": "/ingest/events" });
    assert_eq!(
        server.asked(by_admin, 1).await,
        ["REQUEST - [\"/ingest/events\"] 200 rows 0"]
    );
    let refused = server.ask(&server.reader, ASKED, json!({})).await;
    assert_eq!(refused["errors"][0]["extensions"]["scope"], "admin");

    server.serving.signal("-TERM");
    assert!(server.serving.child.wait().unwrap().success());
    let exported = audit(&server.data, "export");
    let exported = String::from_utf8(exported.stdout).unwrap();
    assert!(
        exported
            .lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok())
    );
    assert!(exported.contains(&server.reader.id) && exported.contains("questionsAsked"));
    for hidden in [
        "a-most-peculiar-text",
        &server.reader.secret,
        &server.admin.secret,
        "wrong",
    ] {
        assert!(!exported.contains(hidden), "{hidden}");
        assert!(!is_written(&server.data.join("audit"), hidden), "{hidden}");
    }

    assert!(audit(&server.data, "verify").status.success());
    flip(&server.data.join("audit/000001"), &server.reader.id);
    assert!(!audit(&server.data, "verify").status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_down_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Locked::over(folder.path());
    server
        .ask(&server.reader, SEARCH, json!({ "text": "x" }))
        .await;
    let reader = json!({ "who": server.reader.id });
    let before = server.asked(reader.clone(), 1).await;
    server.serving.signal("-KILL");
    server.serving.child.wait().unwrap();
    server.again();
    assert_eq!(server.asked(reader.clone(), 1).await, before);
    server
        .ask(&server.reader, SEARCH, json!({ "text": "y" }))
        .await;
    assert_eq!(server.asked(reader, 2).await.len(), 2);
    assert!(audit(&server.data, "verify").status.success());
}

#[test]
fn nothing_is_written_down_where_nobody_says_who_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = Serving::over(folder.path());
    let asked = epicenter(&["items", "--server", &serving.http])
        .output()
        .unwrap();
    assert!(asked.status.success());
    serving.signal("-TERM");
    assert!(serving.child.wait().unwrap().success());
    assert!(!folder.path().join("audit").exists());
}
