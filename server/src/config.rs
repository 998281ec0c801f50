//! What can be set, and every default.
//!
//! A value comes from a flag, else from the environment (`EPICENTER_…`), else from
//! one TOML file, else from here. No other file of the product holds a default.

mod audit;
mod auth;
mod deliveries;
mod graphql;
mod kubernetes;
mod layers;
mod log_url;
mod mail;
mod privacy;
mod quotas;
mod ranking;
mod rollups;
mod sender;
mod tenants;
mod tls;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use audit::AuditSettings;
pub(crate) use auth::is_safe;
pub use auth::{AuthSettings, IssuerSettings, Signing};
pub use deliveries::{DeliverySettings, LoopbackDeliveries, VerifiedEndpoints};
pub use graphql::GraphQlSettings;
pub use kubernetes::KubernetesSettings;
pub use layers::{ConfigError, Layers, RESERVED_VARIABLES, VARIABLE_PREFIX};
pub use log_url::{LogUrl, LogUrlError};
pub use mail::{MailSettings, MailTls};
pub use privacy::{Names, PrivacySettings};
pub use quotas::QuotaSettings;
pub use ranking::RankingSettings;
pub use rollups::RollupSettings;
pub use sender::{CalendarSettings, SenderSettings};
pub use tenants::TenantName;
pub use tls::{ClientCertificates, TlsClientSettings, TlsSettings};

const MIB: usize = 1024 * 1024;

/// Everything that can be set, read once at start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the page, GraphQL and the intake listen.
    pub listen: SocketAddr,
    /// Where OTLP over gRPC listens.
    pub otlp_grpc: SocketAddr,
    /// Where OTLP over HTTP listens, besides `listen`.
    pub otlp_http: SocketAddr,
    /// Where everything on disk lies.
    pub data_dir: PathBuf,
    /// Which log holds the truth.
    pub log: LogUrl,
    /// A folder with mappings, `NAME.jq`, for senders that nobody wrote a decoder for; none when empty.
    pub mappings_dir: PathBuf,
    /// A folder with a file `NAME.toml` for each tenant; there are none when empty.
    pub tenants_dir: PathBuf,
    /// What these files come to, by name.
    #[serde(skip)]
    pub tenants: BTreeMap<TenantName, Settings>,
    /// Clusters of Kubernetes to follow.
    pub kubernetes: Vec<KubernetesSettings>,
    /// Senders to the intake that need more than an address.
    pub senders: Vec<SenderSettings>,
    /// Who has to say who they are.
    pub auth: AuthSettings,
    /// How long it is kept who asked what.
    pub audit: AuditSettings,
    /// How names of people stand in the log.
    pub privacy: PrivacySettings,
    /// What callers without a quota of their own may do in a minute.
    pub quotas: QuotaSettings,
    /// TLS on the addresses, and who is known by a certificate.
    pub tls: TlsSettings,
    /// Which weights rank causes.
    pub ranking: RankingSettings,
    /// Connections and requests.
    pub http: HttpSettings,
    /// The log's segments, and saved states of the fold.
    pub store: StoreSettings,
    /// Read models on disk.
    pub index: IndexSettings,
    /// What sources send.
    pub ingest: IngestSettings,
    /// Spans and entity events.
    pub otlp: OtlpSettings,
    /// Measurements of calls, outside the log.
    pub rollups: RollupSettings,
    /// The loop that folds the log.
    pub projector: ProjectorSettings,
    /// Where notices of subscriptions may go.
    pub deliveries: DeliverySettings,
    /// The server that takes our mail.
    pub mail: MailSettings,
    /// The GraphQL surface.
    pub graphql: GraphQlSettings,
    /// Own logs and traces.
    pub telemetry: TelemetrySettings,
}

/// Connections and requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSettings {
    /// Most connections at once on one address; more wait to be accepted.
    pub connections_max: usize,
    /// How long a client may take to send the head of a request.
    pub head_timeout_ms: u64,
    /// How long a client may read nothing of what waits for it before its connection is cut.
    pub write_timeout_ms: u64,
    /// How long open requests may go on after the signal to stop.
    pub drain_timeout_ms: u64,
}

/// The log's segments, and saved states of the fold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// The size of one segment file. Opening a log walks one of them.
    pub segment_bytes: u64,
    /// At most so many bytes are made durable by one sync.
    pub group_bytes: usize,
    /// How long a group that is not full waits for more; zero is best for most.
    pub group_delay_ms: u64,
    /// At most so many bytes wait to be written; beyond, senders are asked to wait.
    pub queue_bytes: usize,
    /// So many of the newest saved states stay.
    pub snapshots_newest: usize,
    /// Of the older ones, one stays for so many events.
    pub snapshots_one_per_events: u64,
    /// At most so many older ones.
    pub snapshots_older_max: usize,
}

/// Read models on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexSettings {
    /// Memory for pages that were read.
    pub cache_bytes: u64,
    /// Larger values go to files of their own.
    pub inline_bytes_max: usize,
    /// Buffers are written out after so many bytes.
    pub flush_every_bytes: u64,
    /// Memory for words of changes that are not written yet; 15 MB at least.
    pub text_writer_bytes: usize,
}

/// What sources send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestSettings {
    /// Most events that wait for the disk.
    pub events_in_flight: usize,
    /// Most bytes of events that wait for the disk.
    pub bytes_in_flight: usize,
    /// Largest body, before and after decompression.
    pub body_bytes: usize,
    /// Most bytes of bodies held at once.
    pub bodies_in_flight_bytes: usize,
    /// How long a sender may take to send its body.
    pub body_timeout_ms: u64,
    /// Most bytes that the quarantine holds.
    pub quarantine_bytes: u64,
    /// How long the quarantine holds a body.
    pub quarantine_age_ms: u64,
}

/// Spans and entity events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtlpSettings {
    /// Requests decoded at the same time.
    pub decoding_at_once: usize,
    /// Length of a window of calls.
    pub window_ms: u64,
    /// How long a window stays open after its end.
    pub grace_ms: u64,
    /// How long a span waits for the other side of its call.
    pub pairing_ms: u64,
    /// How long until an unchanged relation is said again.
    pub summary_ms: u64,
    /// How long what is no longer seen is remembered.
    pub memory_ms: u64,
    /// Most spans that wait for their other side.
    pub open_spans_max: usize,
    /// Most windows open at once.
    pub open_windows_max: usize,
    /// Most relations in one window.
    pub relations_max: usize,
    /// Most items, senders and named peers in use, each.
    pub items_max: usize,
    /// Most interfaces of one service; further ones are one called `other`, and with 0 there are none.
    pub interfaces_per_service: usize,
    /// Most events that wait for the log; beyond, spans are refused.
    pub pending_events_max: usize,
}

/// The loop that folds the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectorSettings {
    /// Least time between two published views.
    pub publish_interval_ms: u64,
    /// Most events read and applied at once.
    pub batch_events: usize,
    /// Most payload bytes read and applied at once.
    pub batch_bytes: usize,
    /// Save the fold after so many events.
    pub snapshot_every_events: u64,
    /// How long a question waits for the fold to reach what was acknowledged.
    pub wait_timeout_ms: u64,
    /// Most past states that are folded at once.
    pub past_folds_max: usize,
    /// Most past states that are kept.
    pub past_views_kept: usize,
    /// Most bundles of closed items that one question brings back into memory.
    pub past_bundles_max: usize,
    /// What has been closed for so long is put away on the disk, and so are changes that began so long ago;
    /// nothing is with 0.
    pub closed_horizon_ms: u64,
}

/// Own logs and traces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    /// What is logged to standard error: a level or a filter such as `info,store=debug`.
    pub log_filter: String,
    /// How it is written.
    pub log_format: LogFormat,
    /// Where own traces are sent over OTLP gRPC; nowhere when empty.
    pub otlp_endpoint: String,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl OtlpSettings {
    fn defaults() -> Self {
        Self {
            decoding_at_once: 2,
            window_ms: 60_000,
            grace_ms: 20_000,
            pairing_ms: 10_000,
            summary_ms: 15 * 60 * 1_000,
            memory_ms: 24 * 60 * 60 * 1_000,
            open_spans_max: 1_000_000,
            open_windows_max: 16,
            relations_max: 100_000,
            items_max: 200_000,
            interfaces_per_service: 20,
            pending_events_max: 100_000,
        }
    }
}

impl Settings {
    /// The defaults. They are safe: everything listens on loopback only.
    pub fn defaults() -> Self {
        let loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Self {
            listen: loopback(8080),
            otlp_grpc: loopback(4317),
            otlp_http: loopback(4318),
            data_dir: PathBuf::from("epicenter-data"),
            log: LogUrl::Segments(None),
            kubernetes: Vec::new(),
            senders: Vec::new(),
            mappings_dir: PathBuf::new(),
            tenants_dir: PathBuf::new(),
            tenants: BTreeMap::new(),
            auth: AuthSettings::defaults(),
            audit: AuditSettings::defaults(),
            privacy: PrivacySettings::defaults(),
            quotas: QuotaSettings::defaults(),
            tls: TlsSettings::defaults(),
            ranking: RankingSettings::defaults(),
            http: HttpSettings {
                connections_max: 1024,
                head_timeout_ms: 10_000,
                write_timeout_ms: 15_000,
                drain_timeout_ms: 10_000,
            },
            store: StoreSettings {
                segment_bytes: 16 * 1024 * 1024,
                group_bytes: 4 * MIB,
                group_delay_ms: 0,
                queue_bytes: 64 * MIB,
                snapshots_newest: 2,
                snapshots_one_per_events: 1_000_000,
                snapshots_older_max: 8,
            },
            index: IndexSettings {
                cache_bytes: 16 * 1024 * 1024,
                inline_bytes_max: 4 * 1024,
                flush_every_bytes: 4 * 1024 * 1024,
                text_writer_bytes: 32 * MIB,
            },
            ingest: IngestSettings {
                events_in_flight: 50_000,
                bytes_in_flight: 64 * MIB,
                body_bytes: model::bounds::BODY_BYTES,
                bodies_in_flight_bytes: 64 * MIB,
                body_timeout_ms: 30_000,
                quarantine_bytes: 1024 * 1024 * 1024,
                quarantine_age_ms: 30 * 24 * 60 * 60 * 1_000,
            },
            otlp: OtlpSettings::defaults(),
            rollups: RollupSettings::defaults(),
            projector: ProjectorSettings {
                publish_interval_ms: 2,
                batch_events: 4096,
                batch_bytes: 4 * MIB,
                snapshot_every_events: 100_000,
                wait_timeout_ms: 1_000,
                past_folds_max: 2,
                past_views_kept: 4,
                past_bundles_max: 200_000,
                closed_horizon_ms: 30 * 24 * 60 * 60 * 1_000,
            },
            deliveries: DeliverySettings::defaults(),
            mail: MailSettings::defaults(),
            graphql: GraphQlSettings::defaults(),
            telemetry: TelemetrySettings {
                log_filter: "info".to_owned(),
                log_format: LogFormat::Text,
                otlp_endpoint: String::new(),
            },
        }
    }

    /// Refuses what would not be safe or could not work.
    pub fn check(&self) -> Result<(), ConfigError> {
        for (key, value) in [
            ("http.connections_max", self.http.connections_max),
            ("projector.batch_events", self.projector.batch_events),
            ("projector.batch_bytes", self.projector.batch_bytes),
            ("projector.past_folds_max", self.projector.past_folds_max),
            ("ingest.events_in_flight", self.ingest.events_in_flight),
            ("ingest.bytes_in_flight", self.ingest.bytes_in_flight),
            ("ingest.body_bytes", self.ingest.body_bytes),
            ("projector.past_views_kept", self.projector.past_views_kept),
            (
                "projector.past_bundles_max",
                self.projector.past_bundles_max,
            ),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero { key });
            }
        }
        self.rollups.check()?;
        let mut sources = std::collections::BTreeSet::new();
        for cluster in &self.kubernetes {
            let source = cluster.source_name();
            if cluster.cluster.is_empty() || !sources.insert(source.clone()) {
                return Err(ConfigError::Cluster {
                    source_name: source,
                });
            }
        }
        for (index, sender) in self.senders.iter().enumerate() {
            sender.check(self.senders.get(..index).unwrap_or_default())?;
        }
        self.deliveries.check()?;
        self.mail.check()?;
        self.tls.check()?;
        self.auth.check()?;
        self.audit.check()?;
        if self.graphql.documents_only && self.graphql.documents.as_os_str().is_empty() {
            return Err(ConfigError::NoDocuments);
        }
        Ok(())
    }

    /// The first address that others can reach, and its key.
    pub(crate) fn reachable(&self) -> Option<(&'static str, SocketAddr)> {
        let addresses = [
            ("listen", self.listen),
            ("otlp_grpc", self.otlp_grpc),
            ("otlp_http", self.otlp_http),
        ];
        let mut addresses = addresses.into_iter();
        addresses.find(|(_, address)| !address.ip().is_loopback())
    }

    /// Whether everybody has to say who they are. Without it nothing would keep tenants apart.
    pub(crate) fn is_locked(&self) -> bool {
        self.auth.required || self.reachable().is_some() || !self.tenants.is_empty()
    }

    /// The settings as the TOML file that would set them.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("settings hold text keys and plain values only")
    }
}
