//! What closed long ago lies on the disk and is answered as if it did not: each question goes to a server
//! that puts everything closed away at once, and to one that never does.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use server::config::Settings;

use crate::running::{Running, folder};

const PODS: u32 = 120;
/// Nodes, a workload, and addresses, of which nobody says that they are gone.
const STAYING: u32 = 3 + 1 + 7;
const FOLDER: &str = "ARCHIVE_FOLDER";

/// Questions about the past, and one about the present.
const QUESTIONS: &[&str] = &[
    "{ items(first: 200) { totalCount nodes { id key owner freshness } } }",
    "{ items(first: 200, asOf: { validAt: \"2020-01-01T10:35:30Z\" }) { totalCount nodes {
        id key owner freshness aliases { scheme value } sources
        dependsOn { nodes { kind freshness firstSeenAt lastSeenAt provider { key } } }
        usedBy { nodes { kind dependent { key } } } } } }",
    "{ items(first: 5, orderBy: { by: KEY, descending: true }, asOf: { validAt: \"2020-01-01T11:05:30Z\", position: \"400\" },
        filter: { kinds: [\"pod\"] }) { totalCount nodes { key } } }",
    "{ itemsGrouped(by: KIND, asOf: { validAt: \"2020-01-01T10:50:00Z\" }) { totalItems groups { value count } } }",
    "{ item(key: \"pod:prod/shop/p-7\") { id key freshness owner aliases { scheme value }
        attributes { name value others { value source } }
        attributeHistory(name: \"image\") { truncated changes { before value source position } } } }",
    "{ item(key: \"pod:p-8\") { id key freshness } }",
    "{ item(key: \"k8s.uid=u-9\", asOf: { validAt: \"2020-01-01T10:12:00Z\" }) { id key freshness
        placement { items { item { key } } } dependsOn { nodes { kind provider { key } } } } }",
    "{ item(key: \"ip=10.0.0.3\", asOf: { validAt: \"2020-01-01T10:25:00Z\" }) { id key } }",
    "{ item(key: \"host:prod/node-1\", asOf: { validAt: \"2020-01-01T10:40:00Z\" }) {
        usedBy { nodes { kind dependent { key } } } } }",
    "{ diff(first: 100, from: { validAt: \"2020-01-01T10:15:30Z\" }, to: { validAt: \"2020-01-01T10:45:30Z\" }) {
        total unexplained truncated differences { what sentence at item { key } explainedBy { title } } } }",
    "{ diff(first: 100, from: { validAt: \"2020-01-01T10:15:30Z\" }) {
        total unexplained truncated differences { what sentence at item { key } explainedBy { title } } } }",
    "{ diff(first: 100, items: [\"host:prod/node-2\"], hopsMax: 1, from: { validAt: \"2020-01-01T10:15:30Z\", position: \"300\" },
        to: { validAt: \"2020-01-01T10:45:30Z\" }) { total differences { sentence } } }",
    "{ why(item: \"pod:prod/shop/p-30\") { truncated nodes { position event source summary } } }",
    "{ why(item: \"pod:prod/shop/p-30\", attribute: \"image\", asOf: { validAt: \"2020-01-01T10:35:00Z\" }) { nodes { position summary } } }",
    "{ why(relation: { dependent: \"pod:prod/shop/p-31\", provider: \"host:prod/node-1\", kind: \"runs_on\" }) {
        nodes { position event summary } } }",
    "{ changesNearby(items: [\"pod:prod/shop/p-31\"], at: \"2020-01-01T10:36:00Z\", lookback: \"PT2H\") { considered truncated
        changes { rank score hops reason change { title } path { relation { dependent { key } kind provider { key } } } }
        coverage { unknownItems itemsWithoutSource } } }",
    "{ blastRadius(items: [\"host:prod/node-2\"], at: \"2020-01-01T10:40:00Z\") { total truncated
        impacts { item { key } hops score } } }",
    "{ changeMeasures(from: \"2020-01-01T10:00:00Z\", to: \"2020-01-01T10:40:00Z\") {
        whole { changes } itemsCovered { part whole unknown } } }",
];

fn settings(closed_horizon_ms: u64) -> Settings {
    let mut settings = Settings::defaults();
    settings.projector.closed_horizon_ms = closed_horizon_ms;
    settings.projector.snapshot_every_events = 300;
    settings
}

fn minute(minute: u32) -> String {
    format!("2020-01-01T{:02}:{:02}:00Z", 10 + minute / 60, minute % 60)
}

fn said(source: &str, number: usize, kind: &str, time: &str, data: &Value) -> Value {
    let id = format!("{source}-{number}");
    json!({ "id": id, "source": source, "type": kind, "time": time, "data": data })
}

/// A pod that lives ten minutes on a node, as a part of one workload.
fn pod(number: u32) -> Vec<(&'static str, String, Value)> {
    let (born, died) = (minute(number), minute(number + 10));
    let key = format!("pod:prod/shop/p-{number}");
    let relation = |provider: String, kind: &str| json!({ "dependent": key, "provider": provider, "kind": kind, "validFrom": born, "validUntil": died });
    let observed = json!({
        "key": key,
        "claims": [{ "scheme": "k8s.uid", "value": format!("u-{number}") }],
        "aliases": [{ "scheme": "ip", "value": format!("10.0.0.{}", number % 7), "validFrom": born, "validUntil": died }],
        "attributes": { "image": format!("shop:{}", number / 10) },
        "validFrom": born,
    });
    vec![
        ("item.observed", born.clone(), observed),
        (
            "relation.observed",
            born.clone(),
            relation(format!("host:prod/node-{}", number % 3), "runs_on"),
        ),
        (
            "relation.observed",
            born.clone(),
            relation("workload:prod/shop/web".to_owned(), "part_of"),
        ),
        ("item.retired", died, json!({ "key": key })),
    ]
}

/// The nodes and the workload, the pods one after the other, and two changes on what stays.
fn lives() -> Vec<Value> {
    let mut told: Vec<(&str, String, Value)> = Vec::new();
    for key in [
        "host:prod/node-0",
        "host:prod/node-1",
        "host:prod/node-2",
        "workload:prod/shop/web",
    ] {
        told.push((
            "item.observed",
            minute(0),
            json!({ "key": key, "owner": "shop" }),
        ));
    }
    for (number, target) in [(20, "host:prod/node-1"), (30, "workload:prod/shop/web")] {
        let change = json!({ "sourceId": format!("c-{number}"), "title": format!("Change {target}"),
            "targets": [target], "status": "succeeded", "startedAt": minute(number), "finishedAt": minute(number + 1) });
        told.push(("change.recorded", minute(number), change));
    }
    told.extend((0..PODS).flat_map(pod));
    let numbered = told.into_iter().enumerate();
    let events =
        numbered.map(|(number, (kind, time, data))| said("watch", number, kind, &time, &data));
    events.collect()
}

/// The nodes say again and again that they are there.
fn reports(round: usize) -> Vec<Value> {
    let reports = (0..300).map(|number| {
        let data = json!({ "key": format!("host:prod/node-{}", number % 3), "owner": "shop" });
        said(
            "report",
            round * 1_000 + number,
            "item.observed",
            "2020-01-01T13:00:00Z",
            &data,
        )
    });
    reports.collect()
}

/// A number that the server measures.
async fn measured(server: &Running, name: &str) -> u64 {
    let (_, measures) = server.get("/metrics").await;
    let line = measures.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|number| number.trim().parse().ok());
    number.unwrap_or_else(|| panic!("{name} is not in {measures}"))
}

async fn put_away(server: &Running) -> u64 {
    measured(server, "fold_put_away_bundles ").await
}

async fn brought_back(server: &Running) -> u64 {
    measured(server, "fold_brought_back_bundles ").await
}

async fn answers_alike(one: &Running, other: &Running) {
    for question in QUESTIONS {
        let (answer, wanted) = (one.ask(question).await, other.ask(question).await);
        let (answer, wanted) = (format!("{answer:#}"), format!("{wanted:#}"));
        let mut alike = answer.lines().zip(wanted.lines());
        let first = alike.position(|(one, other)| one != other).unwrap_or(0);
        let around = |text: &str| -> Vec<String> {
            let lines = text.lines().skip(first.saturating_sub(9));
            lines.take(20).map(str::to_owned).collect()
        };
        let (found, other) = (around(&answer), around(&wanted));
        assert!(answer == wanted, "{question}\n{found:#?}\n{other:#?}");
    }
}

/// One that puts away whatever is closed, one that never does, each in a part of the folder.
async fn both(folder: &Path) -> (Running, Running) {
    let putting = Running::with(settings(1), &folder.join("putting")).await;
    let keeping = Running::with(settings(0), &folder.join("keeping")).await;
    (putting, keeping)
}

async fn tell_both(putting: &Running, keeping: &Running, events: &[Value]) {
    for server in [putting, keeping] {
        server.take(events).await;
    }
}

#[tokio::test]
async fn what_closed_long_ago_is_answered_as_before_it_was_put_away() {
    let folder = folder();
    let (putting, keeping) = both(folder.path()).await;
    tell_both(&putting, &keeping, &lives()).await;
    tell_both(&putting, &keeping, &reports(0)).await;
    answers_alike(&putting, &keeping).await;
    let present = putting.ask(QUESTIONS[0]).await;
    assert_eq!(present["items"]["totalCount"], STAYING, "{present}");
    assert!(100 < put_away(&putting).await);
    assert_eq!(put_away(&keeping).await, 0);
    let ended = "{ items(filter: { includeEnded: true }) { totalCount } }";
    assert_eq!(
        keeping.ask(ended).await["items"]["totalCount"],
        STAYING + PODS
    );
    let in_memory = putting.ask(ended).await["items"]["totalCount"].as_u64();
    assert!(in_memory.is_some_and(|items| items < 32), "{in_memory:?}");
    let then = putting.ask(QUESTIONS[1]).await;
    assert_eq!(then["items"]["totalCount"], STAYING + 10, "{then}");

    // A restart, from a saved state.
    putting.stop().await;
    let putting = Running::with(settings(1), &folder.path().join("putting")).await;
    answers_alike(&putting, &keeping).await;
    // Measured only now: a server that has just started may not have read its saved state yet.
    assert!(100 < put_away(&putting).await);
    putting.stop().await;
    keeping.stop().await;
}

#[tokio::test]
async fn a_late_word_about_what_was_put_away_is_taken() {
    let folder = folder();
    let (putting, keeping) = both(folder.path()).await;
    tell_both(&putting, &keeping, &lives()).await;
    tell_both(&putting, &keeping, &reports(0)).await;
    assert_eq!(brought_back(&putting).await, 0);
    let p7 = json!({ "key": "pod:prod/shop/p-7", "owner": "late", "attributes": { "image": "shop:9" },
        "validFrom": minute(7), "validUntil": minute(12) });
    let deploy = json!({ "sourceId": "late", "title": "Heard of late", "targets": ["pod:p-31"],
        "environment": "prod", "startedAt": minute(33) });
    let merged =
        json!({ "items": ["pod:prod/shop/p-40", "pod:prod/shop/p-41"], "reason": "one after all" });
    let late = [
        said("late", 0, "item.observed", &minute(8), &p7),
        said("late", 1, "change.recorded", &minute(33), &deploy),
        said("late", 2, "items.merged", &minute(140), &merged),
    ];
    tell_both(&putting, &keeping, &late).await;
    answers_alike(&putting, &keeping).await;
    assert_eq!(brought_back(&putting).await, 4);
    let owner = "{ item(key: \"pod:p-7\", asOf: { validAt: \"2020-01-01T10:09:00Z\" }) { owner } }";
    assert_eq!(putting.ask(owner).await["item"]["owner"], "late");

    // What a change or a decision speaks of stays, the other one goes again.
    tell_both(&putting, &keeping, &reports(1)).await;
    answers_alike(&putting, &keeping).await;

    // Without the word of one source everything is folded anew.
    let retracted = json!({ "source": "late" });
    let retraction = [said("ops", 0, "source.retracted", &minute(150), &retracted)];
    tell_both(&putting, &keeping, &retraction).await;
    tell_both(&putting, &keeping, &reports(2)).await;
    answers_alike(&putting, &keeping).await;
    assert_eq!(putting.ask(owner).await["item"]["owner"], Value::Null);
    putting.stop().await;
    keeping.stop().await;
}

fn pages(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder.join("data").join("archive")).expect("the pages");
    let mut pages: Vec<PathBuf> = listed.map(|page| page.expect("a page").path()).collect();
    pages.sort();
    pages
}

#[tokio::test]
async fn pages_that_are_lost_are_made_again_and_those_nobody_needs_go() {
    let folder = folder();
    let own = folder.path().join("putting");
    let (putting, keeping) = both(folder.path()).await;
    tell_both(&putting, &keeping, &lives()).await;
    tell_both(&putting, &keeping, &reports(0)).await;
    answers_alike(&putting, &keeping).await;
    let kept = pages(&own);
    assert!(!kept.is_empty());

    // While it runs: one page is gone, another damaged.
    for page in &kept {
        fs::write(page, "damaged").expect("a page");
    }
    answers_alike(&putting, &keeping).await;
    assert_eq!(pages(&own), kept);
    for page in &kept {
        fs::remove_file(page).expect("a page");
    }
    answers_alike(&putting, &keeping).await;
    assert_eq!(pages(&own), kept);
    putting.stop().await;

    // While it does not, with a page beside that nothing refers to.
    for page in &kept {
        fs::remove_file(page).expect("a page");
    }
    let nobodys = own.join("data/archive/sha_000102030405060708090a0b0c0d0e0f");
    fs::write(&nobodys, "of another time").expect("room for a page");
    let putting = Running::with(settings(1), &own).await;
    answers_alike(&putting, &keeping).await;
    assert_eq!(pages(&own), kept);
    putting.stop().await;

    // With another horizon nothing is put away, and every page goes.
    let never = Running::with(settings(0), &own).await;
    answers_alike(&never, &keeping).await;
    assert_eq!(pages(&own), [] as [PathBuf; 0]);
    never.stop().await;
    keeping.stop().await;
}

/// What is sent to a server that is killed, without an end: pods, and reports between them.
fn endless() -> impl Iterator<Item = Vec<Value>> {
    let lives = lives();
    (0..).map(move |round: usize| {
        let again = lives.iter().map(|event| {
            let text = event.to_string().replace("p-", &format!("r{round}-"));
            let text = text.replace("\"u-", &format!("\"v{round}-"));
            let mut event: Value = serde_json::from_str(&text).expect("JSON as before");
            event["id"] = json!(format!("{round} {}", event["id"]));
            event
        });
        again.chain(reports(round)).collect()
    })
}

/// Not a test by itself: the server that is killed. It says how far it was told.
#[tokio::test]
#[ignore = "runs as the process that is killed"]
async fn victim() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("a folder"));
    let server = Running::with(settings(1), &folder).await;
    for events in endless() {
        for some in events.chunks(97) {
            server.take(some).await;
            let head = measured(&server, "log_head_position ").await;
            let mut told = std::io::stdout();
            writeln!(told, "reached {head}").expect("a pipe");
        }
    }
}

/// Lets a server of its own take events until it says that it holds so many, kills it, and says how many it told.
fn killed_at(folder: &Path, position: u64) -> u64 {
    let mut victim = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "archive::victim", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(victim.stdout.take().expect("a pipe")).lines();
    let reached = lines
        .map_while(Result::ok)
        .filter_map(|line| line.rsplit_once("reached ")?.1.parse::<u64>().ok())
        .find(|reached| position <= *reached);
    victim.kill().expect("it runs");
    victim.wait().expect("it ends");
    reached.expect("it goes on until it is killed")
}

#[tokio::test]
async fn a_server_killed_while_it_puts_away_loses_nothing() {
    let folder = folder();
    let mut seen = 0;
    for kill in 1..=6_u64 {
        let reached = killed_at(folder.path(), kill * 450);
        let server = Running::with(settings(1), folder.path()).await;
        let head = measured(&server, "log_head_position ").await;
        assert!(
            reached <= head,
            "{reached} were acknowledged, {head} are there"
        );
        seen = seen.max(put_away(&server).await);
        let keeping_folder = crate::running::folder();
        let keeping = Running::with(settings(0), keeping_folder.path()).await;
        let told: Vec<Value> = endless().take(6).flatten().collect();
        // Every kill begins again with the same events, and a repeat is a duplicate.
        keeping
            .take(&told[..usize::try_from(head).expect("a few events")])
            .await;
        assert_eq!(measured(&keeping, "log_head_position ").await, head);
        let question =
            "{ items(first: 500, asOf: { validAt: \"2020-01-01T10:35:30Z\" }) { totalCount nodes {
            id key freshness dependsOn { nodes { kind provider { key } } } } } }";
        assert_eq!(server.ask(question).await, keeping.ask(question).await);
        server.stop().await;
        keeping.stop().await;
    }
    assert!(100 < seen, "{seen} put away at most");
}
