//! What is kept on the disk for one subscription: its queue, as a whole after every answer, and its journal.
//!
//! The queue only moves after an endpoint has answered, so a crash sends again and loses nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::LogPosition;
use tokio::sync::Notify;

use super::journal::{Journal, Line};
use super::queue::{Heard, Queue, Waiting};
use super::seals::{SealError, write_whole};

/// Most urgent notices that are found beyond what fits, before the rest is read on.
const FOUND_MAX: usize = 10_000;

/// The queue and the journal of one subscription.
pub(crate) struct Desk {
    path: PathBuf,
    journal: Journal,
    waiting_max: usize,
    held: Mutex<Held>,
    /// One at a time brings it to the disk, so that no older state replaces a newer one.
    saving: Mutex<()>,
    /// Somebody put something into the queue.
    pub(crate) news: Notify,
}

struct Held {
    queue: Queue,
    lines: Vec<Line>,
    /// What of the queue is on the disk.
    kept: Option<Queue>,
}

/// Where the desks of a data folder lie, and how large they get.
#[derive(Clone, Debug)]
pub(crate) struct DeskFolder {
    /// The folder.
    pub(crate) path: PathBuf,
    /// Most notices that wait for one endpoint; beyond, the log is read later.
    pub(crate) waiting_max: usize,
    /// Most bytes of one journal.
    pub(crate) journal_bytes: u64,
}

impl DeskFolder {
    /// The desk of a subscription, which hears of what stands after `since`.
    pub(crate) fn open(&self, id: &str, since: LogPosition) -> Desk {
        let path = self.file(id, "json");
        let kept = load(&path);
        let fresh = Queue {
            read_to: since,
            ..Queue::default()
        };
        Desk {
            journal: Journal::at(self.file(id, "log"), self.journal_bytes),
            waiting_max: self.waiting_max,
            held: Mutex::new(Held {
                queue: kept.clone().unwrap_or(fresh),
                lines: Vec::new(),
                kept,
            }),
            path,
            saving: Mutex::default(),
            news: Notify::new(),
        }
    }

    fn file(&self, id: &str, extension: &str) -> PathBuf {
        let plain = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
        let name: String = id.chars().filter(plain).collect();
        self.path.join(name).with_extension(extension)
    }
}

/// The queue in a file; nothing where there is none, or none that can be read.
fn load(path: &Path) -> Option<Queue> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!("could not read {}: {error}", path.display());
            return None;
        }
    };
    match serde_json::from_slice(&bytes) {
        Ok(queue) => Some(queue),
        Err(error) => {
            let path = path.display();
            tracing::warn!("{path} is damaged, so everything is sent again: {error}");
            None
        }
    }
}

impl Desk {
    fn held(&self) -> MutexGuard<'_, Held> {
        // What a panic left is whole: every change is one step.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the queue.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Queue) -> T) -> T {
        act(&mut self.held().queue)
    }

    /// Up to where the log was held against the subscription; nothing when no more fits into the queue.
    pub(crate) fn wants_after(&self) -> Option<LogPosition> {
        let held = self.held();
        (!held.queue.is_full(self.waiting_max)).then_some(held.queue.read_to)
    }

    /// The event at a position was held against the subscription. Whether it is still at `after`, the
    /// position before it, and goes on: somebody may have sent it back.
    pub(crate) fn read(&self, after: LogPosition, position: LogPosition, heard: Heard) -> bool {
        let mut held = self.held();
        if held.queue.read_to != after {
            return false;
        }
        held.queue.read_to = position;
        let was_found = held.queue.was_found(position);
        let is_news = !was_found && heard != Heard::Nothing;
        match heard {
            Heard::Nothing => {}
            // It was told already when there was no room for the others, whatever it would be now.
            Heard::Notice(_) | Heard::Gathers(_) if was_found => {}
            Heard::Notice(notice) => held.queue.add(notice),
            Heard::Gathers(now) => held.queue.gather(position, now),
        }
        let goes_on = !held.queue.is_full(self.waiting_max);
        drop(held);
        if is_news {
            self.news.notify_one();
        }
        goes_on
    }

    /// From where to search for what is urgent while nothing else fits; nothing when that does not fit either.
    pub(crate) fn wants_urgent_after(&self) -> Option<LogPosition> {
        let held = self.held();
        let searched = held.queue.urgent_to.unwrap_or_default();
        let is_bounded = held.queue.found.len() < FOUND_MAX;
        let waits_max = self.waiting_max.saturating_mul(2);
        let has_room = is_bounded && !held.queue.is_full(waits_max);
        has_room.then_some(held.queue.read_to.max(searched))
    }

    /// The same as [`Desk::read`] of a search for what is urgent alone.
    pub(crate) fn read_ahead(
        &self,
        after: LogPosition,
        position: LogPosition,
        urgent: Option<Waiting>,
    ) -> bool {
        if self.wants_urgent_after() != Some(after) {
            return false;
        }
        let is_news = urgent.is_some();
        self.with(|queue| {
            queue.urgent_to = Some(position);
            if let Some(notice) = urgent {
                queue.found.push(position);
                queue.add(notice);
            }
        });
        if is_news {
            self.news.notify_one();
        }
        true
    }

    /// Writes an attempt down.
    pub(crate) fn note(&self, line: Line) {
        self.held().lines.push(line);
    }

    /// Whether the disk lacks something.
    pub(crate) fn is_ahead_of_disk(&self) -> bool {
        let held = self.held();
        !held.lines.is_empty() || held.kept.as_ref() != Some(&held.queue)
    }

    /// Brings what is new to the disk. It waits for it.
    pub(crate) fn save(&self) -> Result<(), SealError> {
        let _alone = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let (queue, lines) = {
            let mut held = self.held();
            let queue = (held.kept.as_ref() != Some(&held.queue)).then(|| held.queue.clone());
            (queue, std::mem::take(&mut held.lines))
        };
        if let Err(error) = self.journal.add(&lines) {
            tracing::warn!("could not write down what was sent: {error}");
        }
        if let Some(queue) = queue {
            let bytes = serde_json::to_vec(&queue).expect("a queue has string keys only");
            write_whole(&self.path, &bytes)?;
            self.held().kept = Some(queue);
        }
        Ok(())
    }

    /// What was tried, as far as it is still written down.
    pub(crate) fn lines(&self) -> io::Result<Vec<Line>> {
        let mut lines = self.journal.read()?;
        lines.extend(self.held().lines.iter().cloned());
        Ok(lines)
    }

    /// Removes everything of it.
    pub(crate) fn remove(&self) {
        let _alone = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let removed = match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        };
        if let Err(error) = removed.and_then(|()| self.journal.remove()) {
            tracing::warn!("could not remove {}: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use model::Timestamp;

    use super::*;

    fn folder(path: &Path) -> DeskFolder {
        DeskFolder {
            path: path.to_owned(),
            waiting_max: 2,
            journal_bytes: 10_000,
        }
    }

    fn place(number: u64) -> LogPosition {
        LogPosition::new(number)
    }

    fn notice(position: u64) -> Heard {
        let due_at = Timestamp::from_unix_nanos(0);
        Heard::Notice(Waiting::new(place(position), vec![position], due_at))
    }

    #[test]
    fn a_queue_comes_back_as_it_was_saved_and_from_its_beginning_when_it_is_damaged() {
        let home = tempfile::tempdir().unwrap();
        let desk = folder(home.path()).open("sub_a", place(5));
        assert_eq!(desk.wants_after(), Some(place(5)));
        assert!(desk.read(place(5), place(6), Heard::Nothing));
        assert!(desk.read(place(6), place(7), notice(7)));
        assert!(desk.is_ahead_of_disk());
        desk.save().unwrap();
        assert!(!desk.is_ahead_of_disk());
        let again = folder(home.path()).open("sub_a", place(5));
        assert_eq!(
            again.with(|queue| queue.clone()),
            desk.with(|queue| queue.clone())
        );
        fs::write(home.path().join("sub_a.json"), "{").unwrap();
        let damaged = folder(home.path()).open("sub_a", place(5));
        assert_eq!(damaged.wants_after(), Some(place(5)));
        damaged.remove();
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_urgent_is_found_beyond_a_full_queue_and_comes_once() {
        let home = tempfile::tempdir().unwrap();
        let desk = folder(home.path()).open("sub_a", place(0));
        desk.read(place(0), place(1), notice(1));
        desk.read(place(1), place(2), notice(2));
        assert_eq!(desk.wants_after(), None);
        let due_at = Timestamp::from_unix_nanos(0);
        let urgent = Waiting::new(place(4), vec![4], due_at).at_once();
        assert_eq!(desk.wants_urgent_after(), Some(place(2)));
        assert!(desk.read_ahead(place(2), place(3), None));
        assert!(desk.read_ahead(place(3), place(4), Some(urgent.clone())));
        assert!(!desk.read_ahead(place(2), place(3), None), "it is further");
        assert_eq!(
            desk.with(|queue| queue.ready(due_at, &BTreeSet::new()))
                .len(),
            3
        );
        for position in [1, 2, 4] {
            desk.with(|queue| queue.settle(place(position)));
        }
        assert_eq!(desk.wants_after(), Some(place(2)));
        assert!(desk.read(place(2), place(3), notice(3)));
        assert!(desk.read(place(3), place(4), Heard::Notice(urgent.clone())));
        assert_eq!(desk.with(|queue| queue.waiting.len()), 1, "it was told");
        let later = Waiting {
            position: place(3),
            ..urgent
        };
        desk.with(|queue| queue.rewind(place(2)));
        assert!(desk.read(place(2), place(3), Heard::Notice(later)));
        let waiting = desk.with(|queue| queue.waiting.clone());
        assert_eq!(waiting.len(), 1, "what became urgent since is not lost");
    }

    #[test]
    fn a_full_queue_reads_no_further_and_one_that_was_sent_back_begins_there() {
        let home = tempfile::tempdir().unwrap();
        let desk = folder(home.path()).open("sub_a", place(0));
        assert!(desk.read(place(0), place(1), notice(1)));
        assert!(!desk.read(place(1), place(2), notice(2)), "now it is full");
        assert_eq!(desk.wants_after(), None);
        desk.with(|queue| queue.rewind(place(0)));
        assert!(
            !desk.read(place(2), place(3), notice(3)),
            "it is elsewhere by now"
        );
        assert_eq!(desk.wants_after(), Some(place(0)));
        assert!(desk.with(|queue| queue.waiting.is_empty()));
    }
}
