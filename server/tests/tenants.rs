//! Tenants, with the real binary: what is of one is told, kept and let in by that one alone.

#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it is for"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::asked::{Asked, IDS};
use crate::crawling::{Crawler, INTROSPECTION, marked};
use crate::halves::{HALVES, half};
use crate::plain;
use crate::serving::{Serving, epicenter};
use crate::tokens::token;

/// A server with two tenants, each with one half of an estate, and a token to administer each.
struct Tenants {
    serving: Serving,
    secrets: BTreeMap<String, String>,
    folder: TempDir,
}

impl Tenants {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("tenants");
        fs::create_dir(&files).unwrap();
        let limits = "graphql.fields_max = 1000000\ngraphql.cost_max = 2000000000\n\
            graphql.depth_max = 60\ngraphql.document_bytes = 10000000\ngraphql.request_timeout_ms = 120000\n";
        let config = format!("tenants_dir = {files:?}\n{limits}");
        fs::write(folder.path().join("epicenter.toml"), config).unwrap();
        let mut secrets = BTreeMap::new();
        let data = folder.path().join("data");
        secrets.insert("".to_owned(), token(&data, "admin", &[]).1);
        for tenant in HALVES {
            fs::write(files.join(format!("{tenant}.toml")), "").unwrap();
            let data = data.join("tenants").join(tenant);
            secrets.insert(tenant.to_owned(), token(&data, "admin", &[]).1);
        }
        let serving = serve(folder.path());
        let tenants = Self {
            serving,
            secrets,
            folder,
        };
        for tenant in HALVES {
            let (status, told) = tenants
                .post(tenant, "/ingest/events", &json!(half(tenant, tenant)))
                .await;
            assert_eq!(status, 200, "{told}");
        }
        tenants
    }

    /// Where a tenant is; the server itself by an empty name.
    fn base(&self, tenant: &str) -> String {
        let http = &self.serving.http;
        match tenant {
            "" => http.clone(),
            name => format!("{http}/t/{name}"),
        }
    }

    async fn post(&self, tenant: &str, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.base(tenant));
        let request = plain::client().post(url).json(body);
        let answer = request.bearer_auth(&self.secrets[tenant]).send().await;
        let answer = answer.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn ask(&self, tenant: &str, document: &str) -> Value {
        let body = json!({ "query": document });
        self.post(tenant, "/graphql", &body).await.1
    }

    /// The names and ids of everything that a tenant has.
    async fn markers(&self, tenant: &str) -> Vec<String> {
        let lists = "{ items(first: 100) { nodes { id } } changes { nodes { id } } incidents { nodes { id } } }";
        let answer = self.ask(tenant, lists).await;
        let lists = answer["data"].as_object().unwrap().values();
        let nodes = lists.flat_map(|list| list["nodes"].as_array().unwrap());
        let ids = nodes.map(|node| node["id"].as_str().unwrap().to_owned());
        let markers: Vec<String> = ids.chain([tenant.to_owned()]).collect();
        assert_eq!(markers.len(), 3 + 2 + 1 + 1);
        markers
    }
}

fn serve(folder: &Path) -> Serving {
    let config = folder.join("epicenter.toml");
    let data = folder.join("data");
    Serving::with(&data, &["--config", config.to_str().unwrap()])
}

fn other(tenant: &str) -> &'static str {
    let other = HALVES.into_iter().find(|it| *it != tenant);
    other.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_of_a_tenant_tells_nothing_of_another_one() {
    let tenants = Tenants::new().await;
    let crawler = Crawler::of(&tenants.ask("okapi", INTROSPECTION).await);
    let everything = BTreeSet::new();
    let mut silent = Vec::new();
    for tenant in HALVES {
        let own = [tenant.to_owned()];
        let said = ["shown", "release", "described", "value", "words"];
        let said = said.map(|word| format!("{tenant} {word}")).to_vec();
        let hidden = tenants.markers(other(tenant)).await;
        let asked = Asked::of(&tenants.ask(tenant, IDS).await, tenant);
        for root in crawler.roots() {
            let mut of_own = 0;
            for arguments in asked.arguments(root) {
                let document = crawler.document(root, &arguments, &everything).unwrap();
                let answer = tenants.ask(tenant, &document).await;
                assert!(answer.get("errors").is_none(), "{root}: {answer:.1000}");
                let of_other = marked(&answer, &hidden);
                assert!(of_other.is_empty(), "{root} tells {of_other:?}");
                of_own += marked(&answer, &own).len();
                // The server itself is a tenant like the others, and has nothing but the words of the question.
                let of_server = marked(&tenants.ask("", &document).await["data"], &said);
                assert!(of_server.is_empty(), "{root} tells {of_server:?}");
            }
            if of_own == 0 {
                silent.push(root);
            }
        }
    }
    // What is silent has nothing of either, so that silence of the others means something.
    silent.sort_unstable();
    silent.dedup();
    assert_eq!(silent.join(" "), SILENT);
}

/// Roots that tell no tenant's own words: nothing of what they are about was stated.
const SILENT: &str = "anomalies calendar changeMeasures coverage dataQuality deliveries dependencyCycles drift groups \
    levels mayChange measurementStore platforms quality quarantine questionsAsked relationKinds riskRules scene scenes \
    sharedInfrastructure simulateRisk subscriptions tokens";

#[tokio::test(flavor = "multi_thread")]
async fn what_another_tenant_has_is_answered_as_what_is_not_there() {
    let tenants = Tenants::new().await;
    for tenant in HALVES {
        for id in tenants.markers(other(tenant)).await {
            let Some((kind, _)) = id.split_once('_') else {
                continue;
            };
            let nowhere = format!("{kind}_0123456789abcdef0123456789abcdef");
            for question in [
                "node(id: \"SOME\") { id }",
                "change(id: \"SOME\") { id }",
                "incident(id: \"SOME\") { id }",
                "item(key: \"SOME\") { id }",
                "why(item: \"SOME\") { nodes { position } }",
                "blastRadius(change: \"SOME\") { total }",
                "changesNearby(incident: \"SOME\") { considered }",
            ] {
                let ask = async |id: &str| {
                    let document = format!("{{ {} }}", question.replace("SOME", id));
                    let mut answer = tenants.ask(tenant, &document).await;
                    answer["extensions"].take();
                    answer.to_string().replace(id, "SOME")
                };
                assert_eq!(ask(&id).await, ask(&nowhere).await, "{question}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_the_doors_of_its_own_tenant_only() {
    let tenants = Tenants::new().await;
    let question = json!({ "query": "{ items { totalCount } }" });
    let everybody = ["", "okapi", "zebra"];
    for holder in everybody {
        let secret = &tenants.secrets[holder];
        for tenant in everybody {
            let base = tenants.base(tenant);
            let asked = [
                plain::client()
                    .post(format!("{base}/graphql"))
                    .json(&question),
                plain::client()
                    .post(format!("{base}/ingest/events"))
                    .json(&json!([])),
                plain::client()
                    .post(format!("{base}/v1/traces"))
                    .json(&json!({})),
                plain::client().get(format!("{base}/metrics")),
                plain::client().get(format!("{base}/calendar.ics")),
            ];
            for request in asked {
                let url = request.try_clone().unwrap().build().unwrap().url().clone();
                let answer = request.bearer_auth(secret).send().await.unwrap();
                let wanted = if holder == tenant { 200 } else { 401 };
                assert_eq!(answer.status().as_u16(), wanted, "{holder:?} at {url}");
            }
        }
    }
    let nobody = plain::client().post(format!("{}/t/quagga/graphql", tenants.serving.http));
    let answer = nobody.json(&question).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 404);

    // The header says the same, and what is said with it lies where it was said to.
    let url = format!("{}/ingest/events", tenants.serving.http);
    let said =
        json!([{ "source": "a", "type": "item.observed", "data": { "key": "service:by-header" } }]);
    let request = plain::client()
        .post(url)
        .header("epicenter-tenant", "zebra");
    let request = request.bearer_auth(&tenants.secrets["zebra"]).json(&said);
    assert_eq!(request.send().await.unwrap().status().as_u16(), 200);
    let items = "{ items(first: 100, filter: { text: \"by-header\" }) { totalCount } }";
    for (tenant, count) in [("", 0), ("okapi", 0), ("zebra", 1)] {
        let answer = tenants.ask(tenant, items).await;
        assert_eq!(answer["data"]["items"]["totalCount"], count, "{tenant:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_a_folder_of_its_own_that_commands_work_over() {
    let mut tenants = Tenants::new().await;
    let listed = |base: &str, secret: &str| {
        let mut items = epicenter(&["items", "--server", base]);
        let output = items.env("EPICENTER_TOKEN", secret).output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{told}");
        told
    };
    let before = listed(&tenants.base("okapi"), &tenants.secrets["okapi"]);
    assert!(
        before.contains("okapi-web") && !before.contains("zebra"),
        "{before}"
    );

    tenants.serving.signal("-KILL");
    tenants.serving.child.wait().unwrap();
    // Alone, the folder of a tenant is that of any server.
    let data = tenants.folder.path().join("data/tenants/okapi");
    let alone = Serving::over(&data);
    assert_eq!(listed(&alone.http, &tenants.secrets["okapi"]), before);
    drop(alone);
    tenants.serving = serve(tenants.folder.path());
    assert_eq!(
        listed(&tenants.base("okapi"), &tenants.secrets["okapi"]),
        before
    );
}
