//! What is measured of one series in one span of time, and how two such measurements become one.

use std::fmt;

use model::Timestamp;
use sketches_ddsketch::{Config, DDSketch};

/// One call in the unit of [`Totals::calls`] and [`Totals::errors`]: parts of calls come from
/// sampling, and whole numbers add up to the same in any order.
pub const CALL_PARTS: u64 = 256;

/// What calls are measured of, in the source's own names. Which names are one item is not decided here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series(Box<[u8]>);

impl Series {
    /// All calls that one item takes.
    pub fn of_item(key: &str) -> Self {
        let mut bytes = vec![b'i'];
        push_name(&mut bytes, key);
        Self(bytes.into())
    }

    /// The calls over one relation.
    pub fn of_relation(dependent: &str, provider: &str, kind: &str) -> Self {
        let mut bytes = vec![b'r'];
        push_name(&mut bytes, dependent);
        bytes.push(0);
        push_name(&mut bytes, provider);
        bytes.push(0);
        push_name(&mut bytes, kind);
        Self(bytes.into())
    }

    pub(super) const fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// A series as it lies in a frame.
    pub(super) fn of_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

/// A zero byte ends a name, so none may hold one.
fn push_name(bytes: &mut Vec<u8>, name: &str) {
    if name.contains('\0') {
        bytes.extend_from_slice(name.replace('\0', "\u{fffd}").as_bytes());
    } else {
        bytes.extend_from_slice(name.as_bytes());
    }
}

/// Calls of one series in one span of time.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Counts and moments.
    pub totals: Totals,
    /// How long the calls took.
    pub latency: Latency,
}

/// Counts and moments of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Calls, sampling adjusted, in parts of [`CALL_PARTS`].
    pub calls: u64,
    /// Failed calls, likewise.
    pub errors: u64,
    /// Calls seen, without those they stand for.
    pub samples: u64,
    /// Start of the first call.
    pub first_seen_at: Timestamp,
    /// Start of the last call.
    pub last_seen_at: Timestamp,
}

impl Totals {
    /// Takes others of the same series in.
    pub fn merge(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.errors = self.errors.saturating_add(other.errors);
        self.samples = self.samples.saturating_add(other.samples);
        self.first_seen_at = self.first_seen_at.min(other.first_seen_at);
        self.last_seen_at = self.last_seen_at.max(other.last_seen_at);
    }
}

impl Measured {
    /// Takes another part of the same series in.
    pub fn merge(&mut self, other: &Self) {
        self.totals.merge(&other.totals);
        self.latency.merge(&other.latency);
    }
}

/// How long calls took: a sketch whose quantiles are at most [`Latency::ACCURACY`] off, however
/// often it was merged and in whatever order.
#[derive(Clone)]
pub struct Latency(DDSketch);

/// Most bins of a sketch. All durations of 64 bits of nanoseconds need fewer, so none is ever merged away.
const BINS_MAX: u32 = 2048;
/// Less than this many milliseconds is nothing.
const LEAST_MS: f64 = 1.0e-9;

impl Latency {
    /// How far a quantile may be off, as a share of itself.
    pub const ACCURACY: f64 = 0.02;

    /// Adds a call that took so long and stands for `count` calls.
    #[expect(clippy::cast_precision_loss, reason = "a sketch is not exact")]
    pub fn add(&mut self, nanos: u64, count: u32) {
        self.0
            .add_with_count(nanos as f64 / 1_000_000.0, u64::from(count));
    }

    /// Takes another sketch in.
    pub fn merge(&mut self, other: &Self) {
        self.0
            .merge(&other.0)
            .expect("all sketches here are made with the same bins");
    }

    /// The duration that this share of the calls stays within, in milliseconds; nothing of no call.
    pub fn quantile_ms(&self, share: f64) -> Option<f64> {
        let found = self.0.quantile(share.clamp(0.0, 1.0)).ok().flatten()?;
        let (least, most) = (self.0.min()?, self.0.max()?);
        // A bin reaches beyond what lies in it; the ends are known exactly.
        Some(found.clamp(least, most))
    }

    /// The longest duration, in milliseconds; nothing of no call.
    pub fn longest_ms(&self) -> Option<f64> {
        self.0.max()
    }

    /// The sketch in the binary form that the libraries of this sketch share.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.0.to_java_bytes()
    }

    /// Reads a sketch back; nothing when the bytes are none of ours.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let sketch = DDSketch::from_java_bytes(bytes).ok()?;
        let mut checked = Self::default();
        checked.0.merge(&sketch).ok()?;
        Some(checked)
    }
}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latency")
            .field("count", &self.0.count())
            .field("median_ms", &self.quantile_ms(0.5))
            .finish_non_exhaustive()
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self(DDSketch::new(Config::new(
            Self::ACCURACY,
            BINS_MAX,
            LEAST_MS,
        )))
    }
}

/// A measurement as it lies on the disk and waits for it: its sketch packed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) totals: Totals,
    pub(super) latency: Box<[u8]>,
}

impl Row {
    pub(super) fn of(measured: &Measured) -> Self {
        Self {
            totals: measured.totals,
            latency: measured.latency.to_bytes().into(),
        }
    }

    /// Takes another row of the same series in.
    pub(super) fn merge(&mut self, other: &Self) {
        let mut sum = Sum::of(self.clone());
        sum.add(other);
        *self = sum.into_row();
    }

    /// Bytes it takes while it waits.
    pub(super) const fn bytes(&self) -> usize {
        size_of::<Self>() + self.latency.len()
    }
}

/// Rows of one series on their way to one; the sketch of a single one stays packed.
#[derive(Debug)]
pub(super) struct Sum {
    row: Row,
    latency: Option<Latency>,
}

impl Sum {
    pub(super) const fn of(row: Row) -> Self {
        Self { row, latency: None }
    }

    pub(super) fn add(&mut self, row: &Row) {
        self.row.totals.merge(&row.totals);
        let latency = self
            .latency
            .get_or_insert_with(|| Latency::from_bytes(&self.row.latency).unwrap_or_default());
        if let Some(more) = Latency::from_bytes(&row.latency) {
            latency.merge(&more);
        }
    }

    pub(super) fn into_row(self) -> Row {
        match self.latency {
            None => self.row,
            Some(latency) => Row {
                latency: latency.to_bytes().into(),
                ..self.row
            },
        }
    }

    pub(super) fn into_measured(self) -> Measured {
        let packed = || Latency::from_bytes(&self.row.latency).unwrap_or_default();
        Measured {
            totals: self.row.totals,
            latency: self.latency.unwrap_or_else(packed),
        }
    }
}
