//! Which labels of an alert, tags of an event or details of a change name an item. The table is the whole knowledge.
//!
//! Keys are emitted as the labels say; whether there is such an item is decided
//! while folding.

mod details;

use std::collections::BTreeMap;
use std::net::IpAddr;

use model::{KeyParts, SourceKey, bounds};

pub(crate) use details::describe;

/// Labels, tags or details: names and texts.
pub(crate) type Named = BTreeMap<String, String>;

/// How a label's value becomes a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A name inside the `namespace` label's namespace.
    Namespaced,
    /// A name of its own.
    Plain,
    /// A host name or address, perhaps with a port.
    Address,
}

/// Whether the labels name an item, and not just the cluster or namespace that it is in.
pub(crate) fn name_an_item(labels: &Named) -> bool {
    const WIDE: u8 = 4;
    let mut rules = RULES.iter().filter(|rule| rule.step < WIDE);
    rules.any(|rule| rule.key(labels).is_some())
}

/// What a label names.
struct Rule {
    label: &'static str,
    kind: &'static str,
    form: Form,
    /// Rules of a later step count only when no earlier step found an item.
    step: u8,
}

const fn rule(label: &'static str, kind: &'static str, form: Form, step: u8) -> Rule {
    Rule {
        label,
        kind,
        form,
        step,
    }
}

/// The most specific first. What runs and what it serves come before where it runs.
const RULES: [Rule; 30] = [
    rule("pod", "pod", Form::Namespaced, 0),
    rule("pod_name", "pod", Form::Namespaced, 0),
    rule("deployment", "deployment", Form::Namespaced, 0),
    rule("statefulset", "statefulset", Form::Namespaced, 0),
    rule("daemonset", "daemonset", Form::Namespaced, 0),
    rule("cronjob", "cronjob", Form::Namespaced, 0),
    rule("service_name", "service", Form::Namespaced, 0),
    rule("service", "service", Form::Namespaced, 0),
    rule("app", "service", Form::Namespaced, 0),
    rule("app_kubernetes_io_name", "service", Form::Namespaced, 0),
    rule("application", "service", Form::Namespaced, 0),
    rule("database", "database", Form::Plain, 0),
    rule("db", "database", Form::Plain, 0),
    rule("datname", "database", Form::Plain, 0),
    rule("topic", "queue", Form::Plain, 0),
    rule("queue", "queue", Form::Plain, 0),
    rule("persistentvolumeclaim", "volume", Form::Namespaced, 0),
    rule("ingress", "ingress", Form::Namespaced, 0),
    rule("node", "host", Form::Address, 1),
    rule("nodename", "host", Form::Address, 1),
    rule("host", "host", Form::Address, 1),
    rule("hostname", "host", Form::Address, 1),
    rule("host_name", "host", Form::Address, 1),
    rule("job", "service", Form::Namespaced, 2),
    rule("instance", "host", Form::Address, 2),
    rule("container", "container", Form::Namespaced, 3),
    rule("namespace", "namespace", Form::Plain, 4),
    rule("cluster", "cluster", Form::Plain, 5),
    rule("cluster_name", "cluster", Form::Plain, 5),
    rule("k8s_cluster_name", "cluster", Form::Plain, 5),
];

/// Labels that say where it happens.
const ENVIRONMENTS: [&str; 5] = [
    "deployment_environment_name",
    "deployment_environment",
    "environment",
    "env",
    "stage",
];

/// Labels that say how bad it is.
const SEVERITIES: [&str; 3] = ["severity", "priority", "level"];

/// Whoever reports about others: its own name in `job` or `service` is not the item that fails.
const REPORTERS: [&str; 10] = [
    "node-exporter",
    "node_exporter",
    "node",
    "kube-state-metrics",
    "kubelet",
    "cadvisor",
    "blackbox",
    "blackbox-exporter",
    "blackbox_exporter",
    "pushgateway",
];

/// The environment the labels state.
pub(crate) fn environment(labels: &Named) -> Option<String> {
    first(&ENVIRONMENTS, labels)
}

/// The severity the labels state.
pub(crate) fn severity(labels: &Named) -> Option<String> {
    first(&SEVERITIES, labels)
}

/// The items the labels name, the most specific first.
///
/// The environment stays out of the keys: it belongs to the incident, and decides
/// there first which item a key means. So alerts of two environments do not make
/// two items of one that traces know without any.
pub(crate) fn items(labels: &Named) -> Vec<SourceKey> {
    let mut found: Vec<SourceKey> = Vec::new();
    let mut step = 0;
    for rule in &RULES {
        if step < rule.step && !found.is_empty() {
            break;
        }
        step = rule.step;
        if let Some(key) = rule.key(labels).filter(|key| !found.contains(key)) {
            found.push(key);
        }
    }
    found
}

impl Rule {
    fn key(&self, labels: &Named) -> Option<SourceKey> {
        let value = usable(labels.get(self.label)?)?;
        let plain = |name: &str| KeyParts::new(self.kind, name);
        match self.form {
            Form::Plain => Some(plain(value).into()),
            Form::Namespaced if self.kind == "service" && REPORTERS.contains(&value) => None,
            Form::Namespaced => {
                let namespace = labels.get("namespace").and_then(|name| usable(name));
                Some(
                    plain(value)
                        .in_namespace(namespace.map(str::to_owned))
                        .into(),
                )
            }
            Form::Address => match host(value) {
                Host::Named(name) => Some(plain(name).into()),
                Host::At(ip) => Some(SourceKey::Claim {
                    scheme: "ip".to_owned(),
                    value: ip.to_string(),
                }),
                Host::Nowhere => None,
            },
        }
    }
}

enum Host<'a> {
    Named(&'a str),
    At(IpAddr),
    /// This machine, whichever it is, or none at all.
    Nowhere,
}

/// The host of an address such as `node-7:9100`, `10.0.0.7:9100`, `[fe80::1]:9100` or `https://shop.example/`.
fn host(address: &str) -> Host<'_> {
    let bare = address.split_once("://").map_or(address, |(_, rest)| rest);
    let bare = bare.split('/').next().unwrap_or_default();
    let name = match bare.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((ip, _)) => ip,
        None if bare.parse::<IpAddr>().is_ok() => bare,
        None => bare.split(':').next().unwrap_or_default(),
    };
    match name.parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() || ip.is_unspecified() => Host::Nowhere,
        Ok(ip) => Host::At(ip),
        Err(_) if name.is_empty() || name == "localhost" => Host::Nowhere,
        Err(_) => Host::Named(name),
    }
}

fn first(names: &[&str], labels: &Named) -> Option<String> {
    let stated = names.iter().find_map(|name| usable(labels.get(*name)?));
    stated.map(str::to_owned)
}

fn usable(value: &str) -> Option<&str> {
    let fits = !value.trim().is_empty() && value.len() <= bounds::KEY_BYTES;
    fits.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a=b c=d` in, the keys out.
    fn found(labels: &str) -> String {
        let labels: Named = labels
            .split_whitespace()
            .map(|label| label.split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let keys = items(&labels);
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        keys.join(" ")
    }

    #[test]
    fn what_runs_comes_before_where_it_runs() {
        assert_eq!(
            found("service=checkout job=checkout instance=10.0.0.7:8080 env=prod"),
            "service:checkout"
        );
        assert_eq!(
            found("pod=checkout-7f namespace=shop deployment=checkout node=n1"),
            "pod:-/shop/checkout-7f deployment:-/shop/checkout"
        );
        assert_eq!(
            found("job=checkout instance=10.0.0.7:8080"),
            "service:checkout ip=10.0.0.7"
        );
        assert_eq!(found("datname=orders instance=db1:9187"), "database:orders");
    }

    #[test]
    fn an_exporter_is_not_what_fails() {
        assert_eq!(
            found("job=node-exporter instance=node-7:9100 env=prod"),
            "host:node-7"
        );
        assert_eq!(
            found("job=kube-state-metrics service=kube-state-metrics pod=a-1 namespace=n"),
            "pod:-/n/a-1"
        );
    }

    #[test]
    fn an_address_is_a_host_or_nowhere() {
        assert_eq!(found("instance=node-7:9100"), "host:node-7");
        assert_eq!(found("instance=[2001:db8::1]:9100"), "ip=2001:db8::1");
        assert_eq!(found("instance=2001:db8::1"), "ip=2001:db8::1");
        assert_eq!(
            found("instance=https://shop.example/health"),
            "host:shop.example"
        );
        assert_eq!(found("instance=127.0.0.1:9100"), "");
        assert_eq!(found("instance=localhost:9100"), "");
    }

    #[test]
    fn the_cluster_counts_when_nothing_else_does() {
        assert_eq!(found("cluster=eu1 service=a"), "service:a");
        assert_eq!(found("cluster=eu1 namespace=shop"), "namespace:shop");
        assert_eq!(found("cluster=eu1 severity=page"), "cluster:eu1");
        assert_eq!(found("namespace=shop"), "namespace:shop");
        assert_eq!(found("alertname=Watchdog severity=none"), "");
    }

    #[test]
    fn steps_do_not_go_back() {
        assert!(RULES.is_sorted_by_key(|rule| rule.step));
    }
}
