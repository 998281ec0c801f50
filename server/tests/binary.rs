//! The binary as people and scripts meet it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Output;

use crate::serving::{Serving, epicenter};

const FREE: &str = "127.0.0.1:0";

fn run(arguments: &[&str]) -> Output {
    epicenter(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Serving {
    fn import_spans(&self, file: &Path) -> Output {
        run(&[
            "import",
            "jsonl",
            file.to_str().unwrap(),
            "--server",
            &self.http,
        ])
    }
}

fn events(folder: &Path, count: usize) -> std::path::PathBuf {
    let path = folder.join("events.jsonl");
    let mut file = File::create(&path).unwrap();
    for number in 0..count {
        writeln!(
            file,
            r#"{{"id":"{number}","source":"test","type":"item.observed","time":"2026-11-20T10:00:00Z","data":{{"key":"service:s{number}"}}}}"#
        )
        .unwrap();
    }
    path
}

#[test]
fn the_demo_finds_the_cause_two_hops_away_under_another_name() {
    let shown = run(&[
        "demo",
        "--exit",
        "--listen",
        FREE,
        "--otlp-grpc",
        FREE,
        "--otlp-http",
        FREE,
    ]);
    let answer = text(&shown.stdout);
    assert!(shown.status.success(), "{answer}\n{}", text(&shown.stderr));
    let (_, first) = answer.split_once(" 1. ").expect(&answer);
    let (first, _) = first.split_once(" 2. ").expect(&answer);
    for wanted in [
        "Lower max_connections from 400 to 60",
        "12 min before",
        "arn:aws:rds:eu-central-1:100000000001:db:postgres-7",
        "known as database:prod/orders-db",
        "service:prod/shop/checkout -calls-> service:prod/shop/orders -queries-> database:prod/orders-db",
    ] {
        assert!(first.contains(wanted), "{wanted:?} is not in:\n{first}");
    }
}

#[test]
fn a_server_stops_in_order_when_asked() {
    for signal in ["-TERM", "-INT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut serving = Serving::over(folder.path());
        serving.signal(signal);
        assert!(serving.child.wait().unwrap().success(), "{signal}");
    }
}

#[test]
fn what_was_acknowledged_outlives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let file = events(folder.path(), 500);
    let serving = Serving::over(&data);
    assert!(serving.import_spans(&file).status.success());
    serving.signal("-KILL");
    drop(serving);
    let again = Serving::over(&data);
    let said = text(&again.import_spans(&file).stdout);
    assert!(
        said.starts_with("500 read, 0 accepted, 500 duplicates"),
        "{said}"
    );
    drop(again);
    let data = data.to_str().unwrap();
    let replayed = run(&["replay", "--verify", "--data-dir", data]);
    assert!(replayed.status.success(), "{}", text(&replayed.stderr));
}

#[test]
fn a_flipped_byte_is_found_and_the_log_reads_back_from_its_export() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let file = events(folder.path(), 200);
    let (data, copy) = (data.to_str().unwrap(), folder.path().join("copy"));
    let imported = run(&[
        "import",
        "jsonl",
        file.to_str().unwrap(),
        "--data-dir",
        data,
    ]);
    assert!(imported.status.success(), "{}", text(&imported.stderr));

    let sound = run(&["log", "verify", "--data-dir", data]);
    assert!(sound.status.success(), "{}", text(&sound.stdout));
    let exported = folder.path().join("export.jsonl");
    let exported = exported.to_str().unwrap();
    let written = run(&["log", "export", "--data-dir", data, "--output", exported]);
    assert_eq!(text(&written.stdout), format!("200 events in {exported}\n"));
    let copied = run(&[
        "log",
        "import",
        exported,
        "--data-dir",
        copy.to_str().unwrap(),
    ]);
    assert_eq!(
        text(&copied.stdout),
        "200 recorded, 0 duplicates, 0 conflicts\n"
    );
    let counted = text(&run(&["log", "stats", "--data-dir", copy.to_str().unwrap()]).stdout);
    assert!(counted.starts_with("200 events in "), "{counted}");

    flip_a_byte(&Path::new(data).join("log"));
    let damaged = run(&["log", "verify", "--data-dir", data]);
    assert!(!damaged.status.success(), "{}", text(&damaged.stdout));
    assert!(
        text(&damaged.stdout).contains("damage"),
        "{}",
        text(&damaged.stdout)
    );
}

/// Flips one bit in the middle of the first segment's records.
fn flip_a_byte(log: &Path) {
    let mut segments: Vec<_> = std::fs::read_dir(log)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "segment"))
        .collect();
    segments.sort();
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&segments[0])
        .unwrap();
    let place = 10_000;
    let mut byte = [0];
    file.seek(SeekFrom::Start(place)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(place)).unwrap();
    file.write_all(&[byte[0] ^ 1]).unwrap();
}

#[test]
fn what_cannot_be_done_is_said_with_a_failing_exit_code() {
    for (arguments, wanted) in [
        (
            vec![
                "serve",
                "--listen",
                "0.0.0.0:0",
                "--otlp-grpc",
                FREE,
                "--otlp-http",
                FREE,
                "--log",
                "memory:",
            ],
            "which others can reach, and no token counts",
        ),
        (vec!["serve", "--log", "paper:"], "not a log"),
        (
            vec!["nearby", "service:a", "--server", "http://127.0.0.1:1"],
            "no server answers at",
        ),
        (
            vec!["log", "verify", "--data-dir", "nowhere"],
            "there is no log in",
        ),
        (
            vec![
                "import",
                "jsonl",
                "nowhere",
                "--server",
                "http://127.0.0.1:1",
            ],
            "could not be read",
        ),
    ] {
        let refused = run(&arguments);
        let said = text(&refused.stderr);
        assert!(!refused.status.success(), "{arguments:?}");
        assert!(
            said.starts_with("error: ") && said.contains(wanted),
            "{arguments:?}: {said}"
        );
    }
}

#[test]
fn two_servers_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Serving::over(folder.path());
    let data = folder.path().to_str().unwrap();
    let second = run(&[
        "serve",
        "--listen",
        FREE,
        "--otlp-grpc",
        FREE,
        "--otlp-http",
        FREE,
        "--data-dir",
        data,
    ]);
    assert!(text(&second.stderr).contains("another process uses the data folder"));
}
