//! A locked server with an estate of two halves that need each other, and whose words tell which half they are of:
//! everything of one says `okapi`, everything of the other `zebra`, and what is of both says neither.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::crawling::{Crawled, Crawler, INTROSPECTION};
use crate::plain;
use crate::serving::{Serving, epicenter};
use crate::tokens::token;

pub(crate) const HALVES: [&str; 2] = ["okapi", "zebra"];

pub(crate) struct Halves {
    serving: Serving,
    pub(crate) admin: String,
    _folder: tempfile::TempDir,
    /// What was refused to tokens of limited sight.
    refused: Mutex<BTreeSet<String>>,
}

impl Halves {
    /// A server that holds the estate.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let (_, admin) = token(&data, "admin", &[]);
        let (_, ingest) = token(&data, "ingest", &[]);
        let config = folder.path().join("epicenter.toml");
        let limits = "graphql.fields_max = 1000000\ngraphql.cost_max = 2000000000\n\
            graphql.depth_max = 60\ngraphql.document_bytes = 10000000\ngraphql.request_timeout_ms = 120000\n";
        fs::write(&config, format!("auth.required = true\n{limits}")).unwrap();
        let serving = Serving::with(&data, &["--config", config.to_str().unwrap()]);
        let halves = Self {
            serving,
            admin,
            _folder: folder,
            refused: Mutex::default(),
        };
        let mut events = shared();
        events.extend(half("okapi", "zebra"));
        events.extend(half("zebra", "okapi"));
        let (status, told) = halves.post("/ingest/events", &ingest, &json!(events)).await;
        assert_eq!(status, 200, "{told}");
        halves
    }

    /// A token to read with that sees a part.
    pub(crate) async fn reader(&self, sight: Value) -> String {
        let input = json!({ "name": "a reader", "scopes": ["READ"], "sight": sight });
        let create =
            "mutation($input: CreateTokenInput!) { createToken(input: $input) { secret } }";
        let body = json!({ "query": create, "variables": { "input": input } });
        let (_, told) = self.post("/graphql", &self.admin, &body).await;
        let secret = told.pointer("/data/createToken/secret");
        secret
            .unwrap_or_else(|| panic!("{told}"))
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) async fn ask(&self, secret: &str, document: &str) -> Value {
        let body = json!({ "query": document });
        self.post("/graphql", secret, &body).await.1
    }

    /// What whoever may see everything is answered, and what a token is.
    pub(crate) async fn both(&self, secret: &str, document: &str) -> [Value; 2] {
        [
            self.ask(&self.admin, document).await["data"].take(),
            self.ask(secret, document).await["data"].take(),
        ]
    }

    /// What a command prints to the holder of a token.
    pub(crate) fn told(&self, secret: &str, arguments: &[&str]) -> String {
        let mut command = epicenter(arguments);
        let command = command.args(["--server", &self.serving.http]);
        let output = command.env("EPICENTER_TOKEN", secret).output().unwrap();
        let said = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
        assert!(output.status.success(), "{arguments:?}: {said:?}");
        said.concat()
    }

    pub(crate) async fn status(&self, secret: &str, path: &str) -> u16 {
        let url = format!("{}{path}", self.serving.http);
        let request = plain::client().get(url).bearer_auth(secret);
        request.send().await.unwrap().status().as_u16()
    }

    pub(crate) async fn post(&self, path: &str, secret: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.serving.http);
        let request = plain::client().post(url).bearer_auth(secret).json(body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub(crate) async fn crawler(&self) -> Crawler {
        Crawler::of(&self.ask(&self.admin, INTROSPECTION).await)
    }

    /// Asks for all of a root that a token may see.
    pub(crate) async fn crawl(
        &self,
        crawler: &Crawler,
        secret: &str,
        root: &str,
        arguments: &str,
    ) -> Crawled {
        loop {
            let refused = match secret == self.admin {
                true => BTreeSet::new(),
                false => self.refused.lock().unwrap().clone(),
            };
            let Some(document) = crawler.document(root, arguments, &refused) else {
                return Crawled::Refused;
            };
            let answer = self.ask(secret, &document).await;
            let fields = answer.pointer("/errors/0/extensions/fields");
            let Some(fields) = fields.and_then(Value::as_array) else {
                let scope = answer.pointer("/errors/0/extensions/scope");
                let is_limited = answer.pointer("/errors/0/message")
                    == Some(&json!("this is not for tokens of limited sight"));
                return match scope.is_some() || is_limited {
                    true => Crawled::Refused,
                    false => Crawled::Answered(answer),
                };
            };
            let mut refused = self.refused.lock().unwrap();
            let before = refused.len();
            refused.extend(fields.iter().map(|it| it.as_str().unwrap().to_owned()));
            assert!(before < refused.len(), "{answer}");
        }
    }
}

fn event(source: &str, kind: &str, at: &str, data: &Value) -> Value {
    json!({ "source": source, "type": kind, "time": format!("2026-11-20T{at}:00Z"), "data": data })
}

/// What is of one half, and how the other half hangs on it.
pub(crate) fn half(own: &str, other: &str) -> Vec<Value> {
    let source = format!("{own}-platform");
    let say = |kind: &str, at: &str, data: Value| event(&source, kind, at, &data);
    let item = |key: &str, level: &str| {
        say(
            "item.observed",
            "08:00",
            json!({
                "key": key, "displayName": format!("{own} shown"), "owner": format!("team-{own}"),
                "criticality": level, "claims": [{ "scheme": "serial", "value": format!("{own}-{key}") }],
                "aliases": [{ "scheme": "hostname", "value": format!("{own}-host-{key}") }],
                "attributes": { format!("{own}_attribute"): format!("{own} value"), "on_call": format!("{own}-on-call") },
            }),
        )
    };
    let relation = |dependent: &str, provider: &str, kind: &str| {
        let data = json!({ "dependent": dependent, "provider": provider, "kind": kind });
        say("relation.observed", "08:00", data)
    };
    let (web, db) = (
        format!("{own}_service:{own}-env/{own}-web"),
        format!("{own}_database:{own}-env/{own}-db"),
    );
    let business = format!("business:{own}-env/{own}-business");
    let others = format!("{other}_database:{other}-env/{other}-db");
    let change = |id: &str, at: &str, targets: Value| {
        say(
            "change.recorded",
            at,
            json!({
                "sourceId": format!("{own}-{id}"), "title": format!("{own} release of words"), "targets": targets,
                "description": format!("{own} described"), "operator": format!("{own}-olga"), "kind": format!("{own}_deployment"),
                "environment": format!("{own}-env"), "link": format!("https://{own}.example/change"),
                "scene": format!("{own}-scene"), "startedAt": format!("2026-11-20T{at}:00Z"),
                "status": "succeeded", "declaredImpact": [web],
                "artifacts": [{ "name": format!("{own}-artifact"), "version": "1" }],
            }),
        )
    };
    let incident = |id: &str, at: &str, items: Value| {
        say(
            "incident.opened",
            at,
            json!({
                "sourceId": format!("{own}-{id}"), "title": format!("{own} words fail"), "items": items,
                "description": format!("{own} described"), "severity": format!("{own}-severe"),
                "environment": format!("{own}-env"), "startedAt": format!("2026-11-20T{at}:00Z"),
                "link": format!("https://{own}.example/incident"), "declared": true,
            }),
        )
    };
    vec![
        item(&web, "P0"),
        item(&db, "P1"),
        item(&business, "P0"),
        relation(&web, &db, &format!("{own}_needs")),
        relation(&web, &others, "calls"),
        relation(&web, &business, "part_of"),
        relation(&db, &business, "part_of"),
        change("c1", "09:40", json!([db])),
        change("c2", "09:50", json!([web])),
        incident("i1", "10:00", json!([web])),
    ]
}

/// What is of both halves, in words of neither.
fn shared() -> Vec<Value> {
    let both = |name: &str| {
        let keys = HALVES.map(|half| format!("{half}_{name}:{half}-env/{half}-{}", short(name)));
        json!(keys)
    };
    let say = |kind: &str, at: &str, data: Value| event("shared", kind, at, &data);
    vec![
        say(
            "change.recorded",
            "09:45",
            json!({ "sourceId": "both", "title": "upgrade of both", "targets": both("database"),
                "startedAt": "2026-11-20T09:45:00Z", "batches": [{ "index": 0, "targets": both("database") }] }),
        ),
        say(
            "change.recorded",
            "09:30",
            json!({ "sourceId": "none", "title": "upgrade of nothing", "targets": [],
                "startedAt": "2026-11-20T09:30:00Z" }),
        ),
        say(
            "incident.opened",
            "10:05",
            json!({ "sourceId": "both", "title": "both are slow", "items": both("service"),
                "startedAt": "2026-11-20T10:05:00Z" }),
        ),
    ]
}

fn short(kind: &str) -> &str {
    match kind {
        "database" => "db",
        _ => "web",
    }
}
