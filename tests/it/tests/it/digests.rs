//! Notices that wait for the end of quiet hours, and notices that gather into one message.

use serde_json::{Value, json};
use server::config::Settings;

use crate::receiver::{Receiver, subscribe};
use crate::running::{Running, event, folder};

const TIME: &str = "2026-11-20T10:00:00Z";

fn change(id: &str, status: &str) -> Value {
    event(
        "change.recorded",
        TIME,
        &json!({ "sourceId": id, "title": format!("ship {id}"), "targets": ["service:a"], "status": status }),
    )
}

fn emergency(id: &str) -> Value {
    event(
        "change.recorded",
        TIME,
        &json!({ "sourceId": id, "targets": ["service:a"], "emergency": true }),
    )
}

fn incident(id: &str, severity: &str) -> Value {
    let data = json!({ "sourceId": id, "title": id, "items": ["service:a"], "severity": severity });
    event("incident.opened", TIME, &data)
}

/// Subscribes to incidents too.
async fn subscribe_to_all(server: &Running, url: &str, more: &Value) -> (String, String) {
    let mut about = json!({ "match": { "incidents": true } });
    let fields = about.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    subscribe(server, url, &about).await
}

async fn edit(server: &Running, id: &str, input: Value) {
    let document = "mutation ($id: ID!, $input: UpdateSubscriptionInput!) { updateSubscription(id: $id, input: $input) { id } }";
    let variables = json!({ "id": id, "input": input });
    server.ask_with(document, &variables).await;
}

/// How the deliveries of the only subscription stand, once they stand so.
async fn standing(server: &Running, is_so: impl Fn(&Value) -> bool) -> Value {
    let asked = "{ subscriptions { nodes { quietHours { from timeZone } digest { every } urgent { severities emergency }
        deliveries { waiting gathered digestAt quietUntil } } } }";
    loop {
        let node = server.ask(asked).await["subscriptions"]["nodes"][0].clone();
        if is_so(&node["deliveries"]) {
            return node;
        }
        tokio::task::yield_now().await;
    }
}

/// The deliveries of a subscription, once the second newest was taken.
async fn listed(server: &Running, id: &str) -> Value {
    let asked = format!(
        r#"{{ deliveries(subscription: "{id}") {{ nodes {{ id digest position status }} }} }}"#
    );
    loop {
        let listed = server.ask(&asked).await["deliveries"]["nodes"].clone();
        if listed[1]["status"] == "DELIVERED" {
            return listed;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn in_quiet_hours_only_what_is_urgent_is_sent_and_the_rest_when_they_are_over() {
    let folder = folder();
    let receiver = Receiver::start().await;
    let mut settings = Settings::defaults();
    settings.deliveries.waiting_max = 2;
    let server = Running::with(settings, folder.path()).await;
    let always = json!({ "from": "00:00", "until": "00:00", "timeZone": "UTC" });
    let quiet = json!({ "quietHours": [always],
        "urgent": { "severities": ["Critical"], "emergency": true } });
    let url = format!("{}/ok/quiet", receiver.url);
    let (id, _) = subscribe_to_all(&server, &url, &quiet).await;
    let events = [
        change("1", "running"),
        change("2", "running"),
        change("3", "running"),
        incident("minor", "minor"),
        incident("bad", "critical"),
        emergency("4"),
    ];
    server.take(&events).await;
    let told = |received: &[crate::receiver::Received]| -> Vec<String> {
        let subject = |data: &Value| match data["incident"]["sourceId"].as_str() {
            Some(id) => id.to_owned(),
            None => data["change"]["sourceId"]
                .as_str()
                .expect("a change")
                .to_owned(),
        };
        let each = received.iter().map(|one| subject(&one.event()["data"]));
        each.collect()
    };
    let received = receiver.until("/ok/quiet", |all| 2 <= all.len()).await;
    assert_eq!(
        told(&received),
        ["bad", "4"],
        "found beyond what fits, and sent at once"
    );
    let node = standing(&server, |deliveries| deliveries["waiting"] == 2).await;
    assert!(node["deliveries"]["quietUntil"].is_string());
    assert_eq!(node["quietHours"][0]["timeZone"], "UTC");
    assert_eq!(node["urgent"]["severities"], json!(["Critical"]));
    edit(&server, &id, json!({ "quietHours": [] })).await;
    let received = receiver.until("/ok/quiet", |all| 6 <= all.len()).await;
    assert_eq!(told(&received)[2..], ["1", "2", "3", "minor"]);
    let node = standing(&server, |deliveries| deliveries["waiting"] == 0).await;
    assert_eq!(node["deliveries"]["quietUntil"], Value::Null);
    assert_eq!(receiver.at("/ok/quiet").len(), 6, "each once");
    server.stop().await;
}

#[tokio::test]
async fn what_gathers_is_one_message_that_can_be_listed_and_sent_again() {
    let folder = folder();
    let receiver = Receiver::start().await;
    let server = Running::with(Settings::defaults(), folder.path()).await;
    let weekly = json!({ "digest": { "every": "P7D" }, "urgent": { "emergency": true } });
    let url = format!("{}/ok/digest", receiver.url);
    let (id, secret) = subscribe_to_all(&server, &url, &weekly).await;
    let events = [
        change("1", "running"),
        change("2", "running"),
        incident("bad", "critical"),
        change("1", "succeeded"),
        emergency("3"),
    ];
    server.take(&events).await;
    let received = receiver.until("/ok/digest", |all| all.len() == 1).await;
    assert_eq!(received[0].change(), "3", "what is urgent does not gather");
    let node = standing(&server, |deliveries| deliveries["gathered"] == 4).await;
    assert!(node["deliveries"]["digestAt"].is_string());
    server.stop().await;

    let server = Running::with(Settings::defaults(), folder.path()).await;
    standing(&server, |deliveries| deliveries["gathered"] == 4).await;
    edit(&server, &id, json!({ "digest": null })).await;
    let received = receiver.until("/ok/digest", |all| all.len() == 2).await;
    let digest = &received[1];
    assert!(digest.is_signed_by(&secret));
    assert!(digest.id.contains("_digest_"), "{}", digest.id);
    let said = digest.event();
    assert_eq!(said["type"], "epicenter.digest");
    assert_eq!(said["id"], digest.id);
    let data = &said["data"];
    assert_eq!(
        (data["total"].clone(), data["more"].clone()),
        (json!(4), json!(0))
    );
    let notices = data["notices"].as_array().expect("a list");
    let told: Vec<Value> = notices
        .iter()
        .map(|it| {
            json!([
                it["change"]["sourceId"],
                it["change"]["status"],
                it["incident"]["sourceId"],
                it["statements"]
            ])
        })
        .collect();
    let expected = json!([
        ["1", "succeeded", null, 2],
        ["2", "running", null, 1],
        [null, null, "bad", 1]
    ]);
    assert_eq!(Value::Array(told), expected);

    let listed = listed(&server, &id).await;
    assert_eq!(listed[1]["digest"], true);
    assert_eq!(listed[1]["id"], digest.id);
    assert_eq!(listed[0]["digest"], false);
    edit(&server, &id, json!({ "format": "SLACK" })).await;
    let position = data["position"].as_str().expect("a position");
    let again = format!(
        r#"mutation {{ redeliver(subscription: "{id}", position: "{position}") {{ id }} }}"#
    );
    server.ask(&again).await;
    let received = receiver.until("/ok/digest", |all| all.len() == 3).await;
    let expected = "4 notices\nship 1: succeeded (test 1)\nship 2: running (test 2)\nIncident: bad: open, critical (test bad)";
    assert_eq!(received[2].event()["text"], expected);
    assert_eq!(received[2].id, digest.id, "it is the same message");
    server.stop().await;
}

#[tokio::test]
async fn a_digest_that_cannot_be_made_is_refused_with_its_reason() {
    let folder = folder();
    let server = Running::with(Settings::defaults(), folder.path()).await;
    let (id, _) = subscribe_to_all(&server, "http://127.0.0.1:9/a", &json!({})).await;
    let refused = |digest: &str| {
        format!(
            r#"mutation {{ updateSubscription(id: "{id}", input: {{ digest: {digest} }}) {{ id }} }}"#
        )
    };
    let told = server
        .refused_with(&refused(r#"{ every: "PT0.5S" }"#))
        .await;
    assert_eq!(told, "digest.every lies between PT1S and P7D");
    let told = server.refused_with(&refused(r#"{ at: "09:00" }"#)).await;
    assert_eq!(told, "digest has every, or at and timeZone");
    let told = server
        .refused_with(&refused(r#"{ at: "9:00", timeZone: "UTC" }"#))
        .await;
    assert_eq!(told, "digest: \"9:00\" is no time of the day; write 09:30");
    server.stop().await;
}
