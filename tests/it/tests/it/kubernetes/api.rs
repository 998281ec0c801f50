//! An API server of Kubernetes, as far as lists and watches go, that fails when a test says so.
//!
//! It keeps to the protocol: one version for everything, lists in pages of one moment with
//! tokens, watches as lines of JSON from a version on, bookmarks, and 410 for versions and
//! tokens that were compacted away, as a status or inside the stream.

mod faults;
mod login;
mod watching;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::watch;

use faults::Faults;
use login::Secured;
pub(crate) use login::{Access, certificate, pem};
use watching::Follower;

/// A running API server.
pub(crate) struct Api {
    world: Arc<World>,
    /// How it is reached, as a kubeconfig says it.
    cluster: Value,
    serving: tokio::task::JoinHandle<()>,
}

struct World {
    state: Mutex<Objects>,
    /// Rung after every change and every fault.
    bell: watch::Sender<u64>,
}

/// Namespace and name.
type Name = (String, String);
/// Objects as they are written in an answer.
type Written = BTreeMap<Name, Arc<str>>;

#[derive(Default)]
struct Objects {
    version: u64,
    /// Versions before this one are forgotten.
    oldest: u64,
    /// Whom it lets in.
    access: Access,
    kinds: HashMap<String, Kind>,
    faults: Faults,
    did: Did,
}

#[derive(Default)]
struct Kind {
    objects: Arc<Written>,
    /// The list that is being read, and its version: every page of it shows that moment.
    listed: Option<(u64, Arc<Written>)>,
    /// Lines of watches with their versions, in order.
    history: Vec<(u64, String)>,
}

/// What the server did, for a test that wants to be sure it happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Did {
    pub(crate) lists: u64,
    pub(crate) gone_answers: u64,
    pub(crate) gone_lines: u64,
    pub(crate) torn_lines: u64,
    pub(crate) repeated_lines: u64,
    pub(crate) late_pages: u64,
    pub(crate) refusals: u64,
    pub(crate) unauthorized: u64,
}

impl Api {
    /// Starts on a free port, with nothing in it, for everybody and in the clear.
    pub(crate) async fn start() -> Self {
        let (world, router) = Self::world(Access::Anybody);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("an address");
        Self {
            world,
            cluster: json!({ "server": format!("http://{address}") }),
            serving: tokio::spawn(async move { drop(axum::serve(listener, router).await) }),
        }
    }

    /// Starts behind TLS, for those who may come in.
    pub(crate) async fn start_for(access: Access) -> Self {
        let (world, router) = Self::world(access);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let listener = Secured::new(listener, access);
        Self {
            world,
            cluster: json!({ "server": format!("https://{address}"),
                "certificate-authority-data": certificate("ca.pem") }),
            serving: tokio::spawn(async move { drop(axum::serve(listener, router).await) }),
        }
    }

    fn world(access: Access) -> (Arc<World>, Router) {
        let world = Arc::new(World {
            state: Mutex::new(Objects {
                version: 1,
                access,
                ..Objects::default()
            }),
            bell: watch::Sender::new(0),
        });
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&world));
        (world, router)
    }

    /// Writes the file by which a client finds it and logs in.
    pub(crate) fn kubeconfig(&self, folder: &Path, user: &Value) -> PathBuf {
        self.kubeconfig_believing(folder, user, &self.cluster["certificate-authority-data"])
    }

    /// The same, with another authority.
    pub(crate) fn kubeconfig_believing(
        &self,
        folder: &Path,
        user: &Value,
        authority: &Value,
    ) -> PathBuf {
        let path = folder.join("kubeconfig");
        let mut cluster = self.cluster.clone();
        if authority.is_string() {
            cluster["certificate-authority-data"] = authority.clone();
        }
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{ "name": "test", "cluster": cluster }],
            "users": [{ "name": "test", "user": user }],
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
        });
        std::fs::write(&path, config.to_string()).expect("a file");
        path
    }

    /// Creates or replaces an object.
    pub(crate) fn set(&self, plural: &str, namespace: &str, name: &str, mut object: Value) {
        let mut state = self.state();
        state.version += 1;
        let version = state.version;
        let metadata = &mut object["metadata"];
        metadata["name"] = json!(name);
        if !namespace.is_empty() {
            metadata["namespace"] = json!(namespace);
        }
        metadata["resourceVersion"] = json!(version.to_string());
        let kind = state.kinds.entry(plural.to_owned()).or_default();
        let key = (namespace.to_owned(), name.to_owned());
        let written: Arc<str> = object.to_string().into();
        let before = Arc::make_mut(&mut kind.objects).insert(key, Arc::clone(&written));
        let what = match before {
            Some(_) => "MODIFIED",
            None => "ADDED",
        };
        kind.happened(version, what, &written);
        self.ring(state);
    }

    /// Changes an object in place.
    pub(crate) fn touch(&self, plural: &str, namespace: &str, name: &str, with: fn(&mut Value)) {
        let key = (namespace.to_owned(), name.to_owned());
        let written = self.state().kinds[plural].objects.get(&key).cloned();
        let written = written.unwrap_or_else(|| panic!("no {plural} {key:?}"));
        let mut object = serde_json::from_str(&written).expect("it was written here");
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
        let removed = Arc::make_mut(&mut kind.objects).remove(&key);
        let mut object: Value = serde_json::from_str(&removed.expect("the object")).expect("JSON");
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        kind.happened(version, "DELETED", &object.to_string());
        self.ring(state);
    }

    /// How many objects of a kind there are.
    pub(crate) fn count(&self, plural: &str) -> usize {
        let state = self.state();
        state.kinds.get(plural).map_or(0, |kind| kind.objects.len())
    }

    /// What it did so far.
    pub(crate) fn did(&self) -> Did {
        self.state().did
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

impl Kind {
    fn happened(&mut self, version: u64, what: &str, written: &str) {
        let line = format!("{{\"type\":\"{what}\",\"object\":{written}}}\n");
        self.history.push((version, line));
    }

    /// Everything after a version.
    fn since(&self, version: u64) -> &[(u64, String)] {
        let first = self.history.partition_point(|(at, _)| *at <= version);
        &self.history[first..]
    }
}

impl Objects {
    /// One page, or that its token is too old.
    fn page(&mut self, plural: &str, limit: usize, token: Option<&str>) -> Response {
        let token = token.and_then(|token| {
            let (version, after) = token.split_once('|')?;
            let (namespace, name) = after.split_once('/')?;
            Some((
                version.parse().ok()?,
                (namespace.to_owned(), name.to_owned()),
            ))
        });
        self.did.lists += u64::from(token.is_none());
        if token.is_some() && self.faults.late_pages > 0 {
            self.faults.late_pages -= 1;
            self.did.late_pages += 1;
            return gone().into_response();
        }
        let kind = self.kinds.entry(plural.to_owned()).or_default();
        let (version, objects, after) = match (token, kind.listed.take()) {
            (None, _) => (self.version, Arc::clone(&kind.objects), None),
            (Some((version, after)), Some((of, objects)))
                if of == version && self.oldest <= version =>
            {
                (version, objects, Some(after))
            }
            (Some(_), _) => {
                self.did.gone_answers += 1;
                return gone().into_response();
            }
        };
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = objects.range((begin, Bound::Unbounded));
        let page: Vec<(&Name, &Arc<str>)> = rest.by_ref().take(limit).collect();
        let mut metadata = json!({ "resourceVersion": version.to_string() });
        if let (Some(((namespace, name), _)), Some(_)) = (page.last(), rest.next()) {
            metadata["continue"] = json!(format!("{version}|{namespace}/{name}"));
            kind.listed = Some((version, Arc::clone(&objects)));
        }
        let items: Vec<&str> = page.iter().map(|(_, written)| &***written).collect();
        let items = items.join(",");
        let body = format!("{{\"kind\":\"List\",\"metadata\":{metadata},\"items\":[{items}]}}");
        ([(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

fn gone() -> (StatusCode, axum::Json<Value>) {
    let status = json!({ "kind": "Status", "code": 410, "reason": "Expired" });
    (StatusCode::GONE, axum::Json(status))
}

async fn answer(
    State(world): State<Arc<World>>,
    uri: Uri,
    headers: HeaderMap,
    Query(asked): Query<HashMap<String, String>>,
) -> Response {
    let plural = uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let asked_for = |name: &str| asked.get(name).map(String::as_str);
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok());
    let refused = world.refuse(authorization);
    if let Some(refusal) = refused {
        return refusal;
    }
    if asked_for("watch") == Some("true") {
        let from = asked_for("resourceVersion").and_then(|version| version.parse().ok());
        return watch(&world, plural, from.expect("a watch begins at a version"));
    }
    let limit = asked_for("limit").and_then(|limit| limit.parse().ok());
    let token = asked_for("continue");
    if let Some(takes) = world.page_takes().filter(|_| token.is_some()) {
        tokio::time::sleep(takes).await;
    }
    let mut state = world.state.lock().expect("no test panics with it");
    state.page(&plural, limit.unwrap_or(usize::MAX), token)
}

fn watch(world: &Arc<World>, plural: String, from: u64) -> Response {
    let mut state = world.state.lock().expect("no test panics with it");
    // Who asks for what is forgotten hears it at once; who is connected, inside the stream.
    if from < state.oldest {
        state.did.gone_answers += 1;
        return gone().into_response();
    }
    let follower = Follower::new(&state, world, plural, from);
    drop(state);
    Body::from_stream(follower.lines()).into_response()
}

impl World {
    fn refuse(&self, authorization: Option<&str>) -> Option<Response> {
        let mut state = self.state.lock().expect("no test panics with it");
        let refused = state.refuse();
        refused.or_else(|| state.unauthorized(authorization))
    }

    fn page_takes(&self) -> Option<Duration> {
        let state = self.state.lock().expect("no test panics with it");
        state.faults.page_takes
    }
}
