//! The attributes of a resource: who sent spans, and where that runs.

use super::{AttributeValue, BEFORE, Fact, NOW, PeerFacts, write_facts, write_text};

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
    SdkName,
}

/// Whether a sender only hands on the calls of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Proxy<'a> {
    /// It answers or makes calls itself, as far as is known.
    #[default]
    No,
    /// It stands beside the service of this name, as a mesh puts it.
    Beside(&'a str),
    /// It stands between services.
    Between,
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
    pub(crate) proxy: Proxy<'a>,
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
        let (role, beside) = match self.proxy {
            Proxy::No => (0, ""),
            Proxy::Beside(service) => (1, service),
            Proxy::Between => (2, ""),
        };
        bytes.push(role);
        write_text(beside, bytes);
    }
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
            b"telemetry.sdk.name" => Self::SdkName,
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
            ResourceKey::SdkName => return self.made_by(value),
        };
        fact.set(NOW, value);
    }

    /// Takes the name of the instrumentation in that made spans.
    pub(crate) fn scope(&mut self, name: &str) {
        if PROXIES_BY_SCOPE.contains(&name) && self.proxy == Proxy::No {
            self.proxy = Proxy::Between;
        }
    }

    fn made_by(&mut self, value: AttributeValue<'a>) {
        if value.text() == Some("envoy") && self.proxy == Proxy::No {
            self.proxy = Proxy::Between;
        }
    }

    /// Takes in what a span says of its sender: Envoy marks each of its spans, and Istio names
    /// the service that a proxy stands beside.
    pub(crate) fn learn_of_sender(&mut self, span: &PeerFacts<'a>) {
        if !span.is_of_proxy {
            return;
        }
        let stands_alone = span
            .proxy_node
            .get()
            .is_some_and(|node| node.starts_with("router~") || node.starts_with("waypoint~"));
        match span.mesh_service.get() {
            Some(service) if !stands_alone => self.proxy = Proxy::Beside(service),
            _ if self.proxy == Proxy::No => self.proxy = Proxy::Between,
            _ => {}
        }
    }
}

/// Instrumentations that only proxies have.
const PROXIES_BY_SCOPE: [&str; 5] = [
    "github.com/traefik/traefik",
    "kong-internal",
    "nginx",
    "ngx_otel_module",
    "apisix",
];

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
