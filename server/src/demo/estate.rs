//! What the shop's inventory and its cluster know: items and relations as own events.

use anyhow::bail;
use model::Timestamp;
use serde_json::{Value, json};

use super::lines::rows;
use super::{ENVIRONMENTS, moment};

/// The namespace of the shop's services.
pub(super) const NAMESPACE: &str = "shop";

/// How long ago the inventory was read.
const READ_AGO: &str = "26h";

/// Every item of every environment.
pub(super) fn items(now: Timestamp) -> anyhow::Result<Vec<Value>> {
    let mut events = Vec::new();
    for (environment, account) in ENVIRONMENTS {
        for words in rows(include_str!("items.txt")) {
            let [kind, name, owner, criticality, names @ ..] = words.as_slice() else {
                bail!("an item has a kind, a name, a team and a criticality: {words:?}");
            };
            let key = key(environment, kind, name);
            let (mut claims, mut aliases) = (Vec::new(), Vec::new());
            for other in names {
                let Some((scheme, value)) = other.split_once('=') else {
                    bail!("another name is scheme=value: {other:?}");
                };
                let value = value
                    .replace("{environment}", environment)
                    .replace("{account}", account);
                let named = json!({ "scheme": scheme, "value": value });
                match scheme {
                    "hostname" => aliases.push(named),
                    _ => claims.push(named),
                }
            }
            events.push(json!({
                "id": format!("inventory/{key}/{now}"),
                "source": "inventory",
                "type": "item.observed",
                "time": moment::ago(now, READ_AGO)?,
                "data": {
                    "key": key, "owner": owner, "criticality": criticality,
                    "claims": claims, "aliases": aliases,
                },
            }));
        }
    }
    Ok(events)
}

/// Every relation of every environment that no trace shows.
pub(super) fn relations(now: Timestamp) -> anyhow::Result<Vec<Value>> {
    let mut events = Vec::new();
    for (environment, _) in ENVIRONMENTS {
        for words in rows(include_str!("relations.txt")) {
            let [dependent, kind, provider] = words.as_slice() else {
                bail!("a relation is DEPENDENT KIND PROVIDER: {words:?}");
            };
            let full = |short: &str| {
                short
                    .split_once(':')
                    .map(|(kind, name)| key(environment, kind, name))
            };
            let (Some(dependent), Some(provider)) = (full(dependent), full(provider)) else {
                bail!("an item is kind:name: {words:?}");
            };
            events.push(json!({
                "id": format!("{dependent} {kind} {provider} {now}"),
                "source": "kubernetes",
                "type": "relation.observed",
                "time": moment::ago(now, READ_AGO)?,
                "data": { "dependent": dependent, "kind": kind, "provider": provider },
            }));
        }
    }
    Ok(events)
}

/// The canonical key of an item of the shop.
fn key(environment: &str, kind: &str, name: &str) -> String {
    match kind {
        "service" => format!("service:{environment}/{NAMESPACE}/{name}"),
        _ => format!("{kind}:{environment}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orders_database_answers_to_the_name_its_administrators_use() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let items = items(now).unwrap();
        let database = items
            .iter()
            .find(|item| item["data"]["key"] == "database:prod/orders-db")
            .unwrap();
        let arn = "arn:aws:rds:eu-central-1:100000000001:db:postgres-7";
        assert_eq!(
            database["data"]["claims"][0],
            json!({ "scheme": "arn", "value": arn })
        );
        assert!(include_str!("changes.json").contains(arn));
        assert_eq!(relations(now).unwrap().len(), 2 * 19);
    }
}
