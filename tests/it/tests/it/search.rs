//! Changes are found by text, by every dimension and by time, counted and paged, over the real server.

mod model;

use std::fs;

use serde_json::{Value, json};

use crate::running::{Running, event, folder};

fn change(id: &str, minute: u32, data: &Value) -> Value {
    let time = format!("2026-11-20T{:02}:{:02}:00Z", 10 + minute / 60, minute % 60);
    let mut change = json!({
        "sourceId": id, "title": id, "targets": ["service:prod/web"], "startedAt": time,
    });
    let fields = change.as_object_mut().expect("an object");
    fields.extend(data.as_object().expect("an object").clone());
    event("change.recorded", &time, &change)
}

fn relation(dependent: &str, provider: &str) -> Value {
    event(
        "relation.observed",
        "2026-11-20T09:00:00Z",
        &json!({ "dependent": dependent, "kind": "calls", "provider": provider }),
    )
}

/// The ids of the changes that a filter shows, in their order.
async fn ids(server: &Running, filter: &str) -> String {
    let question =
        format!("{{ changes(filter: {{ {filter} }}) {{ totalCount nodes {{ sourceId }} }} }}");
    let answer = server.ask(&question).await;
    let nodes = answer["changes"]["nodes"].as_array().expect("a list");
    assert_eq!(answer["changes"]["totalCount"], nodes.len(), "{filter}");
    let ids: Vec<&str> = nodes
        .iter()
        .map(|node| node["sourceId"].as_str().expect("an id"))
        .collect();
    ids.join(" ")
}

/// Why a question is refused.
async fn refused(server: &Running, question: &str) -> String {
    let body = json!({ "query": question }).to_string();
    let (_, answer) = server.post_body("/graphql", body.into_bytes()).await;
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let error = &answer["errors"][0];
    let code = error["extensions"]["code"].as_str().expect("a code");
    format!("{code}: {}", error["message"].as_str().expect("a message"))
}

/// Waits until the full text on the disk holds everything.
async fn committed(server: &Running) {
    loop {
        let (_, measures) = server.get("/metrics").await;
        let measure = |name: &str| {
            let line = measures.lines().find_map(|line| line.strip_prefix(name));
            line.map(str::trim).map(str::to_owned)
        };
        let (head, texts) = (measure("log_head_position "), measure("text_position "));
        if head.is_some() && head == texts {
            return;
        }
        tokio::task::yield_now().await;
    }
}

fn estate_of_every_dimension() -> Vec<Value> {
    vec![
        relation("service:prod/checkout", "service:prod/web"),
        relation("service:prod/web", "database:prod/orders"),
        event(
            "item.observed",
            "2026-11-20T09:00:00Z",
            &json!({ "key": "database:prod/orders", "owner": "data" }),
        ),
        change(
            "a",
            0,
            &json!({
                "kind": "deployment", "environment": "prod", "level": "G2", "scene": "release",
                "operator": { "kind": "human", "name": "li.lei" }, "category": "App",
                "artifacts": [{ "name": "shop/web", "version": "1.4" }],
                "codeRefs": [{ "commit": "0123456789abcdef" }], "status": "running",
            }),
        ),
        change(
            "a",
            5,
            &json!({ "status": "failed", "finishedAt": "2026-11-20T10:05:00Z" }),
        ),
        change(
            "b",
            10,
            &json!({
                "kind": "database", "targets": ["database:prod/orders"], "emergency": true,
                "domain": "database", "riskLevel": "high", "status": "succeeded",
                "links": [{ "kind": "part_of", "change": { "source": "test", "sourceId": "a" } }],
                "operator": { "kind": "automatic", "name": "flyway" },
            }),
        ),
        change(
            "c",
            20,
            &json!({ "kind": "flag", "targets": ["service:fat/other"] }),
        ),
    ]
}

#[tokio::test]
async fn every_dimension_of_a_search_is_a_filter() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server.take(&estate_of_every_dimension()).await;
    let plan = server
        .ask("{ changes(filter: { title: \"a\" }) { nodes { id } } }")
        .await["changes"]["nodes"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let expected = [
        ("kinds: [\"flag\", \"database\"]", "c b"),
        ("environment: \"prod\"", "b a"),
        ("levels: [\"G2\"]", "a"),
        ("scene: \"release\"", "a"),
        ("operators: [\"li.lei\", \"flyway\"]", "b a"),
        ("operatorKinds: [AUTOMATIC]", "b"),
        ("emergency: true", "b"),
        ("emergency: false", "c a"),
        ("status: [FAILED]", "a"),
        (
            "became: { status: [FAILED], from: \"2026-11-20T10:05:00Z\" }",
            "a",
        ),
        (
            "became: { status: [FAILED], to: \"2026-11-20T10:05:00Z\" }",
            "",
        ),
        ("became: { status: [RUNNING, SUCCEEDED] }", "b a"),
        ("categories: [\"app\"]", "a"),
        ("domains: [\"database\"], riskLevels: [\"HIGH\"]", "b"),
        ("artifact: \"shop/web@1.4\"", "a"),
        ("commit: \"0123456\"", "a"),
        ("commit: \"123456\"", ""),
        ("items: [\"service:prod/web\"]", "a"),
        ("itemKinds: [\"database\"]", "b"),
        ("teams: [\"data\"]", "b"),
        (
            "impact: { items: [\"service:prod/checkout\"], direction: DEPENDS_ON }",
            "b a",
        ),
        (
            "impact: { items: [\"service:prod/checkout\"], direction: DEPENDS_ON, hopsMax: 1 }",
            "a",
        ),
        (
            "impact: { items: [\"database:prod/orders\"], direction: USED_BY }, text: \"-b\"",
            "a",
        ),
        ("finishedFrom: \"2026-11-20T10:00:00Z\"", "a"),
        (
            "from: \"2026-11-20T10:10:00Z\", to: \"2026-11-20T10:20:00Z\"",
            "b",
        ),
        ("source: \"test\", text: \"flyway\"", "b"),
        ("source: \"nobody\"", ""),
    ];
    for (filter, found) in expected {
        assert_eq!(ids(&server, filter).await, found, "{filter}");
    }
    assert_eq!(ids(&server, &format!("partOf: \"{plan}\"")).await, "b");
    server.stop().await;
}

#[tokio::test]
async fn one_object_one_person_or_one_platform_is_searched_over_a_span_of_time() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server.take(&estate_of_every_dimension()).await;
    for (filter, found) in [
        (
            "items: [\"service:prod/web\"], from: \"2026-11-20T10:00:00Z\", to: \"2026-11-20T10:10:00Z\"",
            "a",
        ),
        (
            "items: [\"service:prod/web\"], from: \"2026-11-20T10:10:00Z\"",
            "",
        ),
        (
            "operator: \"flyway\", from: \"2026-11-20T10:00:00Z\", to: \"2026-11-20T11:00:00Z\"",
            "b",
        ),
        (
            "sources: [\"test\"], from: \"2026-11-20T10:10:00Z\", to: \"2026-11-20T11:00:00Z\"",
            "c b",
        ),
    ] {
        assert_eq!(ids(&server, filter).await, found, "{filter}");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_its_reason() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server.take(&[change("a", 0, &json!({}))]).await;
    for (question, message) in [
        (
            "{ changes(filter: { text: \"a OR\" }) { totalCount } }",
            "BAD_INPUT: filter.text: `OR` at character 3 joins nothing; put quotes around it to look for the word",
        ),
        (
            "{ changes(orderBy: { by: RELEVANCE }) { totalCount } }",
            "BAD_INPUT: an order by relevance needs filter.text or filter.title",
        ),
        (
            "{ changes(filter: { partOf: \"x\" }) { totalCount } }",
            "BAD_INPUT: filter.partOf: x is no id of a change",
        ),
        (
            "{ changeGroups { totalCount } }",
            "BAD_INPUT: give by, with 3 entries at most, or spans, or both",
        ),
        (
            "{ changeGroups(spans: { every: DAY, timeZone: \"Mars/Base\" }) { totalCount } }",
            "BAD_INPUT: spans: no time zone is called \"Mars/Base\"; give a name such as Asia/Shanghai, or UTC",
        ),
    ] {
        assert_eq!(refused(&server, question).await, message);
    }
    server.stop().await;
}

#[tokio::test]
async fn chinese_texts_are_found_with_their_fragments_before_and_after_the_full_text_is_lost() {
    let folder = folder();
    let mut server = Running::over(folder.path()).await;
    server
        .take(&[
            change("a", 0, &json!({ "title": "升级支付服务", "releaseNotes": "數據庫擴容，切换 OrderService" })),
            change("b", 1, &json!({ "title": "回滚支付服务" })),
            change("c", 2, &json!({ "title": "deploy checkout" })),
        ])
        .await;
    let question = "{ changes(filter: { text: \"支付 数据库\" }, orderBy: { by: RELEVANCE }) { totalCount truncated \
        edges { fragments { field pieces { text found } } node { sourceId } } } }";
    let expected = json!({ "totalCount": 1, "truncated": false, "edges": [{
        "node": { "sourceId": "a" },
        "fragments": [
            { "field": "title", "pieces": [
                { "text": "升级", "found": false }, { "text": "支付", "found": true },
                { "text": "服务", "found": false } ] },
            { "field": "releaseNotes", "pieces": [
                { "text": "數據庫", "found": true }, { "text": "擴容，切换 OrderService", "found": false } ] },
        ],
    }] });
    let check = async |server: &Running| {
        assert_eq!(server.ask(question).await["changes"], expected);
        assert_eq!(ids(server, "text: \"支付服务 -回滚\"").await, "a");
        assert_eq!(
            ids(server, "text: \"order-service OR check*\"").await,
            "c a"
        );
    };
    check(&server).await;
    committed(&server).await;
    check(&server).await;
    server.stop().await;
    let texts = folder.path().join("data/texts");
    assert!(texts.join("closed").exists(), "it was closed in order");
    for lost in ["meta.json", ""] {
        let path = texts.join(lost);
        if lost.is_empty() {
            fs::remove_dir_all(&path).expect("a folder");
        } else {
            fs::write(&path, b"no sense").expect("a file");
        }
        server = Running::over(folder.path()).await;
        check(&server).await;
        committed(&server).await;
        check(&server).await;
        server.stop().await;
    }
}

/// The ids of one page, and the place behind it.
async fn page(server: &Running, arguments: &str, after: Option<&str>) -> (Vec<String>, String) {
    let after = after.map_or(String::new(), |after| format!(", after: \"{after}\""));
    let question = format!(
        "{{ changes(first: 3, {arguments}{after}) {{ pageInfo {{ endCursor }} nodes {{ sourceId }} }} }}"
    );
    let answer = server.ask(&question).await;
    let nodes = answer["changes"]["nodes"].as_array().expect("a list");
    let ids = nodes
        .iter()
        .map(|node| node["sourceId"].as_str().expect("an id").to_owned());
    let end = &answer["changes"]["pageInfo"]["endCursor"];
    (ids.collect(), end.as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_list_that_is_paged_misses_nothing_and_repeats_nothing_while_changes_arrive() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let deploy = |number: u32| {
        let words = "deploy ".repeat(1 + number as usize % 4);
        let title = format!("{words} of {number}");
        change(
            &number.to_string(),
            number * 7 % 90,
            &json!({ "title": title }),
        )
    };
    server.take(&(0..20).map(deploy).collect::<Vec<_>>()).await;
    let orders = [
        "filter: { text: \"deploy\" }",
        "filter: { text: \"deploy\" }, orderBy: { by: RELEVANCE }",
        "orderBy: { by: RECORDED, ascending: true }",
        "orderBy: { by: START, ascending: true }, filter: { kind: \"\" }",
    ];
    let mut next = 20;
    for order in orders.iter().take(3) {
        let known = next;
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let (ids, end) = page(&server, order, after.as_deref()).await;
            if ids.is_empty() {
                break;
            }
            seen.extend(ids);
            after = Some(end);
            if next < known + 10 {
                server.take(&[deploy(next), deploy(next + 1)]).await;
                next += 2;
            }
        }
        for number in 0..known {
            let times = seen.iter().filter(|id| **id == number.to_string());
            assert_eq!(times.count(), 1, "{number} of {order}: {seen:?}");
        }
    }
    assert!(page(&server, orders[3], None).await.0.is_empty());
    let (_, cursor) = page(&server, orders[0], None).await;
    let other =
        format!("{{ changes(orderBy: {{ by: FINISH }}, after: \"{cursor}\") {{ totalCount }} }}");
    assert_eq!(
        refused(&server, &other).await,
        "BAD_INPUT: the cursor is of a list in another order; begin anew or ask for that order"
    );
    server.stop().await;
}

#[tokio::test]
async fn changes_are_counted_by_sort_and_by_days_of_a_place() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server
        .take(&[
            change("a", 0, &json!({ "kind": "flag", "environment": "prod" })),
            change("b", 5 * 60 + 59, &json!({ "kind": "flag" })),
            change("c", 6 * 60, &json!({ "kind": "deployment", "title": "x" })),
            change("d", 6 * 60, &json!({ "targets": ["service:fat/other"] })),
        ])
        .await;
    let groups = async |arguments: &str| {
        let question = format!(
            "{{ changeGroups({arguments}) {{ totalCount groups {{ count from values {{ value }} }} }} }}"
        );
        let answer = server.ask(&question).await["changeGroups"].clone();
        let told = answer["groups"].as_array().expect("a list").iter();
        let told = told.map(|group| {
            let values = group["values"].as_array().expect("a list").iter();
            let values = values.map(|it| it["value"].as_str().unwrap_or("-").to_owned());
            let from = group["from"].as_str().map(str::to_owned);
            let mut words: Vec<String> = from.into_iter().chain(values).collect();
            words.push(group["count"].to_string());
            words.join(" ")
        });
        (
            told.collect::<Vec<_>>().join(", "),
            answer["totalCount"].clone(),
        )
    };
    assert_eq!(
        groups("by: [KIND]").await,
        ("flag 2, - 1, deployment 1".to_owned(), json!(4))
    );
    assert_eq!(
        groups("by: [ENVIRONMENT]").await,
        ("prod 3, fat 1".to_owned(), json!(4))
    );
    assert_eq!(
        groups("spans: { every: DAY, timeZone: \"Asia/Shanghai\" }, filter: { text: \"-x\" }")
            .await,
        (
            "2026-11-19T16:00:00Z 2, 2026-11-20T16:00:00Z 1".to_owned(),
            json!(3)
        )
    );
    assert_eq!(
        groups("by: [KIND], spans: { every: HOUR }, filter: { kind: \"flag\" }").await,
        (
            "2026-11-20T10:00:00Z flag 1, 2026-11-20T15:00:00Z flag 1".to_owned(),
            json!(2)
        )
    );
    server.stop().await;
}
