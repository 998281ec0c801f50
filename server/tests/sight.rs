//! Tokens of limited sight, with the real binary: whatever is asked with one tells nothing of what it does not show.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it is for"
)]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::asked::{Asked, IDS};
use crate::crawling::{Crawled, Crawler, marked};
use crate::halves::Halves;

/// The ids of everything that only one half has.
async fn ids(halves: &Halves, half: &str) -> Vec<String> {
    let document = "{ items(first: 100) { nodes { id key } } changes { nodes { id source } }
        incidents { nodes { id source } } }";
    let answer = halves.ask(&halves.admin, document).await;
    let mut ids = vec![half.to_owned()];
    for (at, field) in [
        ("items", "key"),
        ("changes", "source"),
        ("incidents", "source"),
    ] {
        for node in answer["data"][at]["nodes"].as_array().unwrap() {
            if node[field].as_str().unwrap().contains(half) {
                ids.push(node["id"].as_str().unwrap().to_owned());
            }
        }
    }
    assert_eq!(ids.len(), 1 + 3 + 2 + 1);
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_token_of_limited_sight_asks_tells_nothing_of_what_it_does_not_show() {
    let halves = Halves::new().await;
    let crawler = halves.crawler().await;
    let mut faults: Vec<String> = Vec::new();

    // The crawler finds the other half where it is shown, so that silence means something.
    let telling = walk(
        &halves,
        &crawler,
        ["okapi", "zebra"],
        &halves.admin,
        &mut faults,
    )
    .await;
    let refused: Vec<&String> = telling
        .iter()
        .filter(|(_, it)| it.is_refused)
        .map(|(root, _)| root)
        .collect();
    assert!(
        refused.is_empty(),
        "refused to who may do everything: {refused:?}"
    );
    assert_eq!(names(&telling, |it| !it.of_others.is_empty()), TELLING);

    // And nowhere else.
    for (half, other, sight) in [
        ("okapi", "zebra", json!({ "environments": ["okapi-env"] })),
        ("zebra", "okapi", json!({ "teams": ["team-zebra"] })),
        (
            "okapi",
            "zebra",
            json!({ "businesses": ["business:okapi-env/okapi-business"] }),
        ),
        (
            "zebra",
            "okapi",
            json!({
                "kinds": ["zebra_service", "zebra_database", "business"],
                "environments": ["zebra-env"], "levels": ["P0", "high"],
            }),
        ),
    ] {
        let secret = halves.reader(sight.clone()).await;
        let told = walk(&halves, &crawler, [half, other], &secret, &mut faults).await;
        for (root, told) in &told {
            if !told.of_others.is_empty() {
                faults.push(format!("{sight}: {root} tells {:#?}", told.of_others));
            }
        }
        assert_eq!(names(&told, |it| !it.is_refused), SHOWN, "{sight}");
        // What is answered shows the own half, so that nothing is not taken for a secret that is kept.
        assert_eq!(names(&told, |it| 0 < it.of_own), SHOWN, "{sight}");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What a root told.
#[derive(Default)]
struct Told {
    is_refused: bool,
    of_own: usize,
    of_others: Vec<String>,
}

/// What every root tells a token that is asked about one half, and of the other.
async fn walk(
    halves: &Halves,
    crawler: &Crawler,
    [half, other]: [&str; 2],
    secret: &str,
    faults: &mut Vec<String>,
) -> BTreeMap<String, Told> {
    let asked = Asked::of(&halves.ask(&halves.admin, IDS).await, half);
    let hidden = ids(halves, other).await;
    let mut all: BTreeMap<String, Told> = BTreeMap::new();
    for root in crawler.roots() {
        let told = all.entry(root.to_owned()).or_default();
        for arguments in asked.arguments(root) {
            match halves.crawl(crawler, secret, root, &arguments).await {
                Crawled::Refused => told.is_refused = true,
                Crawled::Answered(answer) => {
                    if let Some(errors) = answer.get("errors") {
                        faults.push(format!("{root}({arguments}): {errors:.1000}"));
                    }
                    told.of_own += marked(&answer, &[half.to_owned()]).len();
                    told.of_others.extend(marked(&answer, &hidden));
                }
            }
        }
    }
    all
}

fn names(told: &BTreeMap<String, Told>, which: impl Fn(&Told) -> bool) -> String {
    let which = told.iter().filter(|(_, told)| which(told));
    let names: Vec<&str> = which.map(|(root, _)| root.as_str()).collect();
    names.join(" ")
}

/// The roots by which the other half is told to those who may see all.
const TELLING: &str = "assessChange blastRadius change changeGroups changes changesFolded changesNearby diff \
    incident incidentGroups incidents item items itemsGrouped kinds mayChange node previewChange \
    previewSubscription priorityInversions retirementCheck sharedInfrastructure sources teams timeline";

/// The roots that tokens of limited sight may ask.
const SHOWN: &str = "blastRadius change changes changesNearby incident incidents item items node";

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_limited_sight_opens_nothing_but_questions() {
    let halves = Halves::new().await;
    let secret = halves.reader(json!({ "teams": ["team-okapi"] })).await;
    for path in ["/metrics", "/calendar.ics"] {
        assert_eq!(halves.status(&halves.admin, path).await, 200, "{path}");
        assert_eq!(halves.status(&secret, path).await, 403, "{path}");
    }
    let event = json!([{ "source": "a", "type": "item.observed", "data": { "key": "service:a" } }]);
    assert_eq!(halves.post("/ingest/events", &secret, &event).await.0, 403);

    let create = async |scopes: &str, sight: &str| {
        let document = format!(
            "mutation {{ createToken(input: {{ name: \"a\", scopes: [{scopes}], sight: {{ {sight} }} }}) {{ secret }} }}"
        );
        let answer = halves.ask(&halves.admin, &document).await;
        answer["errors"][0]["message"].as_str().unwrap().to_owned()
    };
    for scopes in ["ADMIN", "READ, INGEST", "OPERATE", "INGEST"] {
        let told = create(scopes, "teams: [\"a\"]").await;
        assert_eq!(
            told,
            "sight: a token that shows a part of the estate is for READ alone"
        );
    }
    assert_eq!(create("READ", "").await, "sight has one entry at least");
    assert_eq!(
        create("READ", "kinds: [\" \"]").await,
        "sight.kinds: an entry has 1 to 1024 bytes"
    );
}

const COUNTS: &str = "{ items { totalCount hiddenCount } changes { totalCount hiddenCount } \
    incidents { totalCount hiddenCount } }";

#[tokio::test(flavor = "multi_thread")]
async fn totals_with_what_is_hidden_are_those_of_who_sees_everything() {
    let halves = Halves::new().await;
    let secret = halves
        .reader(json!({ "environments": ["okapi-env"] }))
        .await;
    let [all, part] = halves.both(&secret, COUNTS).await;
    for list in ["items", "changes", "incidents"] {
        let count = |answer: &Value, name: &str| answer[list][name].as_u64().unwrap();
        assert_eq!(count(&all, "hiddenCount"), 0, "{list}");
        let hidden = count(&part, "hiddenCount");
        assert!(0 < hidden, "{list}");
        assert_eq!(
            count(&part, "totalCount") + hidden,
            count(&all, "totalCount"),
            "{list}"
        );
    }

    let radius = "{ blastRadius(items: [\"okapi_database:okapi-env/okapi-db\"]) { total hiddenCount \
        impacts { score hops item { hidden key } path { againstArrow } } } }";
    let [mut all, mut part] = halves.both(&secret, radius).await;
    let keys = |answer: &mut Value| -> Vec<String> {
        let impacts = answer["blastRadius"]["impacts"]
            .as_array_mut()
            .unwrap()
            .iter_mut();
        impacts
            .map(|it| it["item"].take()["key"].as_str().unwrap().to_owned())
            .collect()
    };
    let (every, some) = (keys(&mut all), keys(&mut part));
    let hidden = some.iter().filter(|key| *key == "hidden").count();
    assert_eq!(part["blastRadius"]["hiddenCount"].take(), hidden);
    assert_eq!(all["blastRadius"]["hiddenCount"].take(), 0);
    assert_eq!(all, part);
    let zebras = every.iter().filter(|key| key.contains("zebra")).count();
    assert!(0 < zebras && zebras == hidden, "{every:?} {some:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cause_that_is_hidden_holds_its_place_in_the_ranking() {
    let halves = Halves::new().await;
    let secret = halves
        .reader(json!({ "environments": ["okapi-env"] }))
        .await;
    let asked = Asked::of(&halves.ask(&halves.admin, IDS).await, "okapi");
    for incident in &asked.incidents {
        let nearby = format!(
            "{{ changesNearby(incident: \"{incident}\") {{ considered hiddenCount changes {{ rank score hops leadMs \
             path {{ againstArrow }} change {{ hidden title startedAt }} }} }} }}"
        );
        let [mut all, mut part] = halves.both(&secret, &nearby).await;
        let titles = |answer: &mut Value| -> Vec<String> {
            let changes = answer["changesNearby"]["changes"]
                .as_array_mut()
                .unwrap()
                .iter_mut();
            let changes = changes.map(|it| &mut it["change"]);
            changes
                .map(|it| {
                    it["hidden"].take();
                    it["title"].take().as_str().unwrap().to_owned()
                })
                .collect()
        };
        let (every, some) = (titles(&mut all), titles(&mut part));
        for (title, told) in every.iter().zip(&some) {
            let wanted = if title.contains("zebra") {
                "hidden"
            } else {
                title
            };
            assert_eq!(told, wanted);
        }
        let hidden = some.iter().filter(|title| *title == "hidden").count();
        assert_eq!(hidden, 2, "{every:?}");
        assert_eq!(part["changesNearby"]["hiddenCount"].take(), hidden);
        assert_eq!(all["changesNearby"]["hiddenCount"].take(), 0);
        assert_eq!(all, part);
    }
}

/// Questions about something that one token may not see; each names it by `SOME`. What is ranked is asked at a
/// stated moment, for now it would count a little less with every answer.
const ABOUT: [&str; 14] = [
    "item(key: \"SOME_service:SOME-env/SOME-web\") { id }",
    "item(key: \"serial=SOME-SOME_service:SOME-env/SOME-web\") { id }",
    "blastRadius(items: [\"SOME_database:SOME-env/SOME-db\"]) { total }",
    "changesNearby(items: [\"okapi_service:okapi-env/okapi-web\", \"SOME_service:SOME-env/SOME-web\"], at: \"2026-11-20T10:10:00Z\") \
        { considered coverage { unknownItems } changes { score } }",
    "items(filter: { text: \"SOME\" }) { totalCount hiddenCount }",
    "items(filter: { attributes: [{ name: \"SOME_attribute\", operator: EXISTS }] }) { totalCount }",
    "changes(filter: { text: \"SOME\" }) { totalCount hiddenCount nodes { title } }",
    "changes(filter: { items: [\"SOME_database:SOME-env/SOME-db\"] }) { totalCount }",
    "changes(filter: { itemKinds: [\"SOME_database\"] }) { totalCount }",
    "changes(filter: { environment: \"SOME-env\" }) { totalCount }",
    "changes(filter: { operator: \"SOME-olga\" }) { totalCount }",
    "changesNearby(items: [\"okapi_service:okapi-env/okapi-web\"], filter: { kind: \"SOME_deployment\" }, at: \"2026-11-20T10:10:00Z\") \
        { considered changes { score } }",
    "incidents(filter: { text: \"SOME\" }) { totalCount hiddenCount }",
    "incidents(filter: { items: [\"SOME_service:SOME-env/SOME-web\"] }) { totalCount }",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_is_answered_as_what_is_not_there() {
    let halves = Halves::new().await;
    let secret = halves.reader(json!({ "teams": ["team-okapi"] })).await;
    let ask = async |secret: &str, question: &str, some: &str| {
        let document = format!("{{ {} }}", question.replace("SOME", some));
        let mut answer = halves.ask(secret, &document).await;
        answer["extensions"].take();
        answer.to_string().replace(some, "SOME")
    };
    for question in ABOUT {
        let seen = ask(&halves.admin, question, "zebra").await;
        let hidden = ask(&secret, question, "zebra").await;
        let unknown = ask(&secret, question, "quagga").await;
        assert_eq!(hidden, unknown, "{question}");
        assert_ne!(hidden, seen, "{question} finds nothing for anybody");
    }
    let ids = ids(&halves, "zebra").await;
    for id in ids.iter().filter(|id| id.contains('_')) {
        let (kind, _) = id.split_once('_').unwrap();
        let other = format!("{kind}_0123456789abcdef0123456789abcdef");
        for question in [
            "node(id: \"SOME\") { id }",
            "change(id: \"SOME\") { id }",
            "incident(id: \"SOME\") { id }",
            "item(key: \"SOME\") { id }",
            "blastRadius(change: \"SOME\") { total }",
            "changesNearby(incident: \"SOME\") { considered }",
        ] {
            let [hidden, unknown] = [
                ask(&secret, question, id).await,
                ask(&secret, question, &other).await,
            ];
            assert_eq!(hidden, unknown, "{question}");
        }
    }
    for (question, what) in [
        (
            "items(filter: { ownedBy: \"a\" }) { totalCount }",
            "filter.ownedBy",
        ),
        (
            "items(filter: { group: \"a\" }) { totalCount }",
            "filter.group",
        ),
        (
            "changes(filter: { teams: [\"a\"] }) { totalCount }",
            "filter.teams",
        ),
        (
            "changes(orderBy: { by: RELEVANCE }, filter: { text: \"a\" }) { totalCount }",
            "an order by RELEVANCE",
        ),
    ] {
        let told = ask(&secret, question, "zebra").await;
        assert!(
            told.contains(&format!("{what} is not for tokens of limited sight")),
            "{told}"
        );
        assert!(
            !ask(&halves.admin, question, "zebra")
                .await
                .contains("limited sight")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_show_what_a_token_of_limited_sight_may_see_and_say_that_it_is_not_all() {
    let halves = Halves::new().await;
    let secret = halves.reader(json!({ "teams": ["team-okapi"] })).await;
    let asked = Asked::of(&halves.ask(&halves.admin, IDS).await, "okapi");
    let item = "okapi_service:okapi-env/okapi-web";
    for incident in &asked.incidents {
        let nearby = ["nearby", incident];
        let [all, part] = [&halves.admin, &secret].map(|secret| halves.told(secret, &nearby));
        assert!(all.contains("zebra") && all.contains("  why "), "{all}");
        assert!(part.contains("okapi release of words"), "{part}");
        assert!(part.starts_with("The token shows a part"), "{part}");
    }
    let at = ["--at", "2026-11-20T10:10:00Z"];
    for command in [
        &["nearby", item, at[0], at[1]][..],
        &["blast-radius", "okapi_database:okapi-env/okapi-db"],
        &["items"],
        &["changes"],
    ] {
        let part = halves.told(&secret, command);
        assert!(
            part.contains("okapi") && !part.contains("zebra"),
            "{command:?}: {part}"
        );
    }
}
