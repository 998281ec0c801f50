//! The log of questions: who asked what, in books beside the log, each a log of the same form of its own.
//!
//! What was asked is gathered for a moment and written as one event. A crash loses at most what was
//! gathered and not synced. A book that is full is closed, and the next one begins with its digest,
//! so that no book can be exchanged or left out but the oldest, which go when their time is over.

mod shelf;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use api::{AuditError, AuditPage, AuditQuestion};
use model::{
    Actor, AuditedQuestion, Clock, Event, EventId, IdSource, NewEvent, Occurred, QuestionsAsked,
    SourceName,
};
use store::{EventLog, SegmentConfig, SegmentLog};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::clock::{RandomIds, SystemClock};
use crate::config::AuditSettings;
use crate::metrics::Metrics;
use crate::shutdown;
pub(crate) use shelf::{Shelf, each};

/// So many questions wait to be written; what comes beyond is counted as lost.
const WAITING_MAX: usize = 20_000;
/// So many questions are written as one event.
const BATCH: usize = 500;
/// Among so many of the newest, one that differs in nothing but its time is only counted.
const ALIKE_AMONG: usize = 32;
/// The source of what is written.
const SOURCE: &str = "epicenter.audit";

/// Takes what was asked, writes it, and finds it again.
pub(crate) struct Audit {
    settings: AuditSettings,
    shelf: Shelf,
    sender: mpsc::Sender<AuditedQuestion>,
    receiver: Mutex<Option<mpsc::Receiver<AuditedQuestion>>>,
    lost: AtomicU64,
    lost_total: AtomicU64,
    written: AtomicU64,
    fault: Mutex<Option<String>>,
    /// Reading goes through whole books: one question at a time.
    reading: Semaphore,
}

/// The book that is written.
struct Book {
    number: u64,
    began_at: model::Timestamp,
    log: SegmentLog,
}

impl Audit {
    /// Over the folder of the books, which is made when something is written.
    pub(crate) fn new(folder: PathBuf, settings: &AuditSettings) -> Arc<Self> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        Arc::new(Self {
            settings: settings.clone(),
            shelf: Shelf::new(folder),
            sender,
            receiver: Mutex::new(Some(receiver)),
            lost: AtomicU64::new(0),
            lost_total: AtomicU64::new(0),
            written: AtomicU64::new(0),
            fault: Mutex::default(),
            reading: Semaphore::new(1),
        })
    }

    /// Writes a question down, soon.
    pub(crate) fn note(&self, question: AuditedQuestion) {
        if self.sender.try_send(question).is_err() {
            self.lose(1);
        }
    }

    /// Why what was asked is not written down, if so.
    pub(crate) fn fault(&self) -> Option<String> {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.clone()
    }

    /// Registers what it counts.
    pub(crate) fn register(self: &Arc<Self>, metrics: &Metrics) {
        let audit = Arc::clone(self);
        metrics.register(move |scrape| {
            let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            let help = "Questions that were written down.";
            scrape.counter("audit_questions_total", help, &[], count(&audit.written));
            let help = "Questions that came faster than they could be written down.";
            scrape.counter(
                "audit_lost_questions_total",
                help,
                &[],
                count(&audit.lost_total),
            );
        });
    }

    /// Writes until it is told to stop, and then what still waits.
    pub(crate) async fn tend(self: Arc<Self>, working: watch::Receiver<bool>) {
        let receiver = self
            .receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let mut receiver = receiver.expect("it is tended by one task");
        let mut stopped = std::pin::pin!(shutdown::stopped(working));
        let every = Duration::from_millis(self.settings.every_ms);
        let mut book = None;
        loop {
            let mut batch = Vec::new();
            let mut stops = tokio::select! {
                () = &mut stopped => true,
                _ = receiver.recv_many(&mut batch, BATCH) => false,
            };
            if !stops && batch.len() < BATCH {
                stops = tokio::select! {
                    () = &mut stopped => true,
                    () = tokio::time::sleep(every) => false,
                };
            }
            while let Ok(question) = receiver.try_recv() {
                batch.push(question);
            }
            for part in batch.chunks(BATCH) {
                book = self.write(book, gathered(part)).await;
            }
            if stops {
                // Closing waits for the disk.
                let _closed = tokio::task::spawn_blocking(move || drop(book)).await;
                return;
            }
        }
    }

    /// Looks for questions.
    pub(crate) async fn search(
        self: Arc<Self>,
        asked: AuditQuestion,
    ) -> Result<AuditPage, AuditError> {
        let _turn = self.reading.acquire().await;
        let audit = Arc::clone(&self);
        let found = tokio::task::spawn_blocking(move || audit.shelf.search(&asked)).await;
        let unreadable = |error: anyhow::Error| AuditError::Unreadable(error.into());
        match found {
            Ok(found) => found.map_err(unreadable),
            Err(error) => Err(unreadable(error.into())),
        }
    }

    async fn write(
        self: &Arc<Self>,
        book: Option<Book>,
        questions: Vec<AuditedQuestion>,
    ) -> Option<Book> {
        let number: u64 = questions.iter().map(|question| question.times).sum();
        let audit = Arc::clone(self);
        let opened = tokio::task::spawn_blocking(move || audit.book(book)).await;
        let opened = opened.unwrap_or_else(|error| Err(error.into()));
        let (book, fault) = match opened {
            Err(error) => (None, Some(error)),
            Ok(book) => {
                let lost = self.lost.swap(0, Ordering::Relaxed);
                let asked = QuestionsAsked {
                    continues: None,
                    lost,
                    questions,
                };
                let written = book.log.append(vec![event(asked)]).await;
                // What cannot be written to is opened anew.
                match written {
                    Ok(_) => (Some(book), None),
                    Err(error) => (None, Some(error.into())),
                }
            }
        };
        match &fault {
            None => {
                self.written.fetch_add(number, Ordering::Relaxed);
            }
            Some(error) => {
                tracing::error!("{number} questions are not written down: {error:#}");
                self.lose(number);
            }
        }
        let fault = fault.map(|error| format!("{error:#}"));
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        book
    }

    /// The book to write to: the one that is open, unless it is full or old.
    fn book(&self, open: Option<Book>) -> anyhow::Result<Book> {
        let now = SystemClock.now();
        if let Some(book) = open {
            let age = now.unix_nanos().saturating_sub(book.began_at.unix_nanos());
            let is_old = i128::from(age) > i128::from(self.settings.age_ms) * 1_000_000 / 8;
            let is_full = self.settings.book_bytes <= self.shelf.bytes(book.number)?;
            if !is_old && !is_full {
                return Ok(book);
            }
            drop(book);
            let next = self.begin(now)?;
            let gone = self.shelf.let_go(next.number, &self.settings, now)?;
            if 0 < gone {
                tracing::info!("{gone} old books of what was asked are let go");
            }
            return Ok(next);
        }
        match self.shelf.newest()? {
            None => self.begin(now),
            Some(number) if self.settings.book_bytes <= self.shelf.bytes(number)? => {
                self.begin(now)
            }
            Some(number) => self.open(number, now),
        }
    }

    /// Begins the next book, with the digest of the one before.
    fn begin(&self, now: model::Timestamp) -> anyhow::Result<Book> {
        let before = self.shelf.newest()?;
        let continues = before.map(|number| self.shelf.digest(number)).transpose()?;
        let book = self.open(before.unwrap_or_default() + 1, now)?;
        if continues.is_some() {
            let asked = QuestionsAsked {
                continues,
                ..QuestionsAsked::default()
            };
            let appended = book.log.append(vec![event(asked)]);
            let runtime = tokio::runtime::Handle::current();
            runtime
                .block_on(appended)
                .context("could not begin a book of what was asked")?;
        }
        Ok(book)
    }

    fn open(&self, number: u64, now: model::Timestamp) -> anyhow::Result<Book> {
        let path = self.shelf.path(number);
        std::fs::create_dir_all(&path)
            .with_context(|| format!("could not make {}", path.display()))?;
        let config = SegmentConfig {
            segment_bytes: self.settings.book_bytes / 8,
            group_bytes: 1024 * 1024,
            group_delay: Duration::ZERO,
            queue_bytes: 16 * 1024 * 1024,
        };
        let log = SegmentLog::open(&path, config, Arc::new(SystemClock));
        let log = log.with_context(|| format!("could not open {}", path.display()))?;
        Ok(Book {
            number,
            began_at: self.shelf.began_at(number).unwrap_or(now),
            log,
        })
    }

    fn lose(&self, number: u64) {
        self.lost.fetch_add(number, Ordering::Relaxed);
        self.lost_total.fetch_add(number, Ordering::Relaxed);
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        self.log.close();
    }
}

/// The same questions, those that differ in nothing but their time as one.
fn gathered(batch: &[AuditedQuestion]) -> Vec<AuditedQuestion> {
    let mut gathered: Vec<AuditedQuestion> = Vec::new();
    for question in batch {
        let mut newest = gathered.iter_mut().rev().take(ALIKE_AMONG);
        match newest.find(|before| before.is_like(question)) {
            Some(before) => {
                before.times += question.times;
                before.took_us += question.took_us;
            }
            None => gathered.push(question.clone()),
        }
    }
    gathered
}

fn event(asked: QuestionsAsked) -> NewEvent {
    NewEvent {
        id: EventId {
            source: SourceName::new(SOURCE),
            delivery: RandomIds.fresh(),
        },
        occurred: Occurred::Received(SystemClock.now()),
        actor: Actor::default(),
        event: Event::QuestionsAsked(Box::new(asked)),
    }
}

#[cfg(test)]
mod tests {
    use model::QuestionKind;

    use super::*;

    fn asked(number: usize) -> AuditedQuestion {
        AuditedQuestion {
            at: SystemClock.now(),
            who: format!("tok_{}", RandomIds.fresh()),
            kind: QuestionKind::Query,
            operation: None,
            fields: vec!["items".to_owned()],
            hash: Some(RandomIds.fresh()),
            outcome: format!("OK {number}"),
            rows: 0,
            took_us: 7,
            times: 1,
        }
    }

    #[test]
    fn questions_that_differ_in_nothing_but_their_time_are_counted() {
        let (first, other) = (asked(1), asked(2));
        let later = AuditedQuestion {
            at: SystemClock.now(),
            took_us: 5,
            ..first.clone()
        };
        let gathered = gathered(&[first.clone(), other.clone(), later]);
        let counted = AuditedQuestion {
            times: 2,
            took_us: 12,
            ..first
        };
        assert_eq!(gathered, [counted, other]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn full_books_are_continued_and_the_oldest_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let settings = AuditSettings {
            bytes: 4 * 1024 * 1024,
            age_ms: 3_600_000,
            book_bytes: 1024 * 1024,
            every_ms: 1,
        };
        let audit = Audit::new(folder.path().join("audit"), &settings);
        let mut book = None;
        let mut number = 0;
        while book.as_ref().is_none_or(|book: &Book| book.number < 7) {
            let batch: Vec<_> = (number..number + BATCH).map(asked).collect();
            number += BATCH;
            book = audit.write(book, batch).await;
            assert_eq!(audit.fault(), None);
        }
        let last = AuditedQuestion {
            who: "tok_last".to_owned(),
            ..asked(number)
        };
        drop(audit.write(book, vec![last.clone()]).await);
        let books = audit.shelf.books().unwrap();
        assert!(
            (3..=5).contains(&books.len()) && books.last() == Some(&7),
            "{books:?}"
        );
        assert_eq!(audit.shelf.verify().unwrap().damages, Vec::<String>::new());

        let wanted = AuditQuestion {
            first: 2,
            ..AuditQuestion::default()
        };
        let newest = Audit::search(Arc::clone(&audit), wanted.clone())
            .await
            .unwrap();
        let before = newest.questions[1].clone();
        assert_eq!(newest.questions[0].1, last);
        assert_eq!(before.1.outcome, format!("OK {}", number - 1));
        let next = AuditQuestion {
            before: newest.more_before,
            ..wanted
        };
        let next = Audit::search(Arc::clone(&audit), next).await.unwrap();
        assert_eq!(next.questions[0].1.outcome, format!("OK {}", number - 2));

        // A book that somebody takes out, or another one puts in, shows.
        let taken = audit.shelf.path(6);
        std::fs::rename(&taken, folder.path().join("elsewhere")).unwrap();
        let damages = audit.shelf.verify().unwrap().damages;
        assert_eq!(damages, ["between book 5 and 7 some are missing"]);
        let other = Audit::new(folder.path().join("other"), &settings);
        drop(other.write(None, vec![last]).await);
        std::fs::rename(other.shelf.path(1), taken).unwrap();
        let damages = audit.shelf.verify().unwrap().damages;
        assert_eq!(
            damages,
            [
                "book 6 does not continue book 5",
                "book 7 does not continue book 6"
            ]
        );
    }
}
