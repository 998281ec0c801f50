//! The attributes that say who a span belongs to and whom it names, in the
//! names of semantic conventions 1.44 and those they replaced.
//!
//! It maps names to facts; what a fact means for the graph is said in
//! [`peers`](super::peers) and [`places`](super::places).

/// A decoded attribute value; other kinds say nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttributeValue<'a> {
    /// A text.
    Text(&'a str),
    /// A whole number.
    Number(i64),
    /// A truth value.
    Flag(bool),
    /// Anything else.
    Other,
}

impl<'a> AttributeValue<'a> {
    fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    fn port(self) -> Option<u16> {
        match self {
            Self::Number(number) => u16::try_from(number).ok(),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
        .filter(|port| *port != 0)
    }

    fn is_true(self) -> bool {
        matches!(self, Self::Flag(true) | Self::Text("true"))
    }
}

/// A fact that several attribute names state; the better name wins, whatever the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Fact<'a> {
    text: &'a str,
    rank: u8,
}

impl<'a> Fact<'a> {
    /// The text, if any name stated it.
    pub(crate) fn get(self) -> Option<&'a str> {
        (!self.text.is_empty()).then_some(self.text)
    }

    fn set(&mut self, rank: u8, value: AttributeValue<'a>) {
        if let Some(text) = value.text()
            && self.rank < rank
        {
            *self = Self { text, rank };
        }
    }
}

/// Names of a fact: the one in force first, then what it replaced.
const NOW: u8 = 3;
const BEFORE: u8 = 2;
const LONG_BEFORE: u8 = 1;

/// The attributes of a resource that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResourceKey {
    ServiceName,
    ServiceNamespace,
    ServiceVersion,
    ServiceCriticality,
    Environment(u8),
    Cluster,
    KubernetesNamespace,
    PodName,
    PodUid,
    NodeName,
    NodeUid,
    Workload(WorkloadKind),
    WorkloadUid(WorkloadKind),
    HostName,
    HostId,
    ContainerId,
    FunctionName,
    FunctionVersion,
    CloudResource,
    CloudProvider,
    CloudRegion,
    CloudZone,
    CloudAccount,
    SdkLanguage,
}

/// What runs pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum WorkloadKind {
    Job,
    CronJob,
    DaemonSet,
    StatefulSet,
    Deployment,
}

impl WorkloadKind {
    /// The kind of the item, in lower case.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::CronJob => "cronjob",
            Self::Job => "job",
            Self::DaemonSet => "daemonset",
            Self::StatefulSet => "statefulset",
            Self::Deployment => "deployment",
        }
    }
}

/// Who sent spans, as its resource attributes say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ResourceFacts<'a> {
    pub(crate) service_name: Fact<'a>,
    pub(crate) service_namespace: Fact<'a>,
    pub(crate) service_version: Fact<'a>,
    pub(crate) service_criticality: Fact<'a>,
    pub(crate) environment: Fact<'a>,
    pub(crate) cluster: Fact<'a>,
    pub(crate) kubernetes_namespace: Fact<'a>,
    pub(crate) pod_name: Fact<'a>,
    pub(crate) pod_uid: Fact<'a>,
    pub(crate) node_name: Fact<'a>,
    pub(crate) node_uid: Fact<'a>,
    pub(crate) workload: Option<(WorkloadKind, &'a str)>,
    pub(crate) workload_uid: Option<(WorkloadKind, &'a str)>,
    pub(crate) host_name: Fact<'a>,
    pub(crate) host_id: Fact<'a>,
    pub(crate) container_id: Fact<'a>,
    pub(crate) function_name: Fact<'a>,
    pub(crate) function_version: Fact<'a>,
    pub(crate) cloud_resource: Fact<'a>,
    pub(crate) cloud_provider: Fact<'a>,
    pub(crate) cloud_region: Fact<'a>,
    pub(crate) cloud_zone: Fact<'a>,
    pub(crate) cloud_account: Fact<'a>,
    pub(crate) sdk_language: Fact<'a>,
}

impl ResourceFacts<'_> {
    /// Writes all facts so that different facts are different bytes.
    pub(crate) fn write_to(&self, bytes: &mut Vec<u8>) {
        let facts = [
            self.service_name,
            self.service_namespace,
            self.service_version,
            self.service_criticality,
            self.environment,
            self.cluster,
            self.kubernetes_namespace,
            self.pod_name,
            self.pod_uid,
            self.node_name,
            self.node_uid,
            self.host_name,
            self.host_id,
            self.container_id,
            self.function_name,
            self.function_version,
            self.cloud_resource,
            self.cloud_provider,
            self.cloud_region,
            self.cloud_zone,
            self.cloud_account,
            self.sdk_language,
        ];
        write_facts(&facts, bytes);
        for named in [self.workload, self.workload_uid] {
            let (kind, name) = named.map_or(("", ""), |(kind, name)| (kind.as_str(), name));
            write_text(kind, bytes);
            write_text(name, bytes);
        }
    }
}

impl PeerFacts<'_> {
    /// Writes all facts so that different facts are different bytes.
    pub(crate) fn write_to(&self, bytes: &mut Vec<u8>) {
        let facts = [
            self.peer_name,
            self.peer_namespace,
            self.address,
            self.url,
            self.database_system,
            self.database_namespace,
            self.messaging_system,
            self.destination,
            self.messaging_operation,
            self.rpc_service,
            self.function_name,
        ];
        write_facts(&facts, bytes);
        bytes.extend_from_slice(&self.port.unwrap_or(0).to_le_bytes());
        bytes.push(u8::from(self.destination_is_temporary));
    }
}

/// Each stated fact under its place, and an end that is no place.
fn write_facts(facts: &[Fact<'_>], bytes: &mut Vec<u8>) {
    for (place, fact) in facts.iter().enumerate() {
        if !fact.text.is_empty() {
            bytes.push(place as u8);
            write_text(fact.text, bytes);
        }
    }
    bytes.push(u8::MAX);
}

fn write_text(text: &str, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

impl ResourceKey {
    /// The attribute of this name, if it is read.
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"service.name" => Self::ServiceName,
            b"service.namespace" => Self::ServiceNamespace,
            b"service.version" => Self::ServiceVersion,
            b"service.criticality" => Self::ServiceCriticality,
            b"deployment.environment.name" => Self::Environment(NOW),
            b"deployment.environment" => Self::Environment(BEFORE),
            b"k8s.cluster.name" => Self::Cluster,
            b"k8s.namespace.name" => Self::KubernetesNamespace,
            b"k8s.pod.name" => Self::PodName,
            b"k8s.pod.uid" => Self::PodUid,
            b"k8s.node.name" => Self::NodeName,
            b"k8s.node.uid" => Self::NodeUid,
            b"k8s.deployment.name" => Self::Workload(WorkloadKind::Deployment),
            b"k8s.statefulset.name" => Self::Workload(WorkloadKind::StatefulSet),
            b"k8s.daemonset.name" => Self::Workload(WorkloadKind::DaemonSet),
            b"k8s.job.name" => Self::Workload(WorkloadKind::Job),
            b"k8s.cronjob.name" => Self::Workload(WorkloadKind::CronJob),
            b"k8s.deployment.uid" => Self::WorkloadUid(WorkloadKind::Deployment),
            b"k8s.statefulset.uid" => Self::WorkloadUid(WorkloadKind::StatefulSet),
            b"k8s.daemonset.uid" => Self::WorkloadUid(WorkloadKind::DaemonSet),
            b"k8s.job.uid" => Self::WorkloadUid(WorkloadKind::Job),
            b"k8s.cronjob.uid" => Self::WorkloadUid(WorkloadKind::CronJob),
            b"host.name" => Self::HostName,
            b"host.id" => Self::HostId,
            b"container.id" => Self::ContainerId,
            b"faas.name" => Self::FunctionName,
            b"faas.version" => Self::FunctionVersion,
            b"cloud.resource_id" => Self::CloudResource,
            b"cloud.provider" => Self::CloudProvider,
            b"cloud.region" => Self::CloudRegion,
            b"cloud.availability_zone" => Self::CloudZone,
            b"cloud.account.id" => Self::CloudAccount,
            b"telemetry.sdk.language" => Self::SdkLanguage,
            _ => return None,
        })
    }
}

impl<'a> ResourceFacts<'a> {
    /// Takes one attribute in.
    pub(crate) fn set(&mut self, key: ResourceKey, value: AttributeValue<'a>) {
        let fact = match key {
            ResourceKey::ServiceName => &mut self.service_name,
            ResourceKey::ServiceNamespace => &mut self.service_namespace,
            ResourceKey::ServiceVersion => &mut self.service_version,
            ResourceKey::ServiceCriticality => &mut self.service_criticality,
            ResourceKey::Environment(rank) => return self.environment.set(rank, value),
            ResourceKey::Cluster => &mut self.cluster,
            ResourceKey::KubernetesNamespace => &mut self.kubernetes_namespace,
            ResourceKey::PodName => &mut self.pod_name,
            ResourceKey::PodUid => &mut self.pod_uid,
            ResourceKey::NodeName => &mut self.node_name,
            ResourceKey::NodeUid => &mut self.node_uid,
            ResourceKey::Workload(kind) => return steadiest(&mut self.workload, kind, value),
            ResourceKey::WorkloadUid(kind) => {
                return steadiest(&mut self.workload_uid, kind, value);
            }
            ResourceKey::HostName => &mut self.host_name,
            ResourceKey::HostId => &mut self.host_id,
            ResourceKey::ContainerId => &mut self.container_id,
            ResourceKey::FunctionName => &mut self.function_name,
            ResourceKey::FunctionVersion => &mut self.function_version,
            ResourceKey::CloudResource => &mut self.cloud_resource,
            ResourceKey::CloudProvider => &mut self.cloud_provider,
            ResourceKey::CloudRegion => &mut self.cloud_region,
            ResourceKey::CloudZone => &mut self.cloud_zone,
            ResourceKey::CloudAccount => &mut self.cloud_account,
            ResourceKey::SdkLanguage => &mut self.sdk_language,
        };
        fact.set(NOW, value);
    }
}

/// The steadiest name wins: a job of a cron job is named anew each time.
fn steadiest<'a>(
    kept: &mut Option<(WorkloadKind, &'a str)>,
    kind: WorkloadKind,
    value: AttributeValue<'a>,
) {
    if let Some(text) = value.text()
        && kept.is_none_or(|(other, _)| other < kind)
    {
        *kept = Some((kind, text));
    }
}

/// The attributes of a span that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerKey {
    PeerName(u8),
    PeerNamespace,
    Address(u8),
    Port(u8),
    Url(u8),
    DatabaseSystem(u8),
    DatabaseNamespace(u8),
    MessagingSystem,
    Destination(u8),
    DestinationIsTemporary,
    MessagingOperation(u8),
    RpcService,
    FunctionName,
}

/// Whom a span names, as its attributes say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct PeerFacts<'a> {
    pub(crate) peer_name: Fact<'a>,
    pub(crate) peer_namespace: Fact<'a>,
    pub(crate) address: Fact<'a>,
    pub(crate) port: Option<u16>,
    port_rank: u8,
    pub(crate) url: Fact<'a>,
    pub(crate) database_system: Fact<'a>,
    pub(crate) database_namespace: Fact<'a>,
    pub(crate) messaging_system: Fact<'a>,
    pub(crate) destination: Fact<'a>,
    pub(crate) destination_is_temporary: bool,
    pub(crate) messaging_operation: Fact<'a>,
    pub(crate) rpc_service: Fact<'a>,
    pub(crate) function_name: Fact<'a>,
}

impl PeerKey {
    /// The attribute of this name, if it is read.
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"service.peer.name" => Self::PeerName(NOW),
            b"peer.service" => Self::PeerName(BEFORE),
            b"service.peer.namespace" => Self::PeerNamespace,
            b"server.address" => Self::Address(NOW),
            b"net.peer.name" => Self::Address(BEFORE),
            b"http.host" | b"net.peer.ip" | b"net.sock.peer.name" => Self::Address(LONG_BEFORE),
            b"server.port" => Self::Port(NOW),
            b"net.peer.port" => Self::Port(BEFORE),
            b"url.full" => Self::Url(NOW),
            b"http.url" => Self::Url(BEFORE),
            b"db.system.name" => Self::DatabaseSystem(NOW),
            b"db.system" => Self::DatabaseSystem(BEFORE),
            b"db.namespace" => Self::DatabaseNamespace(NOW),
            b"db.name" => Self::DatabaseNamespace(BEFORE),
            b"messaging.system" => Self::MessagingSystem,
            b"messaging.destination.template" => Self::Destination(NOW + 1),
            b"messaging.destination.name" => Self::Destination(NOW),
            b"messaging.destination" => Self::Destination(BEFORE),
            b"messaging.destination_publish.name" => Self::Destination(LONG_BEFORE),
            b"messaging.destination.temporary" | b"messaging.temp_destination" => {
                Self::DestinationIsTemporary
            }
            b"messaging.operation.type" => Self::MessagingOperation(NOW),
            b"messaging.operation" => Self::MessagingOperation(BEFORE),
            b"rpc.service" => Self::RpcService,
            b"faas.invoked_name" => Self::FunctionName,
            _ => return None,
        })
    }
}

impl<'a> PeerFacts<'a> {
    /// Takes one attribute in.
    pub(crate) fn set(&mut self, key: PeerKey, value: AttributeValue<'a>) {
        match key {
            PeerKey::PeerName(rank) => self.peer_name.set(rank, value),
            PeerKey::PeerNamespace => self.peer_namespace.set(NOW, value),
            PeerKey::Address(rank) => self.address.set(rank, value),
            PeerKey::Port(rank) => self.set_port(rank, value),
            PeerKey::Url(rank) => self.url.set(rank, value),
            PeerKey::DatabaseSystem(rank) => self.database_system.set(rank, value),
            PeerKey::DatabaseNamespace(rank) => self.database_namespace.set(rank, value),
            PeerKey::MessagingSystem => self.messaging_system.set(NOW, value),
            PeerKey::Destination(rank) => self.destination.set(rank, value),
            PeerKey::DestinationIsTemporary => self.destination_is_temporary |= value.is_true(),
            PeerKey::MessagingOperation(rank) => self.messaging_operation.set(rank, value),
            PeerKey::RpcService => self.rpc_service.set(NOW, value),
            PeerKey::FunctionName => self.function_name.set(NOW, value),
        }
    }

    fn set_port(&mut self, rank: u8, value: AttributeValue<'a>) {
        if let Some(port) = value.port()
            && self.port_rank < rank
        {
            self.port = Some(port);
            self.port_rank = rank;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(names: &[(&'static str, &'static str)]) -> Option<&'static str> {
        let mut peer = PeerFacts::default();
        for (name, text) in names {
            if let Some(key) = PeerKey::of(name.as_bytes()) {
                peer.set(key, AttributeValue::Text(text));
            }
        }
        peer.address.get()
    }

    #[test]
    fn the_newer_name_wins_whatever_the_order() {
        let new = ("server.address", "new");
        let old = ("net.peer.name", "old");
        assert_eq!(address(&[new, old]), Some("new"));
        assert_eq!(address(&[old, new]), Some("new"));
        assert_eq!(address(&[old]), Some("old"));
        assert_eq!(address(&[("server.address", "")]), None);
    }

    #[test]
    fn the_steadiest_workload_wins() {
        let workload = |names: &[&'static str]| {
            let mut resource = ResourceFacts::default();
            for name in names {
                let key = ResourceKey::of(name.as_bytes()).unwrap();
                resource.set(key, AttributeValue::Text("x"));
            }
            resource.workload.unwrap().0.as_str()
        };
        assert_eq!(workload(&["k8s.job.name", "k8s.cronjob.name"]), "cronjob");
        assert_eq!(workload(&["k8s.cronjob.name", "k8s.job.name"]), "cronjob");
        assert_eq!(workload(&["k8s.deployment.name"]), "deployment");
    }
}
