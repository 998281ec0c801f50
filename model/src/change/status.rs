//! Where a change, or one batch of it, stands.

use serde::{Deserialize, Serialize};

/// Where a change stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeStatus {
    /// Intended; nothing has happened yet.
    Planned,
    /// Handed in, waiting for a decision.
    Submitted,
    /// Decided for; it may begin.
    Approved,
    /// Decided against.
    Rejected,
    /// Under way.
    Running,
    /// Begun and held up.
    Paused,
    /// Done as intended.
    Succeeded,
    /// Passed over without effect.
    Skipped,
    /// Ended without its effect, or with a bad one.
    Failed,
    /// Ended by its clock.
    TimedOut,
    /// Given up before it began or was through.
    Cancelled,
    /// Taken back.
    RolledBack,
}

/// Where one batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchStatus {
    /// Not begun.
    Planned,
    /// Under way.
    Running,
    /// Begun and held up.
    Paused,
    /// Done.
    Succeeded,
    /// Passed over without effect.
    Skipped,
    /// Ended badly.
    Failed,
    /// Ended by its clock.
    TimedOut,
    /// Given up.
    Cancelled,
    /// Taken back.
    RolledBack,
}

impl ChangeStatus {
    /// Every status with its stored word. Of two statements of one moment the later in this list counts.
    pub const WRITTEN: [(&'static str, Self); 12] = [
        ("planned", Self::Planned),
        ("submitted", Self::Submitted),
        ("approved", Self::Approved),
        ("rejected", Self::Rejected),
        ("running", Self::Running),
        ("paused", Self::Paused),
        ("succeeded", Self::Succeeded),
        ("skipped", Self::Skipped),
        ("failed", Self::Failed),
        ("timed_out", Self::TimedOut),
        ("cancelled", Self::Cancelled),
        ("rolled_back", Self::RolledBack),
    ];

    /// Its place in life, from 0.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Planned => 0,
            Self::Submitted => 1,
            Self::Approved => 2,
            Self::Rejected => 3,
            Self::Running => 4,
            Self::Paused => 5,
            Self::Succeeded => 6,
            Self::Skipped => 7,
            Self::Failed => 8,
            Self::TimedOut => 9,
            Self::Cancelled => 10,
            Self::RolledBack => 11,
        }
    }

    /// Whether it is still to begin.
    pub const fn is_ahead(self) -> bool {
        matches!(self, Self::Planned | Self::Submitted | Self::Approved)
    }

    /// Whether it has begun and may still take effect.
    pub const fn goes_on(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }

    /// Whether it ended, in whatever way.
    pub const fn is_over(self) -> bool {
        !self.is_ahead() && !self.goes_on()
    }

    /// Whether it was given up, turned down or passed over.
    pub const fn came_to_nothing(self) -> bool {
        matches!(self, Self::Rejected | Self::Skipped | Self::Cancelled)
    }

    /// Whether the word alone says that it took effect. One that was cancelled may have begun before.
    pub const fn took_effect(self) -> bool {
        match self {
            Self::Planned
            | Self::Submitted
            | Self::Approved
            | Self::Rejected
            | Self::Skipped
            | Self::Cancelled => false,
            Self::Running
            | Self::Paused
            | Self::Succeeded
            | Self::Failed
            | Self::TimedOut
            | Self::RolledBack => true,
        }
    }
}

impl BatchStatus {
    /// Every status with its stored word.
    pub const WRITTEN: [(&'static str, Self); 9] = [
        ("planned", Self::Planned),
        ("running", Self::Running),
        ("paused", Self::Paused),
        ("succeeded", Self::Succeeded),
        ("skipped", Self::Skipped),
        ("failed", Self::Failed),
        ("timed_out", Self::TimedOut),
        ("cancelled", Self::Cancelled),
        ("rolled_back", Self::RolledBack),
    ];

    /// Whether the word alone says that its members were touched.
    pub const fn took_effect(self) -> bool {
        match self {
            Self::Planned | Self::Skipped | Self::Cancelled => false,
            Self::Running
            | Self::Paused
            | Self::Succeeded
            | Self::Failed
            | Self::TimedOut
            | Self::RolledBack => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_order_is_the_order_of_life() {
        for (rank, (word, status)) in (0..).zip(ChangeStatus::WRITTEN) {
            assert_eq!(status.rank(), rank, "{word}");
            assert_eq!(serde_json::to_value(status).unwrap(), word);
        }
        for (word, status) in BatchStatus::WRITTEN {
            assert_eq!(serde_json::to_value(status).unwrap(), word);
        }
    }
}
