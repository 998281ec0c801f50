//! A web shop on a busy day, sent through the public intake as its own tools would send it.
//!
//! What happens is data (`items.txt`, `relations.txt`, `calls.txt`, `deploys.txt`,
//! `changes.json`, `alert.json`), with times relative to now. Nothing of it is known to
//! the rest of the product: the answer is the product's own.

mod day;
mod estate;
mod lines;
mod moment;
mod send;
mod traces;

use anyhow::{Context, bail};
use model::Timestamp;
use serde_json::{Value, json};

use crate::cli::ask::query;
use crate::serve::Addresses;
use send::Sender;

/// The environments of the shop, each with the number of its cloud account.
pub(crate) const ENVIRONMENTS: [(&str, &str); 2] =
    [("prod", "100000000001"), ("staging", "200000000002")];

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) items: usize,
    pub(crate) relations: usize,
    pub(crate) spans: usize,
    pub(crate) changes: usize,
}

/// Sends the shop and its day; answers once the alert is in.
pub(crate) async fn send(addresses: &Addresses, now: Timestamp) -> anyhow::Result<Sent> {
    let sender = Sender::new(addresses)?;
    let items = estate::items(now)?;
    let relations = estate::relations(now)?;
    sender.events(&items).await.context("items")?;
    sender.events(&relations).await.context("relations")?;
    let mut spans = 0;
    for (count, traces) in traces::exports(now)? {
        sender.traces(&traces).await.context("traces")?;
        spans += count;
    }
    let deploys = day::deploys(now)?;
    sender.cloud_events(&deploys).await.context("deployments")?;
    let changes = day::changes(now)?;
    sender.events(&changes).await.context("changes")?;
    sender.alert(&day::alert(now)?).await.context("the alert")?;
    Ok(Sent {
        items: items.len(),
        relations: relations.len(),
        spans,
        changes: deploys.len() + changes.len(),
    })
}

/// How often the demo looks whether the traces have become relations, and how often at most.
const LOOK_INTERVAL_MS: u64 = 100;
const LOOKS_MAX: u32 = 600;

/// Waits until the relations that the traces show are in the estate, and names the open incident.
pub(crate) async fn incident(server: &str) -> anyhow::Result<String> {
    for _ in 0..LOOKS_MAX {
        let data = query(server, LOOK, &json!({})).await?;
        if let (true, Some(incident)) = (shows_calls(&data), incident_id(&data)) {
            return Ok(incident);
        }
        tokio::time::sleep(std::time::Duration::from_millis(LOOK_INTERVAL_MS)).await;
    }
    bail!("the traces or the alert did not become visible in time")
}

const LOOK: &str = "\
query Look {
  incidents(first: 1) { nodes { id } }
  item(key: \"service:prod/shop/orders\") {
    dependsOn(first: 50) { nodes { provider { kind } } }
  }
}";

fn shows_calls(data: &Value) -> bool {
    let providers = data
        .pointer("/item/dependsOn/nodes")
        .and_then(Value::as_array);
    providers.is_some_and(|providers| {
        providers
            .iter()
            .any(|relation| relation.pointer("/provider/kind") == Some(&json!("database")))
    })
}

fn incident_id(data: &Value) -> Option<String> {
    let id = data.pointer("/incidents/nodes/0/id")?.as_str()?;
    Some(id.to_owned())
}
