//! The three lengths of time that measurements are kept for.

/// How much time one measurement sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day of UTC.
    Day,
}

const MINUTE: i64 = 60 * 1_000_000_000;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

impl Level {
    /// All of them, the finest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// Its length in nanoseconds.
    pub const fn nanos(self) -> i64 {
        match self {
            Self::Minute => MINUTE,
            Self::Hour => HOUR,
            Self::Day => DAY,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The coarsest level that steps of this length are made of.
    pub fn for_step(step_nanos: i64) -> Self {
        let fits = |level: &Self| step_nanos.rem_euclid(level.nanos()) == 0;
        Self::ALL
            .into_iter()
            .rev()
            .find(fits)
            .unwrap_or(Self::Minute)
    }

    /// How much time one file of this level holds: an hour of minutes, one hour, one day.
    pub(super) const fn file_nanos(self) -> i64 {
        match self {
            Self::Minute | Self::Hour => HOUR,
            Self::Day => DAY,
        }
    }

    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Minute => 0,
            Self::Hour => 1,
            Self::Day => 2,
        }
    }

    pub(super) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.number() == number)
    }
}

/// The last multiple of `nanos` that is not after the moment.
pub(super) const fn floor(moment: i64, nanos: i64) -> i64 {
    moment.saturating_sub(moment.rem_euclid(nanos))
}
