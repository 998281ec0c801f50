//! `epicenter items`: what there is.

use serde::Deserialize;
use serde_json::json;

use super::ask::{AskFlags, Question, ask};
use super::text::{Table, cut};

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

const ITEMS: &str = "\
query Items($filter: ItemFilter, $first: Int) {
  items(filter: $filter, first: $first) {
    totalCount
    nodes { id key kind aliases { scheme value } }
  }
}";

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
