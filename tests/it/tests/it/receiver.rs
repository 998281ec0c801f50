//! An endpoint for deliveries: it writes down what comes and answers as its path says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::running::Running;

/// Longer than any test waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Subscribes to everything but for what `more` says of it, and returns the id and the secret.
pub(crate) async fn subscribe(server: &Running, url: &str, more: &Value) -> (String, String) {
    let mut input = json!({ "name": "test", "url": url, "match": {} });
    let fields = input.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    let document = "mutation ($input: SubscribeInput!) { subscribe(input: $input) { id secret } }";
    let answer = server.ask_with(document, &json!({ "input": input })).await;
    let text = |field: &str| {
        let value = answer["subscribe"][field].as_str();
        value.expect("a text").to_owned()
    };
    (text("id"), text("secret"))
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) timestamp: String,
    pub(crate) signatures: String,
    pub(crate) media: String,
    pub(crate) body: Vec<u8>,
    pub(crate) status: u16,
}

impl Received {
    /// The body as JSON.
    pub(crate) fn event(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// The platform's id of the change it tells of.
    pub(crate) fn change(&self) -> String {
        let id = self.event()["data"]["change"]["sourceId"].clone();
        id.as_str().expect("a change").to_owned()
    }

    /// Whether it is genuine, as the specification's library for Rust says.
    pub(crate) fn is_signed_by(&self, secret: &str) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("webhook-id", &self.id),
            ("webhook-timestamp", &self.timestamp),
            ("webhook-signature", &self.signatures),
        ] {
            headers.insert(name, value.parse().expect("a header"));
        }
        let library = standardwebhooks::Webhook::new(secret).expect("the form of a secret");
        library.verify(&self.body, &headers).is_ok()
    }

    /// Whether the signature of Ed25519 is that of a public key.
    pub(crate) fn is_signed_for(&self, public_key: &str) -> bool {
        let key = public_key.strip_prefix("whpk_").expect("the form of a key");
        let key = STANDARD.decode(key).expect("base64");
        let mut signed = format!("{}.{}.", self.id, self.timestamp).into_bytes();
        signed.extend_from_slice(&self.body);
        let mut signatures = self.signatures.split(' ');
        signatures.any(|signature| {
            let signature = signature.strip_prefix("v1a,").unwrap_or_default();
            let signature = STANDARD.decode(signature).expect("base64");
            UnparsedPublicKey::new(&ED25519, &key)
                .verify(&signed, &signature)
                .is_ok()
        })
    }
}

/// A running endpoint.
pub(crate) struct Receiver {
    pub(crate) url: String,
    book: Arc<Book>,
    changed: watch::Receiver<usize>,
    _stop: tokio::task::JoinHandle<()>,
}

struct Book {
    received: Mutex<Vec<Received>>,
    count: watch::Sender<usize>,
}

impl Receiver {
    /// Starts one on a free port. The first word of a path says how it answers: `ok`, `fail`, `gone`,
    /// `hang`, `twice`, which fails the first two times, or `echo` and `text`, which answer a challenge with it.
    pub(crate) async fn start() -> Self {
        let (count, changed) = watch::channel(0);
        let book = Arc::new(Book {
            received: Mutex::new(Vec::new()),
            count,
        });
        let router = Router::new().fallback(take).with_state(Arc::clone(&book));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        Self {
            url: format!("http://{address}"),
            book,
            changed,
            _stop: serving,
        }
    }

    /// What came to a path so far.
    pub(crate) fn at(&self, path: &str) -> Vec<Received> {
        let received = self.book.received.lock().expect("a whole book");
        let here = received.iter().filter(|received| received.path == path);
        here.cloned().collect()
    }

    /// Waits until what came to a path is as it should be.
    pub(crate) async fn until(
        &self,
        path: &str,
        is_so: impl Fn(&[Received]) -> bool,
    ) -> Vec<Received> {
        let mut changed = self.changed.clone();
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                changed.borrow_and_update();
                let here = self.at(path);
                if is_so(&here) {
                    return here;
                }
                changed.changed().await.expect("the receiver lives");
            }
        });
        let waited = waited.await;
        waited.unwrap_or_else(|_| panic!("{path} got {} requests only", self.at(path).len()))
    }
}

async fn take(
    State(book): State<Arc<Book>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let path = uri.path().to_owned();
    let status = {
        let mut received = book.received.lock().expect("a whole book");
        let before = received.iter().filter(|it| it.path == path).count();
        let status = match path.split('/').nth(1) {
            Some("fail") => StatusCode::INTERNAL_SERVER_ERROR,
            Some("gone") if before == 0 => StatusCode::GONE,
            Some("twice") if before < 2 => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::NO_CONTENT,
        };
        received.push(Received {
            path: path.clone(),
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signatures: header("webhook-signature"),
            media: header("content-type"),
            body: body.to_vec(),
            status: status.as_u16(),
        });
        status
    };
    book.count.send_modify(|count| *count += 1);
    if path.starts_with("/hang") {
        std::future::pending::<()>().await;
    }
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    match (said["data"]["challenge"].as_str(), path.split('/').nth(1)) {
        (Some(_), Some("echo")) => {
            let answer = serde_json::json!({ "challenge": said["data"]["challenge"] });
            (StatusCode::OK, answer.to_string())
        }
        (Some(challenge), Some("text")) => (StatusCode::OK, challenge.to_owned()),
        _ => (status, String::new()),
    }
}
