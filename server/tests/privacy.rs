//! Names of people, with the real binary: sealed where they lie, shown to whoever asks.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::plain;
use crate::serving::{Serving, epicenter};
use crate::written::is_written;

const MIKA: &str = "mika.nakamura";
const OCTO: &str = "octo-lovelace";

/// A data folder with a configuration beside it.
struct House(TempDir);

impl House {
    fn with(names: &str) -> Self {
        let house = Self(tempfile::tempdir().unwrap());
        house.set(names);
        house
    }

    fn set(&self, names: &str) {
        let text = format!("[privacy]\nnames = \"{names}\"\n");
        fs::write(self.0.path().join("epicenter.toml"), text).unwrap();
    }

    fn config(&self) -> String {
        let path = self.0.path().join("epicenter.toml");
        path.to_str().unwrap().to_owned()
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn serve(&self) -> Serving {
        Serving::with(&self.data(), &["--config", &self.config()])
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let data = self.data();
        let place = ["--data-dir", data.to_str().unwrap()];
        let config = self.config();
        let all = [arguments, &place, &["--config", &config]].concat();
        epicenter(&all).output().unwrap()
    }

    /// What a command of its files prints.
    fn say(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A change by somebody, whom somebody else approved.
fn change(number: usize, operator: &str, approver: &str) -> Value {
    json!({ "id": format!("e{number}"), "source": "cd", "type": "change.recorded", "data": {
        "sourceId": format!("deploy-{number}"), "title": "checkout 2.4.1",
        "targets": ["service:prod/checkout"], "approver": approver,
        "operator": { "kind": "human", "name": operator },
        "startedAt": "2026-11-20T09:40:00Z", "finishedAt": "2026-11-20T09:44:00Z",
    } })
}

/// A webhook that GitHub sent, of somebody else.
fn deployment() -> Value {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path = crates.join("ingest/testdata/github/deployment.created.json");
    let mut body: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    body["deployment"]["creator"]["login"] = json!(OCTO);
    body["sender"]["login"] = json!(OCTO);
    body
}

impl Serving {
    async fn tell(&self, path: &str, body: &Value) -> Value {
        let request = plain::client().post(format!("{}{path}", self.http));
        let request = request.header("x-github-event", "deployment").json(body);
        let response = request.send().await.unwrap();
        let status = response.status();
        let answer = response.json().await.unwrap();
        assert!(status.is_success(), "{path} {status} {answer}");
        answer
    }

    /// Two changes of one, one of the other.
    async fn fill(&self) {
        self.tell("/ingest/events", &change(1, MIKA, OCTO)).await;
        self.tell("/ingest/events", &change(2, MIKA, MIKA)).await;
        let answer = self.tell("/ingest/github", &deployment()).await;
        assert_eq!(answer["accepted"], json!(1), "{answer}");
    }

    /// How many changes each operator made.
    async fn operators(&self) -> BTreeMap<String, u64> {
        let document = "{ changeGroups(by: [OPERATOR], first: 100) {
            groups { count values { value } }
        } }";
        let answer = self.tell("/graphql", &json!({ "query": document })).await;
        let groups = answer["data"]["changeGroups"]["groups"].as_array();
        let groups = groups.unwrap_or_else(|| panic!("{answer}"));
        let counted = groups.iter().map(|group| {
            let name = group["values"][0]["value"].as_str().unwrap_or_default();
            let count = group["count"].as_u64();
            (name.to_owned(), count.unwrap_or_else(|| panic!("{group}")))
        });
        counted.collect()
    }

    /// How many changes a command finds of an operator.
    fn found(&self, operator: &str) -> Value {
        let asked = ["changes", "--json", "--server", &self.http, "--operator"];
        let output = epicenter(&[&asked[..], &[operator]].concat())
            .output()
            .unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
        answer["changes"]["totalCount"].clone()
    }
}

fn counted(operators: &[(&str, u64)]) -> BTreeMap<String, u64> {
    let each = operators.iter();
    each.map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

#[tokio::test]
async fn names_lie_sealed_and_whoever_asks_sees_them_under_either_setting() {
    let house = House::with("sealed");
    let wanted = counted(&[(MIKA, 2), (OCTO, 1)]);
    let serving = house.serve();
    serving.fill().await;
    assert_eq!(serving.operators().await, wanted);
    assert_eq!(serving.found(MIKA), json!(2));
    serving.stop();
    for (name, folder) in [(MIKA, "log"), (OCTO, "log"), (MIKA, "persons")] {
        assert!(!is_written(&house.data().join(folder), name));
    }
    // Without the keys the log tells nobody.
    let bare = House::with("sealed");
    fs::create_dir_all(bare.data().join("log")).unwrap();
    for entry in fs::read_dir(house.data().join("log")).unwrap() {
        let path = entry.unwrap().path();
        let copy = bare.data().join("log").join(path.file_name().unwrap());
        fs::copy(&path, copy).unwrap();
    }
    let told = bare.say(&["log", "export"]);
    assert!(told.contains("forgotten-") && !told.contains("person:v1:"));
    assert!(!told.contains(MIKA) && !told.contains(OCTO), "{told}");

    house.set("plain");
    let exported = house.say(&["log", "export"]);
    assert!(exported.contains(MIKA) && exported.contains(OCTO));
    // As it is without any configuration.
    let serving = Serving::over(&house.data());
    let again = serving.tell("/ingest/events", &change(1, MIKA, OCTO)).await;
    assert_eq!(again["duplicates"], json!(1), "{again}");
    serving.tell("/ingest/events", &change(3, MIKA, OCTO)).await;
    assert_eq!(serving.operators().await, counted(&[(MIKA, 3), (OCTO, 1)]));
    serving.stop();
    assert!(is_written(&house.data().join("log"), MIKA));
    house.say(&["log", "verify"]);
    house.say(&["replay", "--verify"]);
}

#[tokio::test]
async fn every_name_that_was_acknowledged_can_be_read_after_a_kill() {
    let house = House::with("sealed");
    let serving = house.serve();
    let (acknowledged, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let address = format!("{}/ingest/events", serving.http);
    let sending = tokio::spawn(async move {
        let client = plain::client();
        for number in 0.. {
            let name = format!("worker-{number}");
            let request = client.post(&address).json(&change(number, &name, &name));
            match request.send().await {
                Ok(answer) if answer.status().is_success() => acknowledged.send(name).unwrap(),
                _ => return,
            }
        }
    });
    let mut names = Vec::new();
    while names.len() < 40 {
        names.push(heard.recv().await.unwrap());
    }
    serving.signal("-KILL");
    sending.await.unwrap();
    while let Ok(name) = heard.try_recv() {
        names.push(name);
    }
    drop(serving);
    let serving = house.serve();
    let operators = serving.operators().await;
    for name in names {
        assert_eq!(operators.get(&name), Some(&1), "{name}");
    }
    assert!(!operators.keys().any(|name| name.starts_with("forgotten-")));
    serving.stop();
}

#[tokio::test]
async fn a_name_that_is_forgotten_is_nowhere_in_the_folder_and_nothing_else_changes() {
    let house = House::with("sealed");
    let serving = house.serve();
    serving.fill().await;
    let unknown = json!({ "specversion": "1.0", "id": "1", "source": "/s",
        "type": "com.example.x", "data": { "by": MIKA } });
    let kept = serving.tell("/ingest/cloudevents", &unknown).await;
    assert_eq!(kept["quarantined"], json!(1), "{kept}");
    assert_eq!(serving.operators().await, counted(&[(MIKA, 2), (OCTO, 1)]));
    serving.stop();
    assert!(is_written(&house.data(), MIKA));

    let told = house.say(&["forget", MIKA]);
    assert!(told.contains("sealed in 2 events"), "{told}");
    assert!(
        told.ends_with("nothing was done; --yes does it\n"),
        "{told}"
    );
    assert!(is_written(&house.data(), MIKA));
    let unknown = house.run(&["forget", "somebody else", "--yes"]);
    assert!(!unknown.status.success());

    let told = house.say(&["forget", MIKA, "--yes", "--by", "boss"]);
    let (_, placeholder) = told.rsplit_once("named so is ").unwrap();
    let (placeholder, _) = placeholder.split_once(' ').unwrap();
    assert!(placeholder.starts_with("forgotten-"), "{told}");
    assert!(!is_written(&house.data(), MIKA));
    house.say(&["log", "verify"]);
    let exported = house.say(&["log", "export"]);
    assert!(!exported.contains(MIKA) && exported.contains(OCTO));
    let last = exported.lines().last().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["name"], json!("person.forgotten"));
    assert_eq!(last["actor"], json!({ "kind": "human", "name": "boss" }));
    let person = last["payload"]["person"].as_str().unwrap();
    assert_eq!(format!("forgotten-{person}"), placeholder);
    assert!(!house.run(&["forget", MIKA, "--yes"]).status.success());

    let serving = house.serve();
    let after = counted(&[(placeholder, 2), (OCTO, 1)]);
    assert_eq!(serving.operators().await, after);
    assert_eq!(serving.found(placeholder), json!(2));
    assert_eq!(serving.found(MIKA), json!(0));
    let again = serving.tell("/ingest/events", &change(2, MIKA, MIKA)).await;
    assert_eq!(again["duplicates"], json!(1), "{again}");
    assert_eq!(serving.operators().await, after);
    serving.stop();
    house.say(&["replay", "--verify"]);
}

#[tokio::test]
async fn what_was_written_in_the_clear_is_told_and_is_no_success() {
    let house = House::with("plain");
    let serving = house.serve();
    serving.fill().await;
    serving.stop();
    house.set("sealed");
    let serving = house.serve();
    serving.tell("/ingest/events", &change(3, MIKA, OCTO)).await;
    serving.stop();
    let forgotten = house.run(&["forget", MIKA, "--yes"]);
    assert!(!forgotten.status.success());
    let told = text(&forgotten.stdout);
    assert!(told.contains("sealed in 1 events"), "{told}");
    assert!(
        told.contains("2 events tell the name in the clear"),
        "{told}"
    );
    assert!(told.contains("positions 1, 2"), "{told}");
    // An export brings everything into a fresh folder, where it can be forgotten.
    let file = house.0.path().join("exported.jsonl");
    let file = file.to_str().unwrap();
    house.say(&["log", "export", "--output", file]);
    let fresh = House::with("sealed");
    fresh.say(&["log", "import", file]);
    fresh.say(&["forget", MIKA, "--yes"]);
    assert!(!is_written(&fresh.data(), MIKA));
}
