//! `epicenter changes` and `epicenter items`: what there is.

use model::{Clock, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::answer::ChangeLine;
use super::ask::{AskFlags, Question, ask};
use super::text::{Table, ago, cut};
use crate::clock::SystemClock;

/// The newest changes.
#[derive(Debug, clap::Args)]
pub(crate) struct ChangesFlags {
    /// Words that must occur
    text: Option<String>,
    /// Only changes that touch these items
    #[arg(long, value_name = "ITEM")]
    item: Vec<String>,
    /// Only changes in this environment
    #[arg(long)]
    environment: Option<String>,
    /// Only changes of this kind
    #[arg(long)]
    kind: Option<String>,
    /// Only changes after this time
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Only changes before this time
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// How many to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    first: u32,
    #[command(flatten)]
    ask: AskFlags,
}

/// The items of the estate.
#[derive(Debug, clap::Args)]
pub(crate) struct ItemsFlags {
    /// Words that must occur
    text: Option<String>,
    /// Only items of this kind
    #[arg(long)]
    kind: Option<String>,
    /// Only items in this environment
    #[arg(long)]
    environment: Option<String>,
    /// How many to show
    #[arg(long, value_name = "N", default_value_t = 50)]
    first: u32,
    #[command(flatten)]
    ask: AskFlags,
}

const CHANGES: &str = "\
query Changes($filter: ChangeFilter, $first: Int) {
  changes(filter: $filter, first: $first) {
    totalCount
    nodes {
      id source title kind environment status operator startedAt
      targets { key item { key } }
    }
  }
}";

const ITEMS: &str = "\
query Items($filter: ItemFilter, $first: Int) {
  items(filter: $filter, first: $first) {
    totalCount
    nodes { id key kind aliases { scheme value } }
  }
}";

#[derive(Debug, Deserialize)]
struct ChangesAnswer {
    changes: Page<ChangeLine>,
}

#[derive(Debug, Deserialize)]
struct ItemsAnswer {
    items: Page<ItemLine>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    total_count: usize,
    nodes: Vec<T>,
}

#[derive(Debug, Deserialize)]
struct ItemLine {
    id: String,
    key: String,
    aliases: Vec<AliasLine>,
}

#[derive(Debug, Deserialize)]
struct AliasLine {
    scheme: String,
    value: String,
}

/// Asks for changes and prints them.
pub(super) fn changes(flags: &ChangesFlags) -> anyhow::Result<()> {
    let items = (!flags.item.is_empty()).then_some(&flags.item);
    let variables = json!({
        "first": flags.first,
        "filter": {
            "text": flags.text, "items": items, "environment": flags.environment,
            "kind": flags.kind, "from": flags.from, "to": flags.to,
        },
    });
    ask(
        &flags.ask,
        &Question {
            document: CHANGES,
            variables,
            render: render_changes,
        },
    )
}

/// Asks for items and prints them.
pub(super) fn items(flags: &ItemsFlags) -> anyhow::Result<()> {
    let variables = json!({
        "first": flags.first,
        "filter": {
            "text": flags.text, "kind": flags.kind, "environment": flags.environment,
        },
    });
    ask(
        &flags.ask,
        &Question {
            document: ITEMS,
            variables,
            render: render_items,
        },
    )
}

fn render_changes(answer: &ChangesAnswer) -> String {
    let now = SystemClock.now();
    let mut table =
        Table::with_head(&["started", "kind", "in", "title", "on", "status", "by", "id"]);
    for change in &answer.changes.nodes {
        let first = change.targets.first();
        let on = first.map_or("-", |target| {
            target.item.as_ref().map_or(&target.key, |item| &item.key)
        });
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        table.row(vec![
            ago(change.started_at, now),
            or_dash(&change.kind),
            or_dash(&change.environment),
            cut(&change.title, 60),
            cut(on, 40),
            change.status.to_lowercase(),
            or_dash(&change.operator),
            change.id.clone(),
        ]);
    }
    page(
        &table,
        answer.changes.nodes.len(),
        answer.changes.total_count,
    )
}

fn render_items(answer: &ItemsAnswer) -> String {
    let mut table = Table::with_head(&["key", "also called", "id"]);
    for item in &answer.items.nodes {
        let aliases: Vec<String> = item
            .aliases
            .iter()
            .map(|alias| format!("{}={}", alias.scheme, alias.value))
            .collect();
        table.row(vec![
            item.key.clone(),
            cut(&aliases.join(", "), 60),
            item.id.clone(),
        ]);
    }
    page(&table, answer.items.nodes.len(), answer.items.total_count)
}

fn page(table: &Table, shown: usize, total: usize) -> String {
    format!("{table}\n{shown} of {total}\n")
}
