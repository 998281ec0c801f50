//! Decodes what sources send, bounds it, and appends it. It never decides what an item is.

mod alertmanager;
mod cdevents;
mod cloudevents;
mod decoded;
mod events;
mod fields;
mod github;
pub mod import;
mod intake;
mod kinds;
mod known;
mod kubernetes;
#[cfg(test)]
mod mutate;
mod otlp;
#[expect(dead_code, reason = "the signed senders come next")]
mod proof;
mod quarantine;
mod recorder;
pub mod redact;
mod room;
mod scrub;
mod sender;
mod split;
mod webhook;

pub use intake::{
    DirectError, Intake, IntakeCounters, IntakeLimits, ReprocessError, Reprocessed, routes,
};
pub use kinds::{Crowded, KnownKinds, Rules};
pub use known::{Known, KnownFuture, NotKnown, Stated, StatedItem};
pub use kubernetes::{KubernetesConfig, KubernetesCounters, KubernetesWatch};
pub use otlp::{FlushError, NotOtlp, Otlp, OtlpConfig, OtlpCounters, SpansToCalls, count_spans};
pub use quarantine::{
    Quarantine, QuarantineConfig, QuarantineEntry, QuarantineError, QuarantinePage,
    QuarantineStats, QuarantinedBody,
};
pub use recorder::{RecordError, RecordedBatch, Recorder, RecorderLimits};
pub use sender::{Secret, Sender};
