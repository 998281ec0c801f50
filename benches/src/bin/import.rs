//! Listings imported by `epicenter import` into an empty folder, once more, and with one row in a hundred changed;
//! beside SQLite, which reads the same file and syncs a transaction a thousand rows.
//!
//! Ours is the whole command over a folder: start, intake, log, sync, stop. The repeats compare with what is known.
//!
//! usage: `import [ROWS]`

#![expect(
    clippy::cast_precision_loss,
    reason = "a benchmark's figures are read by people"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use benches::{Row, resident_bytes};
use clap::Parser as _;
use rusqlite::Connection;
use server::Cli;

const MAPPING: &str = "source: hosts
key: { kind: { value: host }, environment: env, name: hostname }
owner: team
attributes: { cpu: { column: cpu, type: integer }, os: os, serial: serial }
relations:
  - { kind: runs_on, provider: { kind: { value: rack }, name: rack } }
";

/// Rows that SQLite writes between two syncs.
const ROWS_A_TRANSACTION: usize = 1_000;

fn main() {
    let rows: usize = std::env::args().nth(1).map_or(100_000, |text| {
        text.parse().expect("the argument is a number of rows")
    });
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, changed) = (folder.path().join("hosts.csv"), folder.path().join("b.csv"));
    let mapping = folder.path().join("mapping.yaml");
    let write = |path: &Path, text: &str| std::fs::write(path, text).expect("it is written");
    write(&mapping, MAPPING);
    write(&file, &table(rows, false));
    write(&changed, &table(rows, true));

    let data = folder.path().join("data");
    let peer = peer(&folder.path().join("peer.db"));
    let works = [
        ("first time", &file),
        ("again, nothing new", &file),
        ("again, one row in a hundred changed", &changed),
    ];
    for (work, file) in works {
        let started = Instant::now();
        import(file, &mapping, &data);
        let ours = rows as f64 / started.elapsed().as_secs_f64();
        let started = Instant::now();
        upsert(&peer, file);
        let theirs = rows as f64 / started.elapsed().as_secs_f64();
        let what = format!("import of a CSV file, {work}, rows a second");
        Row::new(&what, ours).against("SQLite", theirs).print();
    }
    let memory = resident_bytes() / rows as f64;
    Row::new("memory of the whole process after it, bytes a row", memory).print();
}

/// Hosts in racks of forty.
fn table(rows: usize, is_later: bool) -> String {
    let mut table = "hostname,env,team,cpu,os,serial,rack\n".to_owned();
    for row in 0..rows {
        let cpu = if is_later && row % 100 == 0 { 64 } else { 32 };
        let (team, rack) = (row % 500, row / 40);
        writeln!(
            table,
            "web-{row}.shop.example,prod,team-{team},{cpu},debian 12,S{row:010},r-{rack}"
        )
        .expect("memory takes it");
    }
    table
}

fn import(file: &Path, mapping: &Path, data: &Path) {
    let text = |path: &Path| path.to_str().expect("it is UTF-8").to_owned();
    let (file, mapping, data) = (text(file), text(mapping), text(data));
    let words = [
        "epicenter",
        "import",
        "csv",
        &file,
        "--mapping",
        &mapping,
        "--scope",
        "all",
        "--data-dir",
        &data,
    ];
    Cli::parse_from(words).run().expect("every row is taken");
}

fn peer(path: &Path) -> Connection {
    let peer = Connection::open(path).expect("SQLite opens a file");
    let schema = "pragma journal_mode = wal; pragma synchronous = full;
        create table hosts (hostname text primary key, env text, team text, cpu integer, os text,
            serial text, rack text) without rowid";
    peer.execute_batch(schema).expect("SQLite takes a schema");
    peer
}

fn upsert(peer: &Connection, file: &Path) {
    let sql = "insert into hosts values (?, ?, ?, ?, ?, ?, ?) on conflict do update set
        cpu = excluded.cpu, team = excluded.team where cpu <> excluded.cpu or team <> excluded.team";
    let mut reader = csv::Reader::from_path(file).expect("the file was just written");
    let mut insert = peer.prepare(sql).expect("SQLite reads it");
    for (number, record) in reader.records().enumerate() {
        if number % ROWS_A_TRANSACTION == 0 {
            let turn = if number == 0 {
                "begin"
            } else {
                "commit; begin"
            };
            peer.execute_batch(turn).expect("a transaction");
        }
        let record = record.expect("a row");
        insert
            .execute(rusqlite::params_from_iter(&record))
            .expect("SQLite takes a row");
    }
    peer.execute_batch("commit").expect("a transaction");
}
