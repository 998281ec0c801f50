//! `epicenter blast-radius`: who is hit when this fails or changes?

use std::collections::BTreeMap;
use std::fmt::Write;

use model::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::answer::{ItemKey, PathStep};
use super::ask::{AskFlags, Question, ask};
use super::text::{Tree, count};

/// Who is hit when an item fails, or when a change goes wrong?
#[derive(Debug, clap::Args)]
pub(crate) struct BlastRadiusFlags {
    /// The keys of items, or a change's id (`chg_…`)
    #[arg(required = true, value_name = "ITEM|CHANGE")]
    origin: Vec<String>,
    /// The moment of the question; else now
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// How many relations away to look
    #[arg(long, value_name = "N")]
    hops: Option<u32>,
    /// How many items to show
    #[arg(long, value_name = "N", default_value_t = 30)]
    first: u32,
    #[command(flatten)]
    ask: AskFlags,
}

const DOCUMENT: &str = "\
query BlastRadius($items: [String!], $change: ID, $at: DateTime, $hopsMax: Int, $first: Int) {
  blastRadius(items: $items, change: $change, at: $at, hopsMax: $hopsMax, first: $first) {
    total truncated position
    teams { team items } # whole
    impacts {
      hops score
      reason # whole
      item { key }
      path { from { key } to { key } relation { kind } againstArrow }
    }
  }
}";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    blast_radius: Radius,
}

#[derive(Debug, Deserialize)]
struct Radius {
    impacts: Vec<Impact>,
    total: usize,
    truncated: bool,
    #[serde(default)]
    teams: Vec<Team>,
    position: String,
}

#[derive(Debug, Deserialize)]
struct Impact {
    item: ItemKey,
    score: f64,
    path: Vec<PathStep>,
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Team {
    team: String,
    items: usize,
}

/// Asks and prints.
pub(super) fn blast_radius(flags: &BlastRadiusFlags) -> anyhow::Result<()> {
    let change = match flags.origin.as_slice() {
        [one] if one.starts_with("chg_") => Some(one),
        _ => None,
    };
    let variables = json!({
        "items": change.is_none().then_some(&flags.origin),
        "change": change,
        "at": flags.at,
        "hopsMax": flags.hops,
        "first": flags.first,
    });
    ask(
        &flags.ask,
        &Question {
            document: DOCUMENT,
            variables,
            render,
        },
    )
}

fn render(answer: &Answer) -> String {
    let radius = &answer.blast_radius;
    let mut text = String::new();
    for tree in trees(&radius.impacts) {
        text.push_str(&tree.to_string());
    }
    if radius.impacts.is_empty() {
        text.push_str("Nobody needs it.\n");
    }
    let teams: Vec<String> = radius
        .teams
        .iter()
        .map(|team| format!("{} ({})", team.team, count(team.items, "item")))
        .collect();
    if !teams.is_empty() {
        let written = write!(text, "\nteams to call: {}\n", teams.join(", "));
        written.expect("writing to a String does not fail");
    }
    let cut = if radius.truncated {
        "; the search was cut short"
    } else {
        ""
    };
    let shown = radius.impacts.len();
    let total = count(radius.total, "item");
    let written = writeln!(
        text,
        "\n{shown} of {total} hit{cut}, log position {}",
        radius.position
    );
    written.expect("writing to a String does not fail");
    text
}

/// The impacts hung below each other along their best paths, most likely first.
fn trees(impacts: &[Impact]) -> Vec<Tree> {
    let mut below: BTreeMap<&str, Vec<&Impact>> = BTreeMap::new();
    let mut hit: Vec<&str> = Vec::new();
    for impact in impacts {
        if let Some(step) = impact.path.last() {
            below
                .entry(step.from.key.as_str())
                .or_default()
                .push(impact);
            hit.push(impact.item.key.as_str());
        }
    }
    let roots = below.keys().copied().filter(|key| !hit.contains(key));
    roots.map(|key| tree(key, key.to_owned(), &below)).collect()
}

fn tree(key: &str, text: String, below: &BTreeMap<&str, Vec<&Impact>>) -> Tree {
    let mut impacts = below.get(key).cloned().unwrap_or_default();
    impacts.sort_by(|a, b| b.score.total_cmp(&a.score));
    let branches = impacts.into_iter().map(|impact| {
        let why = impact.reason.as_ref();
        let why = why.map_or_else(String::new, |why| format!("  {why}"));
        let text = format!("{}  [{:.2}]{why}", impact.item.key, impact.score);
        // Each item is hit along one best path, so it hangs in one place and this ends.
        tree(&impact.item.key, text, below)
    });
    Tree {
        text,
        branches: branches.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hit_hangs_below_what_hits_it() {
        let answer = json!({ "blastRadius": {
            "total": 2, "truncated": false, "position": "7",
            "teams": [{ "team": "shop", "items": 2 }],
            "impacts": [
                { "item": { "key": "service:api" }, "score": 0.9, "reason": "reads it",
                  "path": [step("db:orders", "service:api")] },
                { "item": { "key": "service:web" }, "score": 0.5, "reason": "calls service:api",
                  "path": [step("db:orders", "service:api"), step("service:api", "service:web")] },
            ],
        }});
        let text = render(&serde_json::from_value(answer).unwrap());
        assert_eq!(
            text,
            "db:orders\n\
             └─ service:api  [0.90]  reads it\n\
            \u{20}  └─ service:web  [0.50]  calls service:api\n\
             \nteams to call: shop (2 items)\n\
             \n2 of 2 items hit, log position 7\n"
        );
    }

    fn step(from: &str, to: &str) -> serde_json::Value {
        json!({
            "from": { "key": from }, "to": { "key": to },
            "relation": { "kind": "calls" }, "againstArrow": true,
        })
    }
}
