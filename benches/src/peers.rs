//! Peers that are programs of their own: databases and libraries behind `benches/peers/ask.py`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A peer that has read its tables and waits for questions.
pub struct Peer {
    name: String,
    child: Child,
    answers: BufReader<ChildStdout>,
}

/// What a peer found, and how long it took inside its own process.
pub struct Found {
    /// From having the parameters to having the numbers.
    pub ms: f64,
    /// The numbers, in the order of the question.
    pub numbers: Vec<u64>,
}

impl Peer {
    /// Starts those of some engines that can be had, and says loudly which cannot.
    pub fn start_all(engines: &[&str], subject: &str, tables: &Path) -> Vec<Self> {
        let start = |engine: &&str| Self::start(engine, subject, tables);
        engines.iter().filter_map(start).collect()
    }

    #[expect(
        clippy::print_stderr,
        reason = "a table without a peer must not pass unnoticed"
    )]
    fn start(engine: &str, subject: &str, tables: &Path) -> Option<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new(python(here))
            .arg(here.join("peers/ask.py"))
            .args([engine, subject])
            .arg(tables)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python is installed");
        let answers = child.stdout.take().expect("its output is a pipe");
        let mut peer = Self {
            name: engine.to_owned(),
            child,
            answers: BufReader::new(answers),
        };
        let greeting = peer.next_line();
        if let Some(name) = greeting.get("name").and_then(Value::as_str) {
            name.clone_into(&mut peer.name);
            return Some(peer);
        }
        eprintln!("SKIPPED, the table has no column of it: {engine}: {greeting}");
        None
    }

    /// What it is, with its version.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks, and waits for the answer.
    pub fn ask(&mut self, parameters: &Value) -> Found {
        let questions = self.child.stdin.as_mut().expect("its input is a pipe");
        writeln!(questions, "{parameters}").expect("the peer takes questions");
        let answer = self.next_line();
        let ms = answer.get("ms").and_then(Value::as_f64);
        let found = answer.get("found").and_then(Value::as_array);
        assert!(found.is_some(), "{} finds nothing: {answer}", self.name);
        Found {
            ms: ms.expect("an answer has a time"),
            numbers: found
                .into_iter()
                .flatten()
                .filter_map(Value::as_u64)
                .collect(),
        }
    }

    fn next_line(&mut self) -> Value {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        read.expect("the peer says something");
        let said = serde_json::from_str(&line);
        said.unwrap_or_else(|_| json!({ "missing": format!("it stopped: {line:?}") }))
    }
}

impl Drop for Peer {
    /// Without questions it ends, and stops what it started; a failure shows in its own output.
    fn drop(&mut self) {
        let _ended = self.child.wait();
    }
}

/// The environment that `benches/peers/setup` made, or any Python.
fn python(here: &Path) -> PathBuf {
    let own = here.join("../target/peers/venv/bin/python");
    if own.exists() {
        own
    } else {
        PathBuf::from("python3")
    }
}

/// Writes a table for the peers: a line for each row, numbers with commas between them.
pub fn write_table<const COLUMNS: usize>(
    folder: &Path,
    name: &str,
    rows: impl Iterator<Item = [i64; COLUMNS]>,
) {
    let file = File::create(folder.join(format!("{name}.csv"))).expect("a file for the table");
    let mut file = BufWriter::new(file);
    let mut line = String::new();
    for row in rows {
        line.clear();
        for (place, number) in row.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(line, "{comma}{number}").expect("text takes numbers");
        }
        line.push('\n');
        file.write_all(line.as_bytes()).expect("there is room");
    }
    file.flush().expect("there is room");
}
