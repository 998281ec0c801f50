//! Measurements of calls, which lie beside the log.

use model::Timestamp;
use thiserror::Error;

use super::PortFuture;

/// What was measured of calls. It is no fact: it does not depend on a view, and is let go of after a time.
pub trait Measurements: Send + Sync + 'static {
    /// The calls of some series together, in steps.
    fn read(
        &self,
        question: MeasurementQuestion,
    ) -> PortFuture<'_, Result<MeasuredSteps, MeasurementsError>>;

    /// What is kept, and what was dropped. It waits for nothing.
    fn kept(&self) -> KeptMeasurements;
}

/// Which calls, of when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasurementQuestion {
    /// Of these together, under the names of their sources.
    pub of: Vec<MeasuredName>,
    /// From the step that holds this moment.
    pub from: Timestamp,
    /// To the step that holds the moment before this one.
    pub until: Timestamp,
    /// A multiple of a minute.
    pub step_nanos: i64,
}

/// Whose calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MeasuredName {
    /// Those that an item takes.
    Item(String),
    /// Those over a relation.
    Relation {
        /// Who calls.
        dependent: String,
        /// Who is called.
        provider: String,
        /// How.
        kind: String,
    },
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeasuredSteps {
    /// Steps in which anything was measured, oldest first.
    pub steps: Vec<MeasuredStep>,
    /// All of them as one; nothing when nothing was measured.
    pub total: Option<MeasuredStep>,
    /// Parts of files that could not be read; what they held is missing.
    pub damaged: u64,
}

/// Calls of one span of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasuredStep {
    /// Its first moment.
    pub start: Timestamp,
    /// Calls, sampling adjusted.
    pub calls: f64,
    /// Failed ones, likewise.
    pub errors: f64,
    /// Calls seen, without those they stand for.
    pub samples: u64,
    /// Start of the first call.
    pub first_seen_at: Timestamp,
    /// Start of the last call.
    pub last_seen_at: Timestamp,
    /// The duration that half of the calls stay within, in milliseconds.
    pub p50_ms: Option<f64>,
    /// Nine of ten.
    pub p90_ms: Option<f64>,
    /// All but one of a hundred.
    pub p99_ms: Option<f64>,
    /// The longest.
    pub longest_ms: Option<f64>,
}

/// What is kept of measurements and what was dropped, counted since the server started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptMeasurements {
    /// What is kept, the finest steps first.
    pub levels: Vec<KeptLevel>,
    /// Measurements that wait for the disk.
    pub waiting: usize,
    /// Measurements written.
    pub written: u64,
    /// Dropped because a minute held as many series as it may.
    pub beyond_series: u64,
    /// Dropped because too much waited for the disk.
    pub beyond_room: u64,
    /// Dropped because they speak of a time that is no longer kept.
    pub too_old: u64,
    /// Damaged parts of files that were met.
    pub damaged: u64,
    /// Bytes at the ends of files that were not written whole.
    pub torn_bytes: u64,
    /// Files let go of before their time, because all together were too large.
    pub let_go_early: u64,
    /// Times the disk refused.
    pub failures: u64,
}

/// What is kept in steps of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptLevel {
    /// How long the steps are.
    pub step_nanos: i64,
    /// How many files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The first moment of which such steps can tell anything.
    pub since: Option<Timestamp>,
}

/// Why measurements could not be read; the details are for our log.
#[derive(Debug, Error)]
#[error("the measurements could not be read")]
pub struct MeasurementsError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
