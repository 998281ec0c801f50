//! Tags such as `service:checkout`, in the names that labels go by.

use serde_json::Value;

use crate::labels::Named;

/// Tags whose names are Datadog's own.
const OWN: [(&str, &str); 12] = [
    ("kube_deployment", "deployment"),
    ("kube_stateful_set", "statefulset"),
    ("kube_daemon_set", "daemonset"),
    ("kube_cronjob", "cronjob"),
    ("kube_service", "service"),
    ("kube_namespace", "namespace"),
    ("kube_node", "node"),
    ("kube_cluster_name", "cluster"),
    ("container_name", "container"),
    ("dbinstanceidentifier", "database"),
    ("topicname", "topic"),
    ("queuename", "queue"),
];

/// The tags of an event; of a name that is there twice the first counts.
pub(super) fn named(tags: &[Value], host: Option<String>) -> Named {
    let mut named = Named::new();
    for tag in tags.iter().filter_map(Value::as_str) {
        let Some((name, value)) = tag.split_once(':') else {
            continue;
        };
        let name = name.trim().to_lowercase();
        let own = OWN.iter().find(|(own, _)| *own == name);
        let name = own.map_or(name.as_str(), |(_, name)| name);
        named
            .entry(name.to_owned())
            .or_insert_with(|| value.trim().to_owned());
    }
    if let Some(host) = host {
        named.entry("host".to_owned()).or_insert(host);
    }
    named
}
