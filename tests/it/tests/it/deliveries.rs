//! Notices on their way: signed, in order, again after failures, never in each other's way.

use serde_json::{Value, json};
use server::config::Settings;

use crate::receiver::{Received, Receiver, subscribe};
use crate::running::{Running, event, folder};

const TIME: &str = "2026-11-20T10:00:00Z";

/// Settings that wait for nothing long.
fn hasty(waits: &[&str]) -> Settings {
    let mut settings = Settings::defaults();
    settings.deliveries.retry_after = waits.iter().map(|wait| (*wait).to_owned()).collect();
    settings.deliveries.per_second_max = 10_000;
    settings
}

fn change(id: &str, target: &str) -> Value {
    event(
        "change.recorded",
        TIME,
        &json!({ "sourceId": id, "title": format!("ship {id}"), "targets": [target], "status": "running" }),
    )
}

/// Subscribes to what is wanted, and returns the id and the secret.
async fn subscribe_to(server: &Running, url: &str, wanted: Value) -> (String, String) {
    subscribe(server, url, &json!({ "match": wanted })).await
}

fn changes(received: &[Received]) -> Vec<String> {
    received.iter().map(Received::change).collect()
}

async fn deliveries(server: &Running, id: &str) -> Value {
    let asked = format!(
        r#"{{ deliveries(subscription: "{id}") {{ totalCount nodes {{ id position status nextAt attempts {{ number status error }} }} }} }}"#
    );
    server.ask(&asked).await["deliveries"].clone()
}

#[tokio::test]
async fn what_is_near_is_delivered_signed_in_order_and_once() {
    let folder = folder();
    let receiver = Receiver::start().await;
    let server = Running::with(hasty(&[]), folder.path()).await;
    let needs = json!({ "dependent": "service:web", "provider": "service:api", "kind": "calls" });
    server
        .take(&[event("relation.observed", TIME, &needs)])
        .await;
    let wanted = json!({ "items": ["service:web"], "direction": "DEPENDS_ON", "hopsMax": 1 });
    let (id, secret) = subscribe_to(&server, &format!("{}/ok/near", receiver.url), wanted).await;
    let mut expected = Vec::new();
    for number in 0..30 {
        let (near, far) = (format!("near {number}"), format!("far {number}"));
        let events = [change(&far, "service:other"), change(&near, "service:api")];
        server.take(&events).await;
        expected.push(near);
    }
    let received = receiver.until("/ok/near", |all| 30 <= all.len()).await;
    assert_eq!(changes(&received), expected);
    for one in &received {
        assert!(one.is_signed_by(&secret), "{one:?}");
        assert!(one.signatures.contains(" v1a,"), "{}", one.signatures);
        assert_eq!(one.media, "application/cloudevents+json; charset=utf-8");
        let event = one.event();
        assert_eq!(event["specversion"], "1.0");
        assert_eq!(event["id"], one.id);
        assert_eq!(event["type"], "epicenter.change.recorded");
        assert_eq!(event["data"]["near"]["hops"], 1);
        assert_eq!(event["data"]["near"]["origin"], "service:web");
        assert_eq!(event["data"]["change"]["targets"][0]["item"], "service:api");
    }
    let listed = deliveries(&server, &id).await;
    assert_eq!(listed["totalCount"], 30);
    assert_eq!(listed["nodes"][0]["status"], "DELIVERED");
    assert_eq!(listed["nodes"][0]["attempts"][0]["status"], 204);
    server.stop().await;
}

#[tokio::test]
async fn the_library_of_the_specification_refuses_what_was_altered_along_the_way() {
    let folder = folder();
    let receiver = Receiver::start().await;
    let server = Running::with(hasty(&[]), folder.path()).await;
    let url = format!("{}/ok/a", receiver.url);
    let document =
        "mutation ($input: SubscribeInput!) { subscribe(input: $input) { secret publicKey } }";
    let input = json!({ "input": { "name": "test", "url": url, "match": {} } });
    let answer = server.ask_with(document, &input).await["subscribe"].clone();
    let text = |field: &str| answer[field].as_str().expect("a text").to_owned();
    let (secret, public_key) = (text("secret"), text("publicKey"));
    server.take(&[change("1", "service:a")]).await;
    let received = receiver.until("/ok/a", |all| all.len() == 1).await;
    let genuine = &received[0];
    let holds = |one: &Received| (one.is_signed_by(&secret), one.is_signed_for(&public_key));
    assert_eq!(holds(genuine), (true, true));
    let mut longer = genuine.clone();
    longer.body.push(b' ');
    let mut other = genuine.clone();
    other.id.push('1');
    let mut late = genuine.clone();
    late.timestamp = "1".to_owned();
    for altered in [longer, other, late] {
        assert_eq!(holds(&altered), (false, false), "{altered:?}");
    }
    let (_, stranger) = subscribe_to(&server, &format!("{}/ok/b", receiver.url), json!({})).await;
    assert!(!genuine.is_signed_by(&stranger));
    server.stop().await;
}

#[tokio::test]
async fn a_chat_gets_a_line_for_people() {
    let folder = folder();
    let receiver = Receiver::start().await;
    let server = Running::with(hasty(&[]), folder.path()).await;
    let needs = json!({ "dependent": "service:web", "provider": "service:api", "kind": "calls" });
    server
        .take(&[event("relation.observed", TIME, &needs)])
        .await;
    for format in ["SLACK", "FEISHU"] {
        let document = "mutation ($input: SubscribeInput!) { subscribe(input: $input) { id } }";
        let input = json!({ "input": { "name": "chat", "format": format,
            "url": format!("{}/ok/{format}", receiver.url),
            "match": { "items": ["service:web"], "direction": "DEPENDS_ON" } } });
        server.ask_with(document, &input).await;
    }
    server.take(&[change("<1>", "service:api")]).await;
    let said =
        "ship <1>: running (test <1>)\nservice:api\nservice:api is 1 relation from service:web";
    let slack = receiver.until("/ok/SLACK", |all| all.len() == 1).await;
    assert_eq!(slack[0].media, "application/json; charset=utf-8");
    let escaped = said.replace('<', "&lt;").replace('>', "&gt;");
    assert_eq!(slack[0].event(), json!({ "text": escaped }));
    let feishu = receiver.until("/ok/FEISHU", |all| all.len() == 1).await;
    let plain = said.replace('<', "\u{ff1c}").replace('>', "\u{ff1e}");
    let expected = json!({ "msg_type": "text", "content": { "text": plain } });
    assert_eq!(feishu[0].event(), expected);
    server.stop().await;
}

#[tokio::test]
async fn a_notice_is_an_event_of_cdevents_where_one_fits_and_is_understood_as_such() {
    let folder = folder();
    let receiver = Receiver::start().await;
    let server = Running::with(hasty(&[]), folder.path()).await;
    let url = format!("{}/ok/cd", receiver.url);
    let document = "mutation ($input: SubscribeInput!) { subscribe(input: $input) { id } }";
    let input = json!({ "input": { "name": "cd", "format": "CDEVENTS", "url": url,
        "match": { "incidents": true } } });
    server.ask_with(document, &input).await;
    let deployed = |status: &str| {
        let data = json!({ "sourceId": "1", "targets": ["service:prod/shop"], "kind": "deployment",
            "environment": "prod", "status": status, "artifacts": [{ "name": "shop", "version": "2.1" }] });
        event("change.recorded", TIME, &data)
    };
    let incident = |kind: &str, status: &str| {
        let data = json!({ "sourceId": "i", "title": "slow", "environment": "prod", "status": status,
            "items": ["service:prod/shop"] });
        event(kind, TIME, &data)
    };
    server.take(&[deployed("running")]).await;
    server.take(&[deployed("succeeded")]).await;
    server.take(&[incident("incident.opened", "open")]).await;
    server
        .take(&[incident("incident.updated", "resolved")])
        .await;
    let received = receiver.until("/ok/cd", |all| all.len() == 4).await;
    let by_position = |one: &Value| {
        let own = &one["data"]["position"];
        let position = one["data"]["customData"]["position"]
            .as_str()
            .or(own.as_str());
        position.expect("a position").to_owned()
    };
    let mut told: Vec<Value> = received.iter().map(Received::event).collect();
    told.sort_by_key(by_position);
    let kinds: Vec<&Value> = told.iter().map(|one| &one["type"]).collect();
    let expected = [
        "epicenter.change.recorded",
        "dev.cdevents.service.deployed.0.3.0",
        "dev.cdevents.incident.detected.0.3.0",
        "dev.cdevents.incident.resolved.0.3.0",
    ];
    assert_eq!(kinds, expected);
    let deployed = &told[1]["data"];
    assert_eq!(deployed["context"]["id"], told[1]["id"]);
    assert_eq!(deployed["subject"]["id"], "shop");
    assert_eq!(
        deployed["subject"]["content"]["artifactId"],
        "pkg:generic/shop@2.1"
    );
    assert_eq!(deployed["customData"]["change"]["sourceId"], "1");

    let (elsewhere, again) = (crate::running::folder(), Settings::defaults());
    let other = Running::with(again, elsewhere.path()).await;
    for one in &told[1..] {
        let body = one["data"].to_string().into_bytes();
        let (status, answer) = other.post_body("/ingest/cloudevents", body).await;
        assert_eq!(status.as_u16(), 200, "{answer}");
        assert!(!answer.contains("quarantined\":1"), "{answer}");
    }
    let asked = "{ changes { nodes { title targets { key } } } incidents { nodes { status } } }";
    let understood = other.ask(asked).await;
    assert_eq!(
        understood["changes"]["nodes"][0]["title"],
        "shop deployed in prod"
    );
    assert_eq!(understood["incidents"]["nodes"][0]["status"], "resolved");
    other.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_failure_is_tried_again_and_holds_up_its_own_item_only() {
    let folder = folder();
    let receiver = Receiver::start().await;
    let server = Running::with(hasty(&["PT0.01S", "PT0.02S", "PT0.03S"]), folder.path()).await;
    let (id, _) = subscribe_to(&server, &format!("{}/twice/a", receiver.url), json!({})).await;
    let events = [
        change("1", "service:a"),
        change("2", "service:a"),
        change("3", "service:a"),
    ];
    server.take(&events).await;
    let received = receiver
        .until("/twice/a", |all| {
            all.iter().filter(|it| it.status == 204).count() == 3
        })
        .await;
    assert_eq!(changes(&received), ["1", "1", "1", "2", "3"]);
    assert_eq!(
        received[0].id, received[2].id,
        "the same message keeps its id"
    );
    let listed = deliveries(&server, &id).await;
    let first = &listed["nodes"][2];
    assert_eq!(first["attempts"].as_array().map(Vec::len), Some(3));
    assert_eq!(first["attempts"][0]["status"], 503);
    server.stop().await;
}

#[tokio::test]
async fn what_is_never_taken_is_given_up_listed_and_sent_again_when_asked() {
    let folder = folder();
    let receiver = Receiver::start().await;
    let server = Running::with(hasty(&["PT0.01S"]), folder.path()).await;
    let (id, _) = subscribe_to(&server, &format!("{}/fail/a", receiver.url), json!({})).await;
    server
        .take(&[change("1", "service:a"), change("2", "service:b")])
        .await;
    receiver.until("/fail/a", |all| 4 <= all.len()).await;
    let dead = format!(
        r#"{{ deliveries(subscription: "{id}", status: DEAD) {{ totalCount nodes {{ position }} }} }}"#
    );
    let mut listed = server.ask(&dead).await["deliveries"].clone();
    while listed["totalCount"] != 2 {
        tokio::task::yield_now().await;
        listed = server.ask(&dead).await["deliveries"].clone();
    }
    let position = listed["nodes"][1]["position"].as_str().expect("a position");
    let again = format!(
        r#"mutation {{ redeliver(subscription: "{id}", position: "{position}") {{ id }} }}"#
    );
    server.ask(&again).await;
    let received = receiver.until("/fail/a", |all| 5 <= all.len()).await;
    assert_eq!(received[4].change(), "1");
    let beyond =
        format!(r#"mutation {{ redeliver(subscription: "{id}", fromPosition: "999") {{ id }} }}"#);
    assert_eq!(
        server.refused_with(&beyond).await,
        "the log ends at position 3"
    );
    server.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_left_alone_until_it_is_resumed_and_gets_everything_then() {
    let folder = folder();
    let receiver = Receiver::start().await;
    let server = Running::with(hasty(&["PT0.01S"]), folder.path()).await;
    let (id, secret) = subscribe_to(&server, &format!("{}/gone/a", receiver.url), json!({})).await;
    server.take(&[change("1", "service:a")]).await;
    let asked = "{ subscriptions { nodes { enabled disabledReason deliveries { waiting } } } }";
    let mut node = server.ask(asked).await["subscriptions"]["nodes"][0].clone();
    while node["enabled"] == true {
        tokio::task::yield_now().await;
        node = server.ask(asked).await["subscriptions"]["nodes"][0].clone();
    }
    assert_eq!(node["disabledReason"], "the endpoint answered 410 Gone");
    server.take(&[change("2", "service:a")]).await;
    assert_eq!(receiver.at("/gone/a").len(), 1);
    let resume = format!(r#"mutation {{ resumeSubscription(id: "{id}") {{ enabled }} }}"#);
    assert_eq!(
        server.ask(&resume).await["resumeSubscription"]["enabled"],
        true
    );
    let received = receiver.until("/gone/a", |all| 3 <= all.len()).await;
    assert_eq!(changes(&received), ["1", "1", "2"]);
    let rotate = format!(r#"mutation {{ rotateSecret(id: "{id}") {{ secret }} }}"#);
    let rotated = server.ask(&rotate).await["rotateSecret"]["secret"].clone();
    let rotated = rotated.as_str().expect("a secret");
    let all =
        format!(r#"mutation {{ redeliver(subscription: "{id}", fromPosition: "0") {{ id }} }}"#);
    server.ask(&all).await;
    let received = receiver.until("/gone/a", |all| 5 <= all.len()).await;
    let last = received.last().expect("five");
    assert!(last.is_signed_by(rotated), "the new key signs");
    assert!(
        last.is_signed_by(&secret),
        "the old key signs on for a time"
    );
    let test = format!(r#"mutation {{ testSubscription(id: "{id}") {{ status error }} }}"#);
    let tested = server.ask(&test).await["testSubscription"].clone();
    assert_eq!(tested, json!({ "status": 204, "error": null }));
    server.stop().await;
}

#[tokio::test]
async fn an_edit_keeps_the_keys_and_what_waits_and_counts_for_what_comes() {
    let folder = folder();
    let receiver = Receiver::start().await;
    let server = Running::with(hasty(&["PT1H"]), folder.path()).await;
    let about = |item: &str| json!({ "items": [item] });
    let url = format!("{}/fail/a", receiver.url);
    let (id, secret) = subscribe_to(&server, &url, about("service:a")).await;
    server.take(&[change("1", "service:a")]).await;
    receiver.until("/fail/a", |all| all.len() == 1).await;
    let document = "mutation ($id: ID!, $input: UpdateSubscriptionInput!) { updateSubscription(id: $id, input: $input) { name format perSecondMax match } }";
    let edit = |input: Value| json!({ "id": id, "input": input });
    let edited = edit(
        json!({ "name": "moved", "match": about("service:b"), "perSecondMax": 7,
        "url": format!("{}/ok/b", receiver.url) }),
    );
    let answer = server.ask_with(document, &edited).await["updateSubscription"].clone();
    assert_eq!(answer["name"], "moved");
    assert_eq!(answer["perSecondMax"], 7);
    assert_eq!(answer["format"], "CLOUD_EVENTS", "what is missing stays");
    server
        .take(&[change("2", "service:a"), change("3", "service:b")])
        .await;
    let received = receiver.until("/ok/b", |all| 2 <= all.len()).await;
    assert_eq!(changes(&received), ["1", "3"]);
    assert!(received.iter().all(|one| one.is_signed_by(&secret)));
    assert_eq!(receiver.at("/fail/a").len(), 1);
    let cleared = edit(json!({ "perSecondMax": null, "format": "SLACK" }));
    let answer = server.ask_with(document, &cleared).await["updateSubscription"].clone();
    assert_eq!(answer["perSecondMax"], Value::Null);
    assert_eq!(answer["match"]["items"][0], "service:b");
    server.take(&[change("4", "service:b")]).await;
    let received = receiver.until("/ok/b", |all| 3 <= all.len()).await;
    assert_eq!(
        received[2].event()["text"],
        "ship 4: running (test 4)\nservice:b"
    );
    let head = server.ask("{ subscriptions { position } }").await["subscriptions"].clone();
    server
        .ask_with(document, &edit(json!({ "name": "moved" })))
        .await;
    let after = server.ask("{ subscriptions { position } }").await["subscriptions"].clone();
    assert_eq!(head, after, "what changes nothing is not recorded");
    let refused = |input: &str| {
        format!(r#"mutation {{ updateSubscription(id: "{id}", input: {{ {input} }}) {{ id }} }}"#)
    };
    let told = server
        .refused_with(&refused(r#"url: "http://10.0.0.1/x""#))
        .await;
    assert!(told.starts_with("url leads to 10.0.0.1"), "{told}");
    let told = server.refused_with(&refused("perSecondMax: 0")).await;
    assert_eq!(told, "perSecondMax is at least 1");
    server.stop().await;
}

#[tokio::test]
async fn slow_and_failing_endpoints_do_not_stand_in_the_way_of_the_others() {
    let folder = folder();
    let receiver = Receiver::start().await;
    let mut settings = hasty(&["PT0.05S", "PT1H"]);
    settings.deliveries.attempts_at_once = 8;
    let server = Running::with(settings, folder.path()).await;
    for number in 0..4 {
        for mode in ["ok", "fail", "hang"] {
            let url = format!("{}/{mode}/{number}", receiver.url);
            subscribe_to(&server, &url, json!({})).await;
        }
    }
    let mut expected = Vec::new();
    for number in 0..40 {
        let id = format!("{number}");
        server
            .take(&[change(&id, &format!("service:s{}", number % 4))])
            .await;
        expected.push(id);
    }
    for number in 0..4 {
        let path = format!("/ok/{number}");
        let received = receiver.until(&path, |all| 40 <= all.len()).await;
        for lane in 0..4 {
            let of_lane = |ids: &[String]| -> Vec<String> {
                let of_lane = |id: &&String| id.parse::<usize>().is_ok_and(|it| it % 4 == lane);
                ids.iter().filter(of_lane).cloned().collect()
            };
            assert_eq!(of_lane(&changes(&received)), of_lane(&expected), "{path}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn what_was_not_sent_before_a_stop_is_sent_after_the_next_start() {
    let folder = folder();
    let receiver = Receiver::start().await;
    let server = Running::with(hasty(&["PT1H"]), folder.path()).await;
    let (id, _) = subscribe_to(&server, &format!("{}/twice/a", receiver.url), json!({})).await;
    server
        .take(&[change("1", "service:a"), change("2", "service:b")])
        .await;
    receiver.until("/twice/a", |all| all.len() == 2).await;
    server.take(&[change("3", "service:c")]).await;
    receiver.until("/twice/a", |all| all.len() == 3).await;
    server.stop().await;
    let again = Running::with(hasty(&["PT1H"]), folder.path()).await;
    let listed = deliveries(&again, &id).await;
    let standing = |place: usize| listed["nodes"][place]["status"].clone();
    assert_eq!(
        [standing(0), standing(1), standing(2)],
        ["DELIVERED", "WAITING", "WAITING"]
    );
    again.take(&[change("4", "service:d")]).await;
    let received = receiver.until("/twice/a", |all| all.len() == 4).await;
    assert_eq!(
        changes(&received),
        ["1", "2", "3", "4"],
        "what is not due is not sent"
    );
    again.stop().await;
}

#[tokio::test]
async fn a_notice_of_an_incident_names_the_group_that_it_is_in() {
    let folder = folder();
    let receiver = Receiver::start().await;
    let server = Running::with(hasty(&[]), folder.path()).await;
    let needs = json!({ "dependent": "service:web", "provider": "service:api", "kind": "calls", "validFrom": TIME });
    server
        .take(&[event("relation.observed", TIME, &needs)])
        .await;
    let wanted = json!({ "items": ["service:web"], "direction": "DEPENDS_ON", "incidents": true });
    subscribe_to(
        &server,
        &format!("{}/ok/events", receiver.url),
        wanted.clone(),
    )
    .await;
    let document = "mutation ($input: SubscribeInput!) { subscribe(input: $input) { id } }";
    let input = json!({ "input": { "name": "chat", "format": "SLACK",
        "url": format!("{}/ok/chat", receiver.url), "match": wanted } });
    server.ask_with(document, &input).await;
    let alert = |id: &str, at: &str| {
        let data = json!({ "sourceId": id, "title": format!("{id} fails"),
            "items": [format!("service:{id}")], "startedAt": at });
        event("incident.opened", at, &data)
    };
    server.take(&[alert("api", "2026-11-20T10:01:00Z")]).await;
    let alone = receiver.until("/ok/events", |all| all.len() == 1).await;
    assert_eq!(alone[0].event()["data"]["incident"]["group"], Value::Null);

    server.take(&[alert("web", "2026-11-20T10:02:00Z")]).await;
    let told = receiver.until("/ok/events", |all| all.len() == 2).await;
    let group = told[1].event()["data"]["incident"]["group"].clone();
    assert_eq!(group["lead"], alone[0].event()["data"]["incident"]["id"]);
    let stands = json!([
        group["leadTitle"],
        group["members"],
        group["open"],
        group["level"]
    ]);
    assert_eq!(stands, json!(["api fails", 2, 2, "P3"]));
    let chat = receiver.until("/ok/chat", |all| all.len() == 2).await;
    let line = chat[1].event()["text"].as_str().unwrap().to_owned();
    assert!(
        line.contains("\none of 2 incidents that are one (P3): api fails"),
        "{line}"
    );
    server.stop().await;
}
