//! The course of a change: when it began and ended, where it stands, which of its batches had begun.
//!
//! Every answer is a function of the set of statements, so the order of their arrival cannot matter.

use model::{BatchStatus, Change, ChangeStatus, Timestamp};

use super::{BatchRow, Row};
use crate::stamped::Stamp;

impl Row {
    /// When it began to take effect: as stated, else the first word of that, else as planned.
    pub(crate) fn start(&self) -> Timestamp {
        self.started_at()
            .or(self.began_at())
            .or(self.planned_start_at())
            .unwrap_or(self.spoken_at)
    }

    /// When its last effect began at the latest; `Timestamp::MAX` while it is said to be under way.
    pub(crate) fn end(&self) -> Timestamp {
        let start = self.start();
        let silent = if self.goes_on() {
            Timestamp::MAX
        } else {
            start
        };
        let whole = self.finished_at().unwrap_or(silent);
        let batches = self.batches().values().filter_map(|batch| {
            let finished = batch.finished_at.get();
            finished.or(batch.started_at.get()).copied()
        });
        batches.fold(whole.max(start), Timestamp::max)
    }

    /// Whether it is said to be under way.
    pub(crate) fn goes_on(&self) -> bool {
        let stated = self.stated_status();
        stated.is_some_and(|(status, _)| status.goes_on())
    }

    /// Where it stands: as stated last. One that was to begin is under way once anything says that it began;
    /// of one that nobody places, what was told is over and what was only planned is ahead.
    pub(crate) fn status(&self) -> ChangeStatus {
        let began = self.began_at().is_some() || self.started_at().is_some();
        match self.stated_status().map(|(status, _)| status) {
            Some(stated) if stated.is_ahead() && self.first_at.get().is_some() => {
                ChangeStatus::Running
            }
            Some(stated) => stated,
            None if began => ChangeStatus::Succeeded,
            None => ChangeStatus::Planned,
        }
    }

    /// Whether a status was ever stated.
    pub(crate) fn ever(&self, status: ChangeStatus) -> bool {
        self.said & bit(status) != 0
    }

    /// The first word that says or implies that it took effect. A bare word about it implies so, unless it
    /// was told when it was still ahead, or that it never came to be.
    fn began_at(&self) -> Option<Timestamp> {
        let silent = self.silent_at.get().filter(|_| self.said & WAITING == 0);
        self.first_at.get().into_iter().chain(silent).min()
    }

    /// Takes what a statement says of the course.
    pub(super) fn say_course(&mut self, change: &Change, stamp: Stamp) {
        let of_batches = change.batches.iter().filter(|batch| batch.took_effect());
        let of_batches = of_batches.map(|batch| batch.started_at.unwrap_or(stamp.at));
        let own = change.started_at.unwrap_or(stamp.at);
        match change.status {
            Some(status) => {
                self.said |= bit(status);
                if status.took_effect() {
                    self.first_at.take_earlier(own);
                }
            }
            None if change.started_at.is_some() || change.finished_at.is_some() => {
                self.first_at.take_earlier(own);
            }
            None => self.silent_at.take_earlier(stamp.at),
        }
        if let Some(at) = of_batches.min() {
            self.first_at.take_earlier(at);
        }
    }
}

/// The statuses that do not say that anything took effect.
const WAITING: u16 = bit(ChangeStatus::Planned)
    | bit(ChangeStatus::Submitted)
    | bit(ChangeStatus::Approved)
    | bit(ChangeStatus::Rejected)
    | bit(ChangeStatus::Skipped)
    | bit(ChangeStatus::Cancelled);

const fn bit(status: ChangeStatus) -> u16 {
    1 << status.rank()
}

/// What a batch has done to its members at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Touched {
    /// They are as before.
    NotYet,
    /// They are being changed.
    Changing,
    /// They are changed.
    Changed,
}

impl BatchRow {
    /// What it has done to its members at a moment.
    pub(crate) fn touched(&self, at: Timestamp) -> Touched {
        let stated = self.status.get().copied();
        let said_at = self.status.stamp().map(|stamp| stamp.at);
        // A word of a later moment says nothing of this one, but that it had not been said.
        let status = stated.filter(|_| said_at.is_some_and(|said_at| said_at <= at));
        if matches!(status, Some(BatchStatus::RolledBack | BatchStatus::Skipped)) {
            return Touched::NotYet;
        }
        let started = self.started_at.get().copied();
        let finished = self.finished_at.get().copied();
        let implied = said_at.filter(|_| stated.is_some_and(BatchStatus::took_effect));
        let began = started.or(finished).or(implied);
        if began.is_none_or(|began| at < began) {
            return Touched::NotYet;
        }
        let is_through = finished.is_some_and(|finished| finished <= at)
            || matches!(
                status,
                Some(BatchStatus::Succeeded | BatchStatus::Failed | BatchStatus::TimedOut)
            );
        match is_through {
            true => Touched::Changed,
            false => Touched::Changing,
        }
    }
}
