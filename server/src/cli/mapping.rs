//! `epicenter mapping`: what a mapping would make of bodies, before anybody relies on it.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ingest::{Quarantine, Trial, Tried};
use model::{Clock, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ask, print};
use crate::cli::serve::runtime;
use crate::clock::SystemClock;
use crate::data_dir::quarantine_folder;

/// Look at mappings.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum MappingCommand {
    /// Show what a mapping makes of bodies, and what of it would be refused; nothing is recorded
    Try(TryFlags),
}

/// Which mapping is tried on what.
#[derive(Debug, clap::Args)]
pub(crate) struct TryFlags {
    /// The file of the mapping, `NAME.jq`
    file: PathBuf,
    /// Files with one body each, as JSON; `-` is standard input
    #[arg(value_name = "PAYLOAD")]
    payloads: Vec<PathBuf>,
    /// Try it on what the quarantine keeps of its deliveries, too
    #[arg(long)]
    quarantine: bool,
    /// Read the quarantine of this folder, of a server that runs or not
    #[arg(long, value_name = "DIR", requires = "quarantine")]
    data_dir: Option<PathBuf>,
    /// Ask this server for its quarantine, which tells no headers and bodies up to 16 KiB
    #[arg(
        long,
        value_name = "URL",
        env = "EPICENTER_SERVER",
        default_value = "http://127.0.0.1:8080",
        conflicts_with = "data_dir"
    )]
    server: String,
    /// A header of the deliveries, `NAME: VALUE`; several may be given
    #[arg(long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// The source that the configuration gives the sender [default: the mapping's name]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// The environment that the configuration gives the sender
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Print what was made as JSON, one object a body
    #[arg(long)]
    json: bool,
}

/// A body to try it on.
struct Payload {
    /// What people call it.
    name: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    received_at: Timestamp,
}

/// Does what was typed.
pub(super) fn mapping(command: &MappingCommand) -> anyhow::Result<()> {
    let MappingCommand::Try(flags) = command;
    if flags.payloads.is_empty() && !flags.quarantine {
        bail!("name files with bodies, or --quarantine");
    }
    let name = flags.file.file_stem().and_then(|name| name.to_str());
    let name = name.context("the file of a mapping is called NAME.jq")?;
    let code = std::fs::read_to_string(&flags.file)
        .with_context(|| format!("could not read {}", flags.file.display()))?;
    let trial = Trial::of(name, &code)
        .with_context(|| format!("{} is no mapping", flags.file.display()))?
        .from(flags.source.clone(), flags.environment.clone());
    let mut refused = 0;
    let mut bodies = 0;
    for payload in payloads(name, flags)? {
        let tried = trial.run(&payload.headers, &payload.body, payload.received_at);
        bodies += 1;
        refused += usize::from(!tried.refused.is_empty());
        print(&match flags.json {
            true => to_json(&payload.name, &tried),
            false => say(&payload.name, &tried),
        })?;
    }
    match refused {
        0 => Ok(()),
        some => bail!("{some} of {bodies} bodies would lie in the quarantine"),
    }
}

fn payloads(name: &str, flags: &TryFlags) -> anyhow::Result<Vec<Payload>> {
    let mut headers = Vec::new();
    for header in &flags.headers {
        let (name, value) = header
            .split_once(':')
            .with_context(|| format!("a header is NAME: VALUE, not {header:?}"))?;
        headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
    }
    let received_at = SystemClock.now();
    let mut payloads = Vec::new();
    for path in &flags.payloads {
        payloads.push(Payload {
            name: path.display().to_string(),
            headers: headers.clone(),
            body: read(path)?,
            received_at,
        });
    }
    if flags.quarantine {
        match &flags.data_dir {
            Some(data_dir) => of_folder(name, data_dir, &mut payloads)?,
            None => runtime()?.block_on(of_server(name, &flags.server, &mut payloads))?,
        }
    }
    Ok(payloads)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path.as_os_str() == "-" {
        let mut body = Vec::new();
        std::io::stdin().read_to_end(&mut body)?;
        return Ok(body);
    }
    std::fs::read(path).with_context(|| format!("could not read {}", path.display()))
}

fn of_folder(name: &str, data_dir: &Path, payloads: &mut Vec<Payload>) -> anyhow::Result<()> {
    let folder = quarantine_folder(data_dir);
    Quarantine::look_through(&folder, |hash, received_at, kept| {
        if kept.is_of_mapping(name) {
            payloads.push(Payload {
                name: hash.to_string(),
                headers: kept.headers,
                body: kept.body,
                received_at,
            });
        }
    })
    .with_context(|| format!("could not read the quarantine at {}", folder.display()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    quarantine: Page,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    page_info: PageInfo,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    hash: String,
    format: String,
    reason: String,
    received_at: Timestamp,
    bytes: usize,
    excerpt: Option<String>,
}

async fn of_server(name: &str, server: &str, payloads: &mut Vec<Payload>) -> anyhow::Result<()> {
    const DOCUMENT: &str = "query Kept($after: String) { quarantine(first: 100, after: $after) { \
        pageInfo { hasNextPage endCursor } \
        nodes { hash format reason receivedAt bytes excerpt } } }";
    let begins = format!("{name}.jq: ");
    let mut after: Option<String> = None;
    loop {
        let data = ask::query(server, DOCUMENT, &json!({ "after": after })).await?;
        let answer: Answer =
            serde_json::from_value(data).context("the server answered something else")?;
        for node in answer.quarantine.nodes {
            if node.format != "mapping" || !node.reason.starts_with(&begins) {
                continue;
            }
            let body = node.excerpt.unwrap_or_default().into_bytes();
            if body.len() < node.bytes {
                print(&format!(
                    "{}: of its {} bytes the server tells only the beginning; see --data-dir\n",
                    node.hash, node.bytes
                ))?;
                continue;
            }
            payloads.push(Payload {
                name: node.hash,
                headers: Vec::new(),
                body,
                received_at: node.received_at,
            });
        }
        let page = answer.quarantine.page_info;
        after = page.end_cursor.filter(|_| page.has_next_page);
        if after.is_none() {
            return Ok(());
        }
    }
}

fn to_json(name: &str, tried: &Tried) -> String {
    let refused = tried.refused.iter();
    let refused: Vec<Value> = refused
        .map(|it| json!({ "event": it.index, "field": it.field, "reason": it.reason }))
        .collect();
    let told = json!({ "payload": name, "events": tried.events, "refused": refused });
    format!("{told}\n")
}

fn say(name: &str, tried: &Tried) -> String {
    let mut told = format!("{name}\n");
    for event in &tried.events {
        let text = serde_json::to_string_pretty(event).unwrap_or_default();
        for line in text.lines() {
            let _infallible = writeln!(told, "  {line}");
        }
    }
    for refused in &tried.refused {
        let what = match refused.index {
            0 => "nothing is made of it:".to_owned(),
            index => format!("event {index} would be refused:"),
        };
        let field = match refused.field.as_str() {
            "" => String::new(),
            field => format!("{field} "),
        };
        let _infallible = writeln!(told, "  {what} {field}{}", refused.reason);
    }
    if tried.events.is_empty() && tried.refused.is_empty() {
        told.push_str("  nothing: it would be answered and ignored\n");
    }
    told
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ingest::{QuarantineConfig, QuarantinedBody};
    use model::SourceName;

    use super::*;

    const CODE: &str =
        r#".body[] | {id: .n, type: "item.retired", data: (if .key then {key} else {} end)}"#;

    #[test]
    fn what_would_be_recorded_and_what_refused_is_said_in_words() {
        let trial = Trial::of("cmdb", CODE).unwrap();
        let at = "2026-11-20T12:00:00Z".parse().unwrap();
        let mut told = String::new();
        for body in [
            r#"[{"n": 1, "key": "host:a"}, {"n": 2}]"#,
            "[]",
            "{",
            "{\"a\": 1}",
        ] {
            told.push_str(&say("payload", &trial.run(&[], body.as_bytes(), at)));
        }
        for line in [
            r#"      "key": "host:a""#,
            r#"    "type": "item.retired""#,
            "  event 2 would be refused: data.key is required",
            "  nothing: it would be answered and ignored",
            "  nothing is made of it: the body is not JSON: EOF while parsing an object at line 1 column 1",
            "  nothing is made of it: cannot index a number",
        ] {
            assert!(told.lines().any(|it| it == line), "{line}\n{told}");
        }
    }

    #[test]
    fn only_deliveries_of_the_mapping_are_read_from_the_quarantine() {
        let folder = tempfile::tempdir().unwrap();
        let config = QuarantineConfig {
            max_bytes: 1024 * 1024,
            max_age_ms: 1_000_000,
        };
        let place = quarantine_folder(folder.path());
        let quarantine = Quarantine::open(place, config, Arc::new(SystemClock)).unwrap();
        for (format, sender, body) in [
            ("mapping", "cmdb", "[1]"),
            ("mapping", "other", "[2]"),
            ("github", "cmdb", "[3]"),
        ] {
            let kept = QuarantinedBody {
                source: SourceName::new("a"),
                format: format.to_owned(),
                content_type: None,
                headers: vec![("epicenter-sender".to_owned(), sender.to_owned())],
                body: body.as_bytes().to_vec(),
                reason: String::new(),
            };
            quarantine.keep(&kept).unwrap();
        }
        let mut payloads = Vec::new();
        of_folder("cmdb", folder.path(), &mut payloads).unwrap();
        let bodies: Vec<Vec<u8>> = payloads.into_iter().map(|it| it.body).collect();
        assert_eq!(bodies, [b"[1]"]);
    }
}
