//! Endpoints that have to show that they want to hear from us.

use serde_json::{Value, json};
use server::config::{Settings, VerifiedEndpoints};

use crate::receiver::{Received, Receiver, subscribe};
use crate::running::{Running, event, folder};

const CHALLENGE: &str = "epicenter.subscription.verification";

fn hasty(verify: VerifiedEndpoints) -> Settings {
    let mut settings = Settings::defaults();
    settings.deliveries.retry_after = vec!["PT0.01S".to_owned()];
    settings.deliveries.verify = verify;
    settings
}

fn change(id: &str) -> Value {
    event(
        "change.recorded",
        "2026-11-20T10:00:00Z",
        &json!({ "sourceId": id, "targets": ["service:a"] }),
    )
}

async fn move_to(server: &Running, id: &str, url: &str) {
    let document = format!(
        r#"mutation {{ updateSubscription(id: "{id}", input: {{ url: "{url}" }}) {{ id }} }}"#
    );
    server.ask(&document).await;
}

async fn verify(server: &Running, id: &str) -> Value {
    let document =
        format!(r#"mutation {{ verifySubscription(id: "{id}") {{ number status error }} }}"#);
    server.ask(&document).await["verifySubscription"].clone()
}

/// How the only subscription is verified, once it is so.
async fn verification(server: &Running, is_so: impl Fn(&Value) -> bool) -> Value {
    let asked = "{ subscriptions { nodes { verify verifiedAt deliveries { verification { required verifiedAt attempts nextAt error } } } } }";
    loop {
        let node = server.ask(asked).await["subscriptions"]["nodes"][0].clone();
        let verification = &node["deliveries"]["verification"];
        if is_so(verification) {
            assert_eq!(node["verifiedAt"], verification["verifiedAt"]);
            return verification.clone();
        }
        tokio::task::yield_now().await;
    }
}

fn kinds(received: &[Received]) -> Vec<String> {
    let each = received.iter().map(|one| {
        let kind = one.event()["type"].clone();
        kind.as_str().expect("a type").to_owned()
    });
    each.collect()
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_the_challenge_is_sent_nothing_else() {
    let folder = folder();
    let receiver = Receiver::start().await;
    let server = Running::with(hasty(VerifiedEndpoints::Asked), folder.path()).await;
    let url = format!("{}/ok/a", receiver.url);
    let (id, secret) = subscribe(&server, &url, &json!({ "verify": true })).await;
    server.take(&[change("1")]).await;
    let given_up = |it: &Value| it["attempts"] == 2;
    let standing = verification(&server, given_up).await;
    let expected = json!({ "required": true, "verifiedAt": null, "attempts": 2, "nextAt": null,
        "error": "the answer 204 No Content does not hold the challenge" });
    assert_eq!(standing, expected);
    let received = receiver.at("/ok/a");
    assert_eq!(kinds(&received), [CHALLENGE, CHALLENGE]);
    assert!(received[0].is_signed_by(&secret));
    let challenge = |one: &Received| one.event()["data"]["challenge"].clone();
    assert_ne!(challenge(&received[0]), challenge(&received[1]));
    let test = format!(r#"mutation {{ testSubscription(id: "{id}") {{ status }} }}"#);
    let refused = "the endpoint is not verified; verifySubscription sends it a challenge";
    assert_eq!(server.refused_with(&test).await, refused);

    move_to(&server, &id, &format!("{}/text/a", receiver.url)).await;
    let answered = verify(&server, &id).await;
    assert_eq!(
        answered,
        json!({ "number": 3, "status": 200, "error": null })
    );
    let received = receiver.until("/text/a", |all| all.len() == 2).await;
    assert_eq!(received[1].change(), "1", "what waited is sent");
    let standing = verification(&server, |it| it["verifiedAt"].is_string()).await;
    assert_eq!(standing["error"], Value::Null);
    assert_eq!(server.ask(&test).await["testSubscription"]["status"], 204);

    verify(&server, &id).await;
    verify(&server, &id).await;
    let document = format!(r#"mutation {{ verifySubscription(id: "{id}") {{ status }} }}"#);
    let refused = server.refused_with(&document).await;
    assert!(
        refused.starts_with("too many challenges were sent; the next may be sent at "),
        "{refused}"
    );
    server.stop().await;
}

#[tokio::test]
async fn where_it_is_required_every_endpoint_is_verified_and_every_new_host_is_anew() {
    let folder = folder();
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let server = Running::with(hasty(VerifiedEndpoints::Required), folder.path()).await;
    let (id, _) = subscribe(&server, &format!("{}/echo/a", receiver.url), &json!({})).await;
    server.take(&[change("1")]).await;
    let received = receiver.until("/echo/a", |all| all.len() == 2).await;
    assert_eq!(kinds(&received), [CHALLENGE, "epicenter.change.recorded"]);
    server.stop().await;

    let server = Running::with(hasty(VerifiedEndpoints::Required), folder.path()).await;
    move_to(&server, &id, &format!("{}/echo/b", receiver.url)).await;
    server.take(&[change("2")]).await;
    let received = receiver.until("/echo/b", |all| all.len() == 1).await;
    assert_eq!(received[0].change(), "2", "the host is known");
    move_to(&server, &id, &format!("{}/echo/c", other.url)).await;
    server.take(&[change("3")]).await;
    let received = other.until("/echo/c", |all| all.len() == 2).await;
    assert_eq!(kinds(&received), [CHALLENGE, "epicenter.change.recorded"]);
    server.stop().await;
}

#[tokio::test]
async fn a_chat_is_trusted_on_its_own_host_or_one_that_is_named() {
    let folder = folder();
    let receiver = Receiver::start().await;
    let slack = json!({ "format": "SLACK" });
    let server = Running::with(hasty(VerifiedEndpoints::Required), folder.path()).await;
    let (id, _) = subscribe(&server, &format!("{}/ok/chat", receiver.url), &slack).await;
    server.take(&[change("4")]).await;
    verification(&server, |it| it["attempts"] == 2).await;
    let received = receiver.at("/ok/chat");
    assert_eq!(
        kinds(&received),
        [CHALLENGE, CHALLENGE],
        "nobody floods strangers as a chat"
    );
    server.stop().await;

    let mut settings = hasty(VerifiedEndpoints::Required);
    settings.deliveries.trusted_hosts = vec!["127.0.0.1".to_owned()];
    let server = Running::with(settings, folder.path()).await;
    let received = receiver.until("/ok/chat", |all| all.len() == 3).await;
    assert!(received[2].event()["text"].is_string());
    let document = format!(r#"mutation {{ verifySubscription(id: "{id}") {{ status }} }}"#);
    let refused = server.refused_with(&document).await;
    assert_eq!(refused, "a chat cannot answer a challenge");
    server.stop().await;
}
