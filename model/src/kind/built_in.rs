//! The kinds everybody starts with: one table of items, one of relations.
//!
//! Built-in attributes say what a name means and refuse nothing: sources differ in how they
//! write a version or a size. Who wants a rule defines the kind and states it.

use super::{AttributeRule, Cardinality, HalfLife, KindDefined, RelationKindDefined};

/// A kind of items that is always there.
#[derive(Clone, Copy, Debug)]
pub struct BuiltInKind {
    /// The kind as keys write it.
    pub name: &'static str,
    /// A name for people.
    pub title: &'static str,
    /// What such an item is.
    pub description: &'static str,
    /// Attributes that are often stated: name and meaning.
    pub attributes: &'static [(&'static str, &'static str)],
}

/// A kind of relations that is always there and cannot be changed.
#[derive(Clone, Copy, Debug)]
pub struct BuiltInRelationKind {
    /// The kind.
    pub name: &'static str,
    /// How it reads from the dependent to the provider.
    pub sentence: &'static str,
}

/// Kinds of items that come and go by the minute; evidence of them fades fast.
pub const FLEETING_KINDS: [&str; 6] =
    ["pod", "container", "process", "instance", "job", "function"];

type Attributes = &'static [(&'static str, &'static str)];

const NONE: Attributes = &[];
const MACHINE: Attributes = &[
    ("os", "operating system and its version"),
    ("cpu", "processors"),
    ("cpu_architecture", "such as amd64 or arm64"),
    ("memory", "working memory"),
    ("disk", "room on its disks"),
    ("mac", "hardware address"),
    ("inner_ip", "address inside the network"),
    ("outer_ip", "address as the world sees it"),
    ("addressing", "static or dynamic addressing"),
    ("cloud_instance_id", "the cloud's id of the instance"),
    (
        "cloud_instance_state",
        "what the cloud says of the instance",
    ),
    ("asset_number", "number in the inventory of assets"),
    ("serial_number", "number of its maker"),
    ("maintainer", "who looks after it"),
    ("backup_maintainer", "who looks after it otherwise"),
    ("province", "where it stands"),
    ("city", "where it stands"),
    ("carrier", "who connects it"),
    ("warranty_years", "how long its maker repairs it"),
    ("sla_level", "the level of service it is promised"),
    (
        "state",
        "idle, in use, faulty, waiting for recycling, locked",
    ),
];
const SOFTWARE: Attributes = &[
    ("version", "the version that runs"),
    ("language", "what it is written in"),
    ("repository", "where its code lies"),
    ("port", "where it listens"),
    ("health_check", "where it says how it is"),
    ("tier", "its layer, such as web or batch"),
    ("developer", "who writes it"),
    ("sre", "who keeps it running"),
    ("tester", "who tests it"),
];
const WORKLOAD: Attributes = &[
    ("image", "what it runs"),
    ("replicas", "how many of it are wanted"),
    ("labels", "its labels"),
    ("uid", "the cluster's id of it"),
];
const STORE: Attributes = &[
    ("db.system.name", "the product, such as postgresql"),
    ("db.namespace", "the database inside the server"),
    ("version", "the version that runs"),
    ("server.address", "where it listens"),
    ("server.port", "where it listens"),
    ("role", "primary or replica"),
];
const QUEUE: Attributes = &[
    ("messaging.system", "the product, such as kafka"),
    ("partitions", "how many parts it has"),
    ("retention", "how long it keeps messages"),
];
const NETWORK: Attributes = &[
    ("model", "what its maker calls it"),
    ("vendor", "its maker"),
    ("serial_number", "number of its maker"),
    ("management_ip", "where it is managed"),
    ("firmware", "the version that runs"),
];
const PLACE: Attributes = &[
    ("address", "where it is"),
    ("code", "its short name"),
    ("capacity", "how much it takes"),
];
const GROUP: Attributes = &[
    ("description", "what it is for"),
    ("contact", "whom to ask"),
    ("level", "how important it is"),
];
const CODE: Attributes = &[("url", "where it is"), ("version", "which one")];
const CERTIFICATE: Attributes = &[
    ("not_before", "from when it is valid"),
    ("not_after", "until when it is valid"),
    ("issuer", "who signed it"),
    ("fingerprint", "its digest"),
];
const DOMAIN_NAME: Attributes = &[
    ("registrar", "where it is registered"),
    ("expires_at", "until when it is registered"),
    ("record_type", "A, AAAA, CNAME ..."),
];
const SETTING: Attributes = &[
    (
        "digest",
        "the hash of its content; the content stays where it is",
    ),
    ("version", "which one"),
    ("rollout", "for whom it holds"),
];
const CLOUD: Attributes = &[
    ("provider", "whose cloud"),
    ("account", "in which account"),
    ("region", "in which region"),
    ("type", "the provider's own type"),
];

/// Every built-in kind, from business to cable.
pub const BUILT_IN_KINDS: &[BuiltInKind] = &[
    // Who and what for.
    kind("business", "Business", "a line of business", GROUP),
    kind(
        "application",
        "Application",
        "what a business runs, made of services",
        SOFTWARE,
    ),
    kind("module", "Module", "a part of an application", SOFTWARE),
    kind("team", "Team", "people who answer for items", GROUP),
    kind(
        "environment",
        "Environment",
        "where things run: prod, staging",
        GROUP,
    ),
    kind(
        "third_party",
        "Third party",
        "somebody else's service",
        GROUP,
    ),
    // Software that runs.
    kind(
        "service",
        "Service",
        "software that answers calls",
        SOFTWARE,
    ),
    kind(
        "interface",
        "Interface",
        "one operation of a service",
        SOFTWARE,
    ),
    kind(
        "endpoint",
        "Endpoint",
        "an address that is called and nobody has named",
        STORE,
    ),
    kind(
        "function",
        "Function",
        "code that a platform runs on demand",
        SOFTWARE,
    ),
    kind("job", "Job", "work that ends", WORKLOAD),
    kind(
        "process",
        "Process",
        "a program that runs on a host",
        SOFTWARE,
    ),
    kind(
        "instance",
        "Instance",
        "one running copy of a service",
        SOFTWARE,
    ),
    // Platforms for it.
    kind("cluster", "Cluster", "machines that work as one", CLOUD),
    kind("namespace", "Namespace", "a part of a cluster", GROUP),
    kind(
        "workload",
        "Workload",
        "pods kept running by a cluster",
        WORKLOAD,
    ),
    kind(
        "deployment",
        "Deployment",
        "a workload of interchangeable pods",
        WORKLOAD,
    ),
    kind(
        "statefulset",
        "Stateful set",
        "a workload of pods with a memory",
        WORKLOAD,
    ),
    kind(
        "daemonset",
        "Daemon set",
        "a workload with a pod on every host",
        WORKLOAD,
    ),
    kind(
        "replicaset",
        "Replica set",
        "one version of a deployment",
        WORKLOAD,
    ),
    kind(
        "cronjob",
        "Cron job",
        "a workload that runs by the clock",
        WORKLOAD,
    ),
    kind(
        "pod",
        "Pod",
        "containers that live and die together",
        WORKLOAD,
    ),
    kind("container", "Container", "a process in a box", WORKLOAD),
    kind("volume", "Volume", "storage given to a workload", CLOUD),
    kind("host", "Host", "a machine, real or virtual", MACHINE),
    kind("node", "Node", "a host as its cluster calls it", MACHINE),
    kind(
        "vm",
        "Virtual machine",
        "a machine inside a machine",
        MACHINE,
    ),
    // What it stores in and talks through.
    kind("database", "Database", "a store that is queried", STORE),
    kind("cache", "Cache", "a store that may forget", STORE),
    kind("bucket", "Bucket", "a store of objects", CLOUD),
    kind("queue", "Queue", "messages on their way", QUEUE),
    kind("topic", "Topic", "messages for whoever listens", QUEUE),
    kind("gateway", "Gateway", "where calls come in", SOFTWARE),
    kind(
        "ingress",
        "Ingress",
        "where calls come into a cluster",
        WORKLOAD,
    ),
    kind(
        "route",
        "Route",
        "a rule by which a gateway hands calls on",
        NETWORK,
    ),
    kind(
        "load_balancer",
        "Load balancer",
        "spreads calls over members",
        NETWORK,
    ),
    kind("domain", "Domain name", "a name that resolves", DOMAIN_NAME),
    kind("certificate", "Certificate", "proves a name", CERTIFICATE),
    // What steers it.
    kind(
        "configuration",
        "Configuration",
        "values read at run time",
        SETTING,
    ),
    kind(
        "configmap",
        "Config map",
        "values a cluster hands to pods",
        SETTING,
    ),
    kind(
        "secret",
        "Secret",
        "values nobody may see; known by their hash",
        SETTING,
    ),
    kind("flag", "Flag", "a switch inside software", SETTING),
    kind(
        "artifact",
        "Artifact",
        "what is delivered: image, package",
        CODE,
    ),
    kind("repository", "Repository", "where code lies", CODE),
    kind(
        "cloud_resource",
        "Cloud resource",
        "whatever a cloud gives",
        CLOUD,
    ),
    // Where it stands.
    kind("region", "Region", "a part of the world", PLACE),
    kind("zone", "Zone", "a part of a region that fails alone", PLACE),
    kind("room", "Room", "a machine room", PLACE),
    kind("rack", "Rack", "holds machines", PLACE),
    kind("switch", "Switch", "connects machines", NETWORK),
    kind("router", "Router", "connects networks", NETWORK),
    kind("firewall", "Firewall", "parts networks", NETWORK),
    kind(
        "network",
        "Network",
        "addresses that reach each other",
        NONE,
    ),
];

/// Every built-in relation kind. Each is many to many and joins any kinds.
pub const BUILT_IN_RELATION_KINDS: &[BuiltInRelationKind] = &[
    relation("calls", "the dependent calls the provider"),
    relation(
        "config_from",
        "the dependent reads its configuration from the provider",
    ),
    relation(
        "consumes_from",
        "the dependent takes messages from the provider",
    ),
    relation(
        "depends_on",
        "the dependent does not work without the provider",
    ),
    relation(
        "deployed_from",
        "the dependent is deployed from the provider",
    ),
    relation(
        "has_member",
        "the dependent is a pool and the provider one of its members",
    ),
    relation(
        "includes",
        "the dependent is a whole and the provider one of its parts",
    ),
    relation(
        "invokes",
        "the dependent calls the provider, one interface of a service",
    ),
    relation("located_in", "the dependent stands in the provider"),
    relation("managed_by", "the dependent is managed by the provider"),
    relation(
        "publishes_to",
        "the dependent sends messages to the provider",
    ),
    relation("queries", "the dependent queries the provider, a database"),
    relation("reads_from", "the dependent reads from the provider"),
    relation(
        "resolves",
        "the dependent is a name and the provider what it resolves to",
    ),
    relation("routes_to", "the dependent hands calls on to the provider"),
    relation(
        "runs",
        "the dependent is an application and the provider runs for it",
    ),
    relation("runs_on", "the dependent runs on the provider"),
    relation("uses", "the dependent uses the provider"),
    relation("writes_to", "the dependent writes to the provider"),
];

const fn kind(
    name: &'static str,
    title: &'static str,
    description: &'static str,
    attributes: Attributes,
) -> BuiltInKind {
    BuiltInKind {
        name,
        title,
        description,
        attributes,
    }
}

const fn relation(name: &'static str, sentence: &'static str) -> BuiltInRelationKind {
    BuiltInRelationKind { name, sentence }
}

impl BuiltInKind {
    /// It as a definition.
    pub fn definition(&self) -> KindDefined {
        let attributes = self.attributes.iter().map(|(name, meaning)| AttributeRule {
            description: Some((*meaning).to_owned()),
            ..AttributeRule::new(*name)
        });
        let is_fleeting = FLEETING_KINDS.contains(&self.name);
        KindDefined {
            title: Some(self.title.to_owned()),
            description: Some(self.description.to_owned()),
            half_life: Some(match is_fleeting {
                true => HalfLife::FLEETING,
                false => HalfLife::LASTING,
            }),
            attributes: attributes.collect(),
            ..KindDefined::new(self.name)
        }
    }
}

impl BuiltInRelationKind {
    /// It as a definition.
    pub fn definition(&self) -> RelationKindDefined {
        RelationKindDefined {
            name: self.name.to_owned(),
            sentence: self.sentence.to_owned(),
            description: None,
            dependents: Vec::new(),
            providers: Vec::new(),
            cardinality: Cardinality::ManyToMany,
            harm: None,
        }
    }
}
