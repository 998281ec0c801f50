//! Tokens and locked doors, with the real binary.

#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it is for"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Output;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::plain;
use crate::serving::{Serving, epicenter};
use crate::written::is_written;

fn run(arguments: &[&str]) -> Output {
    epicenter(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The JSON that a command prints.
fn json(arguments: &[&str]) -> Value {
    let output = run(&[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_token_is_made_listed_and_revoked_over_a_server_and_over_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut serving = Serving::over(folder.path());
    let http = serving.http.clone();
    let server = ["--server", &http];
    let create = ["token", "create", "collector", "--scope", "ingest"];
    let made = json(&[&create[..], &server].concat());
    let secret = made["secret"].as_str().unwrap().to_owned();
    let id = made["token"]["id"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("epicenter_") && secret.len() == 74);

    let refused = run(&[&create[..], &["--expires-in", "P400D"], &server].concat());
    assert!(!refused.status.success());
    let told = text(&refused.stderr);
    assert!(told.contains("expiresIn is from PT1M to P366D"), "{told}");

    let listed = text(&run(&[&["token", "list"], &server[..]].concat()).stdout);
    assert!(listed.contains("collector") && listed.contains("ingest") && listed.contains("active"));
    assert!(!listed.contains(&secret));
    serving.signal("-TERM");
    assert!(serving.child.wait().unwrap().success());

    let over_folder = ["--data-dir", data];
    let revoke = ["token", "revoke", &id, "--reason", "lost"];
    json(&[&revoke[..], &over_folder].concat());
    let all = json(&[&["token", "list", "--all"], &over_folder[..]].concat());
    assert_eq!(all[0]["status"], "REVOKED");
    assert_eq!(all[0]["revokedReason"], "lost");
    let counting = json(&[&["token", "list"], &over_folder[..]].concat());
    assert_eq!(counting, serde_json::json!([]));
    assert!(is_written(folder.path(), "token.revoked"));
    assert!(!is_written(folder.path(), &secret));
    assert!(!is_written(folder.path(), &secret["epicenter_".len()..]));
}

/// A locked server, and the token that may do everything.
struct Locked {
    serving: Serving,
    admin: String,
    folder: tempfile::TempDir,
}

impl Locked {
    fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let create = ["token", "create", "boss", "--scope", "admin", "--data-dir"];
        let made = json(&[&create[..], &[data.to_str().unwrap()]].concat());
        let config = folder.path().join("epicenter.toml");
        fs::write(&config, format!("auth.required = true\n{more}")).unwrap();
        let config = config.to_str().unwrap();
        let serving = Serving::with(&data, &["--config", config]);
        Self {
            serving,
            admin: made.get("secret").unwrap().as_str().unwrap().to_owned(),
            folder,
        }
    }

    /// What a command prints that shows the token of the boss.
    fn run(&self, arguments: &[&str]) -> Value {
        let server = ["--server", &self.serving.http, "--json"];
        let mut command = epicenter(&[arguments, &server].concat());
        let output = command.env("EPICENTER_TOKEN", &self.admin).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The id and the secret of a new token.
    fn token(&self, scope: &str) -> (String, String) {
        self.token_with(scope, &[])
    }

    /// The same with more flags.
    fn token_with(&self, scope: &str, more: &[&str]) -> (String, String) {
        let create = ["token", "create", scope, "--scope", scope];
        let made = self.run(&[&create[..], more].concat());
        let part = |pointer: &str| made.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        (part("/token/id"), part("/secret"))
    }

    fn request(&self, method: Method, path: &str, secret: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.serving.http);
        let request = plain::client().request(method, url);
        match secret.is_empty() {
            true => request,
            false => request.bearer_auth(secret),
        }
    }

    /// The status and the body of an answer.
    async fn send(&self, request: RequestBuilder) -> (u16, String) {
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// `200`, or the status with the code and the missing scope.
    async fn ask(&self, secret: &str, document: &str) -> String {
        let request = self.request(Method::POST, "/graphql", secret);
        let request = request.json(&serde_json::json!({ "query": document }));
        let (status, body) = self.send(request).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        let extension = |name: &str| {
            let found = body.pointer(&format!("/errors/0/extensions/{name}"));
            found.and_then(Value::as_str).map(str::to_owned)
        };
        let parts = [
            Some(status.to_string()),
            extension("code"),
            extension("scope"),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    async fn events(&self, secret: &str, body: &str) -> (u16, String) {
        let request = self.request(Method::POST, "/ingest/events", secret);
        let request = request.header("content-type", "application/json");
        self.send(request.body(body.to_owned())).await
    }
}

const ITEM: &str = r#"{"source":"test","type":"item.observed","data":{"key":"service:a"}}"#;
const VOID: &str = r#"{"source":"test","type":"source.retracted","data":{"source":"other"}}"#;
const ITEMS: &str = "{ items { totalCount } }";
const TOKENS: &str = "{ tokens { totalCount } }";
const INCIDENT: &str = r#"mutation { openIncident(input: {source: "a", sourceId: "1", title: "t", items: ["service:a"]}) { position } }"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_server_lets_in_by_scope_and_a_revoked_token_out_at_once() {
    let server = Locked::new("");
    let (ingest_id, ingest) = server.token("ingest");
    let (_, read) = server.token("read");
    let (_, operate) = server.token("operate");

    for open in ["/healthz", "/readyz", "/", "/ingest/events/schema.json"] {
        let answered = server.send(server.request(Method::GET, open, "")).await;
        assert_eq!(answered.0, 200, "{open}");
    }
    assert_eq!(server.ask("", ITEMS).await, "401 UNAUTHENTICATED");
    assert_eq!(server.ask(&read, ITEMS).await, "200");
    assert_eq!(server.ask(&read, TOKENS).await, "403 FORBIDDEN admin");
    assert_eq!(server.ask(&read, INCIDENT).await, "403 FORBIDDEN operate");
    assert_eq!(server.ask(&operate, INCIDENT).await, "200");
    assert_eq!(server.ask(&ingest, ITEMS).await, "403 FORBIDDEN read");
    let basic = server.request(Method::GET, "/metrics", "");
    let basic = basic.basic_auth("anybody", Some(&read));
    assert_eq!(server.send(basic).await.0, 200);

    assert_eq!(server.events("", ITEM).await.0, 401);
    assert_eq!(server.events(&read, ITEM).await.0, 403);
    assert_eq!(server.events(&ingest, ITEM).await.0, 200);
    let (status, told) = server.events(&ingest, VOID).await;
    assert_eq!(status, 400);
    assert!(told.contains("needs the scope `admin`"), "{told}");

    let metrics = server
        .request(Method::GET, "/metrics", &ingest)
        .send()
        .await;
    let metrics = metrics.unwrap();
    let challenge = metrics.headers()["www-authenticate"].to_str().unwrap();
    assert_eq!(metrics.status(), 403);
    assert!(challenge.ends_with(r#"error="insufficient_scope", scope="read""#));

    let listed = server.run(&["token", "list"]);
    let of = |id: &str| {
        let mut each = listed.as_array().unwrap().iter();
        each.find(|token| token["id"] == id).unwrap().clone()
    };
    assert!(of(&ingest_id)["lastUsedAt"].is_string());
    assert!(
        of(&ingest_id)["createdBy"]
            .as_str()
            .unwrap()
            .starts_with("tok_")
    );

    server.run(&["token", "revoke", &ingest_id]);
    let revoked = server.events(&ingest, ITEM).await;
    let unknown = server.events(&format!("epicenter_{:064}", 0), ITEM).await;
    let malformed = server.events("nonsense", ITEM).await;
    assert_eq!(revoked.0, 401);
    assert_eq!(revoked, unknown);
    assert_eq!(revoked, malformed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_proves_itself_needs_no_token_and_any_other_does() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "shared-with-alertmanager\n").unwrap();
    let server = Locked::new(&format!(
        "[[senders]]\nform = \"alertmanager\"\nname = \"eu\"\nsecret_files = [{:?}]\n",
        secret.to_str().unwrap()
    ));
    let body = r#"{"version":"4","status":"firing","receiver":"r","groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"","groupKey":"k","alerts":[]}"#;
    let status = async |path: &str, secret: &str| {
        let request = server.request(Method::POST, path, secret);
        let request = request
            .header("content-type", "application/json")
            .body(body);
        server.send(request).await.0
    };
    let (_, ingest) = server.token("ingest");
    let (eu, plain, unknown) = (
        "/ingest/alertmanager/eu",
        "/ingest/alertmanager",
        "/ingest/alertmanager/us",
    );
    assert_eq!(status(eu, "shared-with-alertmanager").await, 200);
    assert_eq!(status(eu, "").await, 401);
    assert_eq!(status(eu, &ingest).await, 401);
    assert_eq!(status(plain, "shared-with-alertmanager").await, 401);
    assert_eq!(status(plain, &ingest).await, 200);
    assert_eq!(status(unknown, "").await, 401);
    assert_eq!(status(unknown, &ingest).await, 404);
}

/// The names of the fields of a root type.
fn roots(schema: &str, root: &str) -> Vec<String> {
    let (_, fields) = schema.split_once(&format!("\ntype {root} {{\n")).unwrap();
    let (fields, _) = fields.split_once("\n}\n").unwrap();
    let mut in_text = false;
    let mut names = Vec::new();
    for line in fields.lines() {
        let Some(line) = line.strip_prefix('\t') else {
            continue;
        };
        if line == "\"\"\"" {
            in_text = !in_text;
            continue;
        }
        let is_name = line.starts_with(|first: char| first.is_ascii_lowercase());
        if is_name && !in_text {
            let name = line.split(['(', ':']).next().unwrap();
            names.push(name.to_owned());
        }
    }
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scope_may_do_what_the_committed_matrix_says() {
    let server = Locked::new("");
    let scopes = ["read", "ingest", "operate", "admin"];
    let mut secrets = scopes.map(|scope| (scope, server.token(scope).1)).to_vec();
    // One that reads, and sees a part of the estate only.
    let (_, part) = server.token_with("read", &["--sees-team", "a"]);
    secrets.push(("part", part));
    let schema = text(&run(&["schema"]).stdout);
    let mut matrix = String::new();
    for (root, operation) in [
        ("Query", "query"),
        ("Mutation", "mutation"),
        ("Subscription", "subscription"),
    ] {
        for field in roots(&schema, root) {
            let document = format!("{operation} {{ {field} {{ __typename }} }}");
            let anonymous = server.ask("", &document).await;
            assert_eq!(anonymous, "401 UNAUTHENTICATED", "{document}");
            let mut may = String::new();
            for (scope, secret) in &secrets {
                // Whatever else is wrong with a document, it is told to those only who may.
                let answered = server.ask(secret, &document).await;
                if !answered.starts_with("403 ") {
                    may.push(' ');
                    may.push_str(scope);
                }
            }
            matrix.push_str(&format!("{operation} {field}:{may}\n"));
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/access.matrix.txt");
    if std::env::var_os("UPDATE_MATRIX").is_some() {
        fs::write(&path, &matrix).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        matrix, committed,
        "run UPDATE_MATRIX=1 cargo test -p server --test all access, and read what it changes"
    );
}

const LIVE: &str = "subscription { changes { position } }";
const CHANGE: &str = r#"{"source":"test","type":"change.recorded","data":{"sourceId":"1","title":"t","targets":["service:a"]}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_live_stream_tells_nothing_more_once_its_token_is_revoked() {
    let server = Locked::new("");
    let (id, read) = server.token("read");
    let request = server.request(Method::POST, "/graphql", &read);
    let request = request.header("accept", "text/event-stream");
    let request = request.json(&serde_json::json!({ "query": LIVE }));
    let stream = request.send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let mut socket = Socket::open(&server.serving.http);
    let introduction = serde_json::json!({
        "type": "connection_init", "payload": { "Authorization": format!("Bearer {read}") },
    });
    socket.say(&introduction);
    assert_eq!(socket.hear(), r#"{"type":"connection_ack"}"#);
    socket.say(&serde_json::json!({
        "type": "subscribe", "id": "1", "payload": { "query": LIVE },
    }));
    server.run(&["token", "revoke", &id]);
    assert_eq!(server.events(&server.admin, CHANGE).await.0, 200);
    let told = stream.text().await.unwrap();
    assert!(!told.contains("position"), "{told}");
    assert_eq!(socket.hear(), "4403 Forbidden");

    let mut socket = Socket::open(&server.serving.http);
    socket.say(&introduction);
    assert_eq!(socket.hear(), "4403 Forbidden");
    drop(server.folder);
}

/// A WebSocket that says and hears short texts.
struct Socket(TcpStream);

impl Socket {
    fn open(http: &str) -> Self {
        let host = http.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let request = format!(
            "GET /graphql HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
             Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", text(&head));
        Self(stream)
    }

    fn say(&mut self, message: &Value) {
        let bytes = message.to_string().into_bytes();
        let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        // A text, masked by zeros, its length in two bytes.
        let head = [0x81, 0xfe, length[0], length[1], 0, 0, 0, 0];
        self.0.write_all(&head).unwrap();
        self.0.write_all(&bytes).unwrap();
    }

    /// The next text, or the code and the reason of the end. Pings are passed over.
    fn hear(&mut self) -> String {
        loop {
            let mut head = [0; 2];
            self.0.read_exact(&mut head).unwrap();
            let mut body = vec![0; usize::from(head[1])];
            self.0.read_exact(&mut body).unwrap();
            match head[0] & 0x0f {
                1 => return text(&body),
                8 => {
                    let (code, reason) = body.split_first_chunk().unwrap();
                    return format!("{} {}", u16::from_be_bytes(*code), text(reason));
                }
                _ => {}
            }
        }
    }
}
