//! Subscriptions through the whole process: declared, listed, previewed, ended, and no secret on the disk.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use server::config::{LoopbackDeliveries, MailTls, Settings};
use tokio::net::TcpListener;

use crate::running::{Running, event, folder};

const LIST: &str =
    "{ subscriptions { totalCount nodes { id name url format enabled match position } } }";

const SUBSCRIBE: &str = "mutation ($input: SubscribeInput!) {
    subscribe(input: $input) { id secret publicKey position } }";

fn estate() -> Vec<Value> {
    let time = "2026-11-20T10:00:00Z";
    let needs = json!({ "dependent": "service:web", "provider": "service:api", "kind": "calls" });
    let change = |id: &str, target: &str| {
        event(
            "change.recorded",
            time,
            &json!({ "sourceId": id, "title": format!("ship {id}"), "targets": [target] }),
        )
    };
    vec![
        event("relation.observed", time, &needs),
        change("one", "service:api"),
        change("two", "service:other"),
        event(
            "incident.opened",
            time,
            &json!({ "sourceId": "inc", "title": "down", "items": ["service:api"] }),
        ),
    ]
}

/// Whether a text stands anywhere in the files below a folder.
fn is_on_disk(folder: &Path, text: &str) -> bool {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.into_iter().any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            return is_on_disk(&path, text);
        }
        let bytes = fs::read(&path).expect("a file");
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}

#[tokio::test]
async fn a_subscription_is_listed_survives_a_restart_and_ends() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let url = "http://127.0.0.1:9/services/hidden-path?token=hidden-token";
    let input = json!({ "name": "web on call", "url": url,
        "match": { "items": ["service:web"], "direction": "DEPENDS_ON", "hopsMax": 2, "incidents": true } });
    let answer = server.ask_with(SUBSCRIBE, &json!({ "input": input })).await;
    let subscribed = &answer["subscribe"];
    let secret = subscribed["secret"].as_str().expect("a secret").to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    assert!(
        subscribed["publicKey"]
            .as_str()
            .is_some_and(|key| key.starts_with("whpk_"))
    );
    let listed = server.ask(LIST).await;
    let node = &listed["subscriptions"]["nodes"][0];
    assert_eq!(node["id"], subscribed["id"]);
    assert_eq!(node["url"], "http://127.0.0.1:9");
    assert_eq!(node["enabled"], true);
    assert_eq!(node["match"]["direction"], "depends_on");
    server.stop().await;
    let again = Running::over(folder.path()).await;
    assert_eq!(again.ask(LIST).await, listed);
    let bare = secret.trim_start_matches("whsec_");
    for hidden in [bare, "hidden-path", "hidden-token"] {
        assert!(
            !is_on_disk(folder.path(), hidden),
            "{hidden} is on the disk"
        );
    }
    assert!(
        is_on_disk(folder.path(), "web on call"),
        "the log is looked through"
    );
    let id = subscribed["id"].as_str().expect("an id");
    let end = format!(r#"mutation {{ unsubscribe(id: "{id}") {{ id position }} }}"#);
    again.ask(&end).await;
    assert_eq!(again.ask(LIST).await["subscriptions"]["totalCount"], 0);
    let refused = again.refused_with(&end).await;
    assert_eq!(refused, format!("there is no subscription {id}"));
    let seals = fs::read_dir(folder.path().join("data/seals")).expect("a folder");
    assert_eq!(
        seals.count(),
        0,
        "keys of an ended subscription are forgotten"
    );
    again.stop().await;
}

#[tokio::test]
async fn a_preview_tells_what_would_have_been_heard_and_why() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server.take(&estate()).await;
    let asked = r#"{ previewSubscription(lookback: "P3650D", match: {
        items: ["service:web"], direction: DEPENDS_ON, incidents: true }) {
        total considered truncated
        notices { hops change { sourceId } incident { sourceId } origin { key } touched { key } } } }"#;
    let preview = &server.ask(asked).await["previewSubscription"];
    assert_eq!(
        (&preview["total"], &preview["considered"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(preview["notices"][0]["incident"]["sourceId"], "inc");
    let change = &preview["notices"][1];
    assert_eq!(change["change"]["sourceId"], "one");
    assert_eq!(change["origin"]["key"], "service:web");
    assert_eq!(
        (&change["touched"]["key"], &change["hops"]),
        (&json!("service:api"), &json!(1))
    );
    let texts = r#"{ previewSubscription(lookback: "P3650D", match: { filter: { text: "two" } }) {
        total notices { change { sourceId } } } }"#;
    let preview = &server.ask(texts).await["previewSubscription"];
    assert_eq!(preview["total"], 1);
    assert_eq!(preview["notices"][0]["change"]["sourceId"], "two");
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_its_field() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let refused = async |url: &str, wanted: &str| {
        let document = format!(
            r#"mutation {{ subscribe(input: {{ name: "n", url: "{url}", match: {wanted} }}) {{ id }} }}"#
        );
        server.refused_with(&document).await
    };
    assert_eq!(
        refused("https://me:pw@example.com", "{}").await,
        "url must not hold a name or a password"
    );
    let private = refused("http://10.0.0.1/", "{}").await;
    assert!(
        private.starts_with("url leads to 10.0.0.1, a private network"),
        "{private}"
    );
    assert_eq!(
        refused("https://example.com", "{ hopsMax: 2 }").await,
        "match.direction and match.hopsMax need items, inside or a team"
    );
    assert_eq!(
        refused("https://example.com", "{ changes: false }").await,
        "match is about neither changes nor incidents"
    );
    assert_eq!(server.ask(LIST).await["subscriptions"]["totalCount"], 0);
    server.stop().await;
    let mut settings = Settings::defaults();
    settings.deliveries.loopback = LoopbackDeliveries::Never;
    let strict = Running::with(settings, folder.path()).await;
    let document =
        r#"mutation { subscribe(input: { name: "n", url: "http://127.1/", match: {} }) { id } }"#;
    let told = strict.refused_with(document).await;
    assert!(
        told.starts_with("url leads to 127.0.0.1, this machine"),
        "{told}"
    );
    strict.stop().await;
}

/// Settings with a server of mail that nobody is.
async fn mail_to_nobody() -> Settings {
    let mut settings = Settings::defaults();
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    settings.mail.server = "127.0.0.1".to_owned();
    settings.mail.port = taken.local_addr().expect("an address").port();
    settings.mail.tls = MailTls::None;
    settings.mail.from = "epicenter@example.com".to_owned();
    settings
}

#[tokio::test]
async fn mail_needs_a_server_in_the_configuration() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let input = json!({ "name": "x", "url": "mailto:li@example.com", "match": {} });
    let refused = server.refused(SUBSCRIBE, &json!({ "input": input })).await;
    let expected = "url is of mail, and this server sends none: `mail.server` is not set";
    assert_eq!(refused, expected);
    server.stop().await;
}

#[tokio::test]
async fn a_subscription_by_mail_hides_its_addresses_and_becomes_one_of_the_web_and_back() {
    let folder = folder();
    let server = Running::with(mail_to_nobody().await, folder.path()).await;
    let input = |url: &str, format: &str| {
        let input = json!({ "name": "x", "url": url, "match": {}, "format": format });
        json!({ "input": input })
    };
    let (mail, web) = ("mailto:hidden-person@example.com", "https://example.com/x");
    for (url, format) in [(mail, "SLACK"), (mail, "CLOUD_EVENTS"), (web, "EMAIL")] {
        let refused = server.refused(SUBSCRIBE, &input(url, format)).await;
        let expected = "format EMAIL and a url that begins with mailto: go together";
        assert_eq!(refused, expected, "{url} {format}");
    }
    let given = json!({ "input": { "name": "x", "url": mail, "match": {} } });
    let answer = server.ask_with(SUBSCRIBE, &given).await;
    let id = answer["subscribe"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let edit = "mutation ($id: ID!, $input: UpdateSubscriptionInput!) {
        updateSubscription(id: $id, input: $input) { url format } }";
    let edited = async |input: Value| {
        let variables = json!({ "id": id, "input": input });
        let answer = server.ask_with(edit, &variables).await;
        answer["updateSubscription"].clone()
    };
    let by_mail = json!({ "url": "mailto:*@example.com", "format": "EMAIL" });
    assert_eq!(edited(json!({ "name": "y" })).await, by_mail);
    let by_web = json!({ "url": "https://example.com", "format": "CLOUD_EVENTS" });
    assert_eq!(edited(json!({ "url": web })).await, by_web);
    assert_eq!(edited(json!({ "url": mail })).await, by_mail);
    let verify = "mutation ($id: ID!, $code: String) {
        verifySubscription(id: $id, code: $code) { status error } }";
    let sent = server.ask_with(verify, &json!({ "id": id })).await;
    let attempt = &sent["verifySubscription"];
    assert_eq!(attempt["status"], Value::Null);
    let told = attempt["error"].as_str().expect("a reason");
    assert!(told.contains("onnection"), "{told}");
    let wrong = server
        .refused(verify, &json!({ "id": id, "code": "x" }))
        .await;
    assert!(wrong.starts_with("the code is not one"), "{wrong}");
    server.stop().await;
    assert!(!is_on_disk(folder.path(), "hidden-person"));
}
