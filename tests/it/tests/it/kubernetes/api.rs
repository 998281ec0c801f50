//! An API server of Kubernetes, as far as lists and watches go, that fails when a test says so.
//!
//! It keeps to the protocol: one version for everything, lists in pages with tokens, watches as
//! lines of JSON from a version on, bookmarks, and 410 for versions and tokens that were compacted
//! away, as a status or inside the stream. It checks no credentials.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::watch;

/// A running API server.
pub(crate) struct Api {
    world: Arc<World>,
    address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

struct World {
    state: Mutex<Objects>,
    /// Rung after every change and every fault.
    bell: watch::Sender<u64>,
}

/// Namespace and name.
type Name = (String, String);

#[derive(Default)]
struct Objects {
    version: u64,
    /// Versions before this one are forgotten.
    oldest: u64,
    kinds: HashMap<String, BTreeMap<Name, Value>>,
    history: Vec<Happened>,
    /// Watches that began before this fault break.
    faults: u64,
    /// Whether nobody is let in.
    is_down: bool,
    lists: u64,
    gone_answers: u64,
    gone_lines: u64,
    torn_lines: u64,
}

#[derive(Clone)]
struct Happened {
    version: u64,
    plural: String,
    line: String,
}

/// What the server did, for a test that wants to be sure it happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Did {
    pub(crate) lists: u64,
    pub(crate) gone_answers: u64,
    pub(crate) gone_lines: u64,
    pub(crate) torn_lines: u64,
}

impl Api {
    /// Starts on a free port, with nothing in it.
    pub(crate) async fn start() -> Self {
        let world = Arc::new(World {
            state: Mutex::new(Objects {
                version: 1,
                ..Objects::default()
            }),
            bell: watch::Sender::new(0),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&world));
        let serving = tokio::spawn(async move {
            drop(axum::serve(listener, router).await);
        });
        Self {
            world,
            address,
            serving,
        }
    }

    /// Writes the file by which a client finds it.
    pub(crate) fn kubeconfig(&self, folder: &Path) -> PathBuf {
        let path = folder.join("kubeconfig");
        let server = format!("http://{}", self.address);
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{ "name": "test", "cluster": { "server": server } }],
            "users": [{ "name": "test", "user": {} }],
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
        });
        std::fs::write(&path, config.to_string()).expect("a file");
        path
    }

    /// Creates or replaces an object.
    pub(crate) fn set(&self, plural: &str, namespace: &str, name: &str, mut object: Value) {
        let mut state = self.state();
        state.version += 1;
        let metadata = &mut object["metadata"];
        metadata["name"] = json!(name);
        if !namespace.is_empty() {
            metadata["namespace"] = json!(namespace);
        }
        metadata["resourceVersion"] = json!(state.version.to_string());
        let key = (namespace.to_owned(), name.to_owned());
        let kind = state.kinds.entry(plural.to_owned()).or_default();
        let was_there = kind.insert(key, object.clone()).is_some();
        let what = if was_there { "MODIFIED" } else { "ADDED" };
        state.happened(plural, what, &object);
        self.ring(state);
    }

    /// Changes an object in place.
    pub(crate) fn touch(&self, plural: &str, namespace: &str, name: &str, with: fn(&mut Value)) {
        let key = (namespace.to_owned(), name.to_owned());
        let object = self.state().kinds[plural].get(&key).cloned();
        let mut object = object.unwrap_or_else(|| panic!("no {plural} {key:?}"));
        with(&mut object);
        self.set(plural, namespace, name, object);
    }

    /// Deletes an object.
    pub(crate) fn delete(&self, plural: &str, namespace: &str, name: &str) {
        let mut state = self.state();
        state.version += 1;
        let version = state.version;
        let key = (namespace.to_owned(), name.to_owned());
        let kind = state.kinds.get_mut(plural).expect("the kind");
        let mut object = kind.remove(&key).expect("the object");
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        state.happened(plural, "DELETED", &object);
        self.ring(state);
    }

    /// Names of all objects of a kind.
    pub(crate) fn names(&self, plural: &str) -> Vec<String> {
        let state = self.state();
        let names = state.kinds.get(plural).into_iter().flatten();
        names.map(|((_, name), _)| name.clone()).collect()
    }

    /// Forgets everything up to now, as compaction does.
    pub(crate) fn compact(&self) {
        let mut state = self.state();
        state.version += 1;
        state.oldest = state.version;
        state.history.clear();
        self.ring(state);
    }

    /// Breaks every watch in the middle of a line.
    pub(crate) fn break_watches(&self) {
        let mut state = self.state();
        state.faults += 1;
        self.ring(state);
    }

    /// Answers nobody, or everybody again.
    pub(crate) fn set_down(&self, is_down: bool) {
        let mut state = self.state();
        state.is_down = is_down;
        self.ring(state);
    }

    pub(crate) fn did(&self) -> Did {
        let state = self.state();
        Did {
            lists: state.lists,
            gone_answers: state.gone_answers,
            gone_lines: state.gone_lines,
            torn_lines: state.torn_lines,
        }
    }

    fn state(&self) -> MutexGuard<'_, Objects> {
        self.world.state.lock().expect("no test panics with it")
    }

    fn ring(&self, state: MutexGuard<'_, Objects>) {
        drop(state);
        self.world.bell.send_modify(|rung| *rung += 1);
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Objects {
    fn happened(&mut self, plural: &str, what: &str, object: &Value) {
        let line = json!({ "type": what, "object": object }).to_string() + "\n";
        self.history.push(Happened {
            version: self.version,
            plural: plural.to_owned(),
            line,
        });
    }

    /// One page, or that its token is too old.
    fn page(&mut self, plural: &str, limit: usize, token: Option<&str>) -> Response {
        let (version, after) = match token.and_then(|token| token.split_once('|')) {
            Some((version, after)) => (version.parse().unwrap_or(0), after.to_owned()),
            None => (self.version, String::new()),
        };
        if version < self.oldest {
            self.gone_answers += 1;
            return gone().into_response();
        }
        self.lists += u64::from(token.is_none());
        let place = |(namespace, name): &Name| format!("{namespace}/{name}");
        let objects = self.kinds.get(plural).into_iter().flatten();
        let mut rest = objects.filter(|(name, _)| after.is_empty() || after < place(name));
        let page: Vec<(String, Value)> = rest
            .by_ref()
            .take(limit)
            .map(|(name, object)| (place(name), object.clone()))
            .collect();
        let mut metadata = json!({ "resourceVersion": version.to_string() });
        if let (Some((last, _)), Some(_)) = (page.last(), rest.next()) {
            metadata["continue"] = json!(format!("{version}|{last}"));
        }
        let items: Vec<Value> = page.into_iter().map(|(_, object)| object).collect();
        axum::Json(json!({ "kind": "List", "metadata": metadata, "items": items })).into_response()
    }
}

fn gone() -> (StatusCode, axum::Json<Value>) {
    let status = json!({ "kind": "Status", "code": 410, "reason": "Expired" });
    (StatusCode::GONE, axum::Json(status))
}

async fn answer(
    State(world): State<Arc<World>>,
    uri: Uri,
    Query(asked): Query<HashMap<String, String>>,
) -> Response {
    let plural = uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let mut state = world.state.lock().expect("no test panics with it");
    if state.is_down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let asked_for = |name: &str| asked.get(name).map(String::as_str);
    if asked_for("watch") != Some("true") {
        let limit = asked_for("limit").and_then(|limit| limit.parse().ok());
        return state.page(&plural, limit.unwrap_or(usize::MAX), asked_for("continue"));
    }
    let from = asked_for("resourceVersion").and_then(|version| version.parse().ok());
    let from: u64 = from.expect("a watch begins at a version");
    // Who asks for what is forgotten hears it at once; who is connected, inside the stream.
    if from < state.oldest {
        state.gone_answers += 1;
        return gone().into_response();
    }
    let follower = Follower {
        reached: from,
        faults: state.faults,
        is_over: false,
        rung: world.bell.subscribe(),
        plural,
        world: Arc::clone(&world),
    };
    drop(state);
    let lines = stream::unfold(follower, |mut follower| async {
        let next = follower.next().await?;
        Some((next, follower))
    });
    Body::from_stream(lines).into_response()
}

/// One watch.
struct Follower {
    plural: String,
    reached: u64,
    faults: u64,
    is_over: bool,
    rung: watch::Receiver<u64>,
    world: Arc<World>,
}

impl Follower {
    /// The next bytes; an error tears the connection.
    async fn next(&mut self) -> Option<Result<String, io::Error>> {
        loop {
            if self.is_over {
                return Some(Err(io::Error::other("torn")));
            }
            self.rung.borrow_and_update();
            if let Some(bytes) = self.now() {
                return bytes.map(Ok);
            }
            self.rung.changed().await.ok()?;
        }
    }

    /// What there is to send; `Some(None)` ends the stream in order.
    fn now(&mut self) -> Option<Option<String>> {
        let mut state = self.world.state.lock().expect("no test panics with it");
        if self.reached < state.oldest {
            if self.reached == 0 {
                return Some(None);
            }
            state.gone_lines += 1;
            self.reached = 0;
            let line = json!({ "type": "ERROR", "object": gone().1.0 });
            return Some(Some(format!("{line}\n")));
        }
        let news = state
            .history
            .iter()
            .filter(|it| self.reached < it.version && it.plural == self.plural);
        let news: Vec<String> = news.map(|happened| happened.line.clone()).collect();
        let version = state.version;
        let bookmark = json!({ "type": "BOOKMARK",
            "object": { "metadata": { "resourceVersion": version.to_string() } } });
        if self.faults < state.faults || state.is_down {
            state.torn_lines += 1;
            self.is_over = true;
            let line = news.first().cloned();
            let line = line.unwrap_or_else(|| bookmark.to_string());
            let half: String = line.chars().take(line.chars().count() / 2).collect();
            return Some(Some(half));
        }
        if self.reached == version {
            return None;
        }
        self.reached = version;
        Some(Some(format!("{}{bookmark}\n", news.concat())))
    }
}
