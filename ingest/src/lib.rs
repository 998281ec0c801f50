//! Decodes what sources send, bounds it, and appends it. It never decides what an item is.

mod alertmanager;
mod altershield;
mod argo_rollouts;
mod argocd;
mod azure;
mod cdevents;
mod cloudevents;
mod cloudtrail;
mod datadog;
mod decoded;
mod events;
mod fields;
mod flagger;
mod flags;
mod flux;
mod flyway;
#[cfg(test)]
mod fuzz;
mod gcp;
mod github;
mod gitlab;
mod grafana;
mod helm;
mod ical;
pub mod import;
mod intake;
mod jenkins;
mod kinds;
mod known;
mod kubernetes;
mod labels;
mod launchdarkly;
mod liquibase;
mod mapping;
mod migrated;
mod moment;
#[cfg(test)]
mod mutate;
mod opsgenie;
mod otlp;
mod pagerduty;
mod proof;
mod quarantine;
mod recorder;
pub mod redact;
mod room;
mod said;
mod scrub;
mod sender;
mod servicenow;
mod split;
mod suppressed;
mod terraform;
mod told;
#[cfg(test)]
mod trial;
mod unleash;
mod webhook;

pub use ical::CalendarMeaning;
pub use intake::{
    DirectError, Intake, IntakeCounters, IntakeLimits, ReprocessError, Reprocessed, Said, paths,
    routes,
};
pub use kinds::{Crowded, KnownKinds, Rules};
pub use known::{CalendarFuture, Known, KnownFuture, NotKnown, Stated, StatedItem};
pub use kubernetes::{KubernetesConfig, KubernetesCounters, KubernetesWatch};
pub use mapping::{Broken, MappingState, Mappings, Refused, Trial, Tried};
pub use otlp::{
    FlushError, NotOtlp, Otlp, OtlpConfig, OtlpCounters, SpansToCalls, come_again, count_spans,
};
pub use proof::{HashFunction, Proof};
pub use quarantine::{
    Quarantine, QuarantineConfig, QuarantineEntry, QuarantineError, QuarantinePage,
    QuarantineStats, QuarantinedBody,
};
pub use recorder::{RecordError, RecordedBatch, Recorder, RecorderLimits};
pub use sender::{Secret, Sender};
pub use suppressed::{Suppressed, SuppressedSample, Suppression};
