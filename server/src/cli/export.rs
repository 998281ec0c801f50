//! `epicenter export backstage`: the estate as catalog files, so that a catalog
//! that was imported comes back, with the services that only traces know beside it.

mod catalog;

use anyhow::Context;
use serde_json::{Value, json};

use super::ask::query;
use super::print;
use super::serve::runtime;

/// Write the estate in a form that another system reads.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportFlags {
    /// In which form
    form: Form,
    /// The server's address
    #[arg(
        long,
        value_name = "URL",
        env = "EPICENTER_SERVER",
        default_value = "http://127.0.0.1:8080"
    )]
    server: String,
    /// Only items in this environment
    #[arg(long)]
    environment: Option<String>,
}

/// A form that another system reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// Catalog files of Backstage, as one YAML stream
    Backstage,
}

const ITEMS: &str = "\
query Exported($filter: ItemFilter, $after: String) {
  items(filter: $filter, first: 20, after: $after) {
    nodes {
      ...named displayName owner
      attributes { name value }
      dependsOn(first: 50) { nodes { kind provider { ...named } } }
      usedBy(first: 50) { nodes { kind dependent { ...named } } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
fragment named on ConfigurationItem { key kind name namespace aliases { scheme value } }";

/// Writes the estate to standard output.
pub(super) fn export(flags: &ExportFlags) -> anyhow::Result<()> {
    let Form::Backstage = flags.form;
    let items = runtime()?.block_on(items(flags))?;
    print(&catalog::catalog(&items))
}

async fn items(flags: &ExportFlags) -> anyhow::Result<Vec<Value>> {
    let filter = flags.environment.as_ref();
    let filter = filter.map(|environment| json!({ "environment": environment }));
    let mut items = Vec::new();
    let mut after = Value::Null;
    loop {
        let variables = json!({ "filter": filter, "after": after });
        let mut answer = query(&flags.server, ITEMS, &variables).await?;
        let page = answer.pointer_mut("/items/nodes").map(Value::take);
        let Some(Value::Array(page)) = page else {
            anyhow::bail!("the server answered something else");
        };
        items.extend(page);
        if answer.pointer("/items/pageInfo/hasNextPage") != Some(&Value::Bool(true)) {
            return Ok(items);
        }
        let next = answer.pointer("/items/pageInfo/endCursor").cloned();
        after = next.context("the server named no next page")?;
    }
}
