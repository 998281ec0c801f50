//! What is watched: the kinds of Kubernetes that say something here, and where they are listed.

/// One kind of object and its place in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// The kind, as its objects say it.
    pub(super) kind: &'static str,
    /// What its item is called here.
    pub(super) item: &'static str,
    /// The group and version under which it is listed.
    group: &'static str,
    /// Its name in addresses.
    pub(super) plural: &'static str,
    is_namespaced: bool,
}

const CORE: &str = "/api/v1";
const APPS: &str = "/apis/apps/v1";
const BATCH: &str = "/apis/batch/v1";
const NETWORKING: &str = "/apis/networking.k8s.io/v1";

/// Every kind that is watched.
pub(super) const RESOURCES: [Resource; 14] = [
    of_cluster("Namespace", "namespace", "namespaces"),
    of_cluster("Node", "node", "nodes"),
    in_namespace("Pod", "pod", CORE, "pods"),
    in_namespace("Deployment", "deployment", APPS, "deployments"),
    in_namespace("StatefulSet", "statefulset", APPS, "statefulsets"),
    in_namespace("DaemonSet", "daemonset", APPS, "daemonsets"),
    in_namespace("ReplicaSet", "replicaset", APPS, "replicasets"),
    in_namespace("Job", "job", BATCH, "jobs"),
    in_namespace("CronJob", "cronjob", BATCH, "cronjobs"),
    in_namespace("Service", "service", CORE, "services"),
    in_namespace("Ingress", "ingress", NETWORKING, "ingresses"),
    in_namespace("ConfigMap", "configmap", CORE, "configmaps"),
    in_namespace("Secret", "secret", CORE, "secrets"),
    in_namespace(
        "PersistentVolumeClaim",
        "volume",
        CORE,
        "persistentvolumeclaims",
    ),
];

const fn of_cluster(kind: &'static str, item: &'static str, plural: &'static str) -> Resource {
    Resource {
        kind,
        item,
        group: CORE,
        plural,
        is_namespaced: false,
    }
}

const fn in_namespace(
    kind: &'static str,
    item: &'static str,
    group: &'static str,
    plural: &'static str,
) -> Resource {
    Resource {
        kind,
        item,
        group,
        plural,
        is_namespaced: true,
    }
}

/// A kind, in one namespace or everywhere: what one list and one watch are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) resource: Resource,
    pub(super) namespace: Option<String>,
}

impl Scope {
    /// Everything to watch of a cluster; all of it when no namespace is named.
    pub(super) fn all(namespaces: &[String]) -> Vec<Self> {
        let mut scopes = Vec::new();
        for resource in RESOURCES {
            if !resource.is_namespaced || namespaces.is_empty() {
                scopes.push(Self {
                    resource,
                    namespace: None,
                });
                continue;
            }
            scopes.extend(namespaces.iter().map(|namespace| Self {
                resource,
                namespace: Some(namespace.clone()),
            }));
        }
        scopes
    }

    fn path(&self) -> String {
        let Resource { group, plural, .. } = self.resource;
        match &self.namespace {
            Some(namespace) => format!("{group}/namespaces/{namespace}/{plural}"),
            None => format!("{group}/{plural}"),
        }
    }

    /// The address of one page of its list.
    pub(super) fn list(&self, limit: usize, continued: Option<&str>) -> String {
        let path = self.path();
        match continued {
            Some(token) => format!("{path}?limit={limit}&continue={}", escaped(token)),
            None => format!("{path}?limit={limit}"),
        }
    }

    /// The address of its watch, from a version of the list on.
    pub(super) fn watch(&self, version: &str, seconds: u64) -> String {
        let (path, version) = (self.path(), escaped(version));
        format!(
            "{path}?watch=true&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds={seconds}"
        )
    }
}

/// A text that stands in an address: versions and tokens belong to the server, who may write anything in them.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_narrow_what_lies_in_one() {
        let count = |namespaces: &[&str]| {
            let named: Vec<String> = namespaces.iter().map(|name| (*name).to_owned()).collect();
            Scope::all(&named).len()
        };
        assert_eq!(
            [count(&[]), count(&["a"]), count(&["a", "b"])],
            [14, 14, 26]
        );
    }

    #[test]
    fn a_token_cannot_leave_its_place_in_the_address() {
        let pods = Scope {
            resource: RESOURCES[2],
            namespace: Some("shop".to_owned()),
        };
        assert_eq!(
            pods.list(500, Some("a=&b")),
            "/api/v1/namespaces/shop/pods?limit=500&continue=a%3D%26b"
        );
    }
}
