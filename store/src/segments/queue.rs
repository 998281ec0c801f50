//! What waits to be written: bounded, first come first served, taken in groups.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::submission::Submission;
use crate::{AppendError, Appended};

/// A submission and whom to answer.
pub(crate) struct Waiting {
    pub(crate) submission: Submission,
    pub(crate) answer: oneshot::Sender<Result<Vec<Appended>, AppendError>>,
}

/// What the writer does next.
pub(crate) enum Taken {
    /// These, in their order.
    Group(Vec<Waiting>),
    /// Nothing came for a while.
    Idle,
    /// The log was closed and nothing waits.
    Closed,
}

/// The bounded queue between submitting threads and the writer.
pub(crate) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    bytes_max: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    closed: bool,
    writer_sleeps: bool,
}

impl Queue {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            state: Mutex::default(),
            filled: Condvar::new(),
            bytes_max,
        }
    }

    /// Puts a submission at the end. An empty queue takes one of any size.
    pub(crate) fn push(&self, waiting: Waiting) -> Result<(), AppendError> {
        let bytes = waiting.submission.bytes();
        let mut state = self.state();
        if state.closed {
            return Err(AppendError::Closed);
        }
        if 0 < state.bytes && self.bytes_max < state.bytes + bytes {
            return Err(AppendError::Busy);
        }
        state.bytes += bytes;
        state.waiting.push_back(waiting);
        if std::mem::take(&mut state.writer_sleeps) {
            drop(state);
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Takes what waits, at least one submission and then no more than `bytes` in all.
    /// A group that is not full is waited for up to `delay`.
    pub(crate) fn take(&self, bytes: usize, delay: Duration, idle: Duration) -> Taken {
        let mut state = self.state();
        let idle_at = Instant::now() + idle;
        while state.waiting.is_empty() {
            if state.closed {
                return Taken::Closed;
            }
            let left = idle_at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Taken::Idle;
            }
            state = self.sleep(state, left);
        }
        let full_at = Instant::now() + delay;
        while state.bytes < bytes && !state.closed && !delay.is_zero() {
            let left = full_at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.sleep(state, left);
        }
        Taken::Group(state.take_group(bytes))
    }

    /// Takes no more submissions; those that wait are still taken by the writer.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_one();
    }

    fn sleep<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        left: Duration,
    ) -> MutexGuard<'a, State> {
        state.writer_sleeps = true;
        let woken = self.filled.wait_timeout(state, left);
        let (mut state, _) = woken.unwrap_or_else(PoisonError::into_inner);
        state.writer_sleeps = false;
        state
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nobody panics while holding it: it is only pushed to and popped from.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_group(&mut self, bytes_max: usize) -> Vec<Waiting> {
        let mut group = Vec::with_capacity(self.waiting.len());
        let mut bytes = 0;
        while let Some(next) = self.waiting.front() {
            bytes += next.submission.bytes();
            if !group.is_empty() && bytes_max < bytes {
                break;
            }
            if let Some(taken) = self.waiting.pop_front() {
                self.bytes -= taken.submission.bytes();
                group.push(taken);
            }
        }
        group
    }
}
