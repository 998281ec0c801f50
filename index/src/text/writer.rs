//! Fills the full text behind the log.
//!
//! The log is the queue, as it is for the rest of the index. A commit carries the position it holds,
//! so what was not committed is read from the log again; what is damaged, ahead of the log or of
//! another log is thrown away and made anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use graph::Statement;
use model::{Change, ChangeId, Event, EventEnvelope, LogPosition};
use store::{EventLog, ReadLimit};
use tantivy::directory::MmapDirectory;
use tantivy::indexer::IndexWriterOptions;
use tantivy::{Index, IndexReader as Reader, IndexWriter, ReloadPolicy, TantivyDocument};
use tracing::{info, warn};

use super::beside::tokenizers;
use super::fields::{VERSION, schema};
use super::reader::{Shared, Snapshot, TextReader, failed};
use crate::reader::STATEMENTS_MAX;
use crate::writer::{stamp, stamp_at};
use crate::{CatchUp, IndexError, IndexReader};

/// One read of the log.
const READ: ReadLimit = ReadLimit {
    events: 2_048,
    bytes: 8 << 20,
};

/// A file that says that the folder was closed in order.
const CLOSED: &str = "closed";

/// How the full text is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextConfig {
    /// Memory for words that are not written yet; no less than 15 MB is used.
    pub writer_bytes: usize,
}

/// The full text, to be written by one owner.
pub struct TextIndex {
    folder: PathBuf,
    config: TextConfig,
    shared: Arc<Shared>,
    open: Option<Open>,
    is_of_this_log: bool,
}

/// Files that are open.
struct Open {
    writer: IndexWriter,
    reader: Reader,
    /// What is taken, committed or not.
    taken: Mark,
    /// Events that were taken since the last commit, and changes that were written for them.
    events: u64,
    changes: u64,
}

/// A position, and which event stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    position: LogPosition,
    stamp: [u8; 16],
}

impl Mark {
    const ZERO: Self = Self {
        position: LogPosition::ZERO,
        stamp: [0; 16],
    };

    fn written(self) -> String {
        let stamp = u128::from_be_bytes(self.stamp);
        format!("{VERSION} {} {stamp:032x}", self.position)
    }

    fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let version: u32 = words.next()?.parse().ok()?;
        let position: u64 = words.next()?.parse().ok()?;
        let stamp = u128::from_str_radix(words.next()?, 16).ok()?;
        (version == VERSION).then(|| Self {
            position: LogPosition::new(position),
            stamp: stamp.to_be_bytes(),
        })
    }
}

impl TextIndex {
    /// A full text in a folder. What lies there is opened, and checked, by the first [`TextIndex::step`].
    pub fn new(folder: impl Into<PathBuf>, config: TextConfig) -> Self {
        Self {
            folder: folder.into(),
            config,
            shared: Arc::new(Shared::new()),
            open: None,
            is_of_this_log: false,
        }
    }

    /// A handle for questions.
    pub fn reader(&self) -> TextReader {
        TextReader::new(Arc::clone(&self.shared))
    }

    /// How many events were taken and are not committed.
    pub fn uncommitted(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.events)
    }

    /// Takes what one read of the log gives and `bodies` holds; [`TextIndex::commit`] shows it to readers.
    pub fn step(
        &mut self,
        log: &dyn EventLog,
        bodies: &IndexReader,
    ) -> Result<CatchUp, IndexError> {
        let stepped = self.try_step(log, bodies);
        if stepped.is_err() {
            // Whatever was not committed is taken again by the next step.
            self.open = None;
        }
        stepped
    }

    fn try_step(
        &mut self,
        log: &dyn EventLog,
        bodies: &IndexReader,
    ) -> Result<CatchUp, IndexError> {
        self.check_log(log)?;
        let fields = self.shared.fields;
        let open = self.opened()?;
        let from = open.taken.position;
        let head = log.head().min(bodies.position());
        let mut reached = from;
        if from < head {
            let mut events = log.read(from, READ).map_err(IndexError::Log)?;
            events.retain(|event| event.position <= head);
            let last = events.last().map(|last| Mark {
                position: last.position,
                stamp: stamp(&last.id),
            });
            let events_count = events.len() as u64;
            for (id, said) in said_of_changes(events) {
                // Most changes are new here, so what the log has just given is all that there is to read.
                let mut statements = bodies.change_statements(id, from)?.statements;
                if !statements.is_empty() {
                    open.writer.delete_term(fields.document_of(id));
                }
                statements.extend(said);
                let too_many = statements.len().saturating_sub(STATEMENTS_MAX);
                statements.drain(..too_many);
                if let Some(document) = fields.document(&statements) {
                    open.writer.add_document(document).map_err(failed)?;
                    open.changes += 1;
                }
            }
            if let Some(last) = last {
                open.taken = last;
                open.events += events_count;
                reached = last.position;
            }
        }
        Ok(CatchUp {
            from,
            reached,
            head,
        })
    }

    /// Makes durable what was taken, and shows it to readers.
    pub fn commit(&mut self) -> Result<(), IndexError> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        if open.events == 0 {
            return Ok(());
        }
        let committed = open.commit();
        match committed {
            Ok(snapshot) => {
                self.shared.snapshot.store(Arc::new(snapshot));
                Ok(())
            }
            Err(error) => {
                self.open = None;
                Err(failed(error))
            }
        }
    }

    /// Commits and closes, so that the next start need not check every file.
    pub fn close(mut self) -> Result<(), IndexError> {
        self.commit()?;
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        open.writer.wait_merging_threads().map_err(failed)?;
        fs::write(self.folder.join(CLOSED), b"").map_err(IndexError::Folder)
    }

    fn opened(&mut self) -> Result<&mut Open, IndexError> {
        if self.open.is_none() {
            let open = self.open_or_make()?;
            let snapshot = open.snapshot();
            self.shared.snapshot.store(Arc::new(snapshot));
            self.open = Some(open);
        }
        Ok(self.open.as_mut().expect("it was opened just now"))
    }

    fn open_or_make(&self) -> Result<Open, IndexError> {
        match self.open_kept() {
            Ok(Some(open)) => Ok(open),
            Ok(None) => self.make(),
            Err(reason) => {
                warn!("the full text is thrown away and is made anew: {reason}");
                self.make()
            }
        }
    }

    /// What lies in the folder, if anything; an error says why it cannot be used.
    fn open_kept(&self) -> Result<Option<Open>, String> {
        let told = |error: &dyn std::fmt::Display| error.to_string();
        if !self.folder.join("meta.json").exists() {
            return Ok(None);
        }
        let index = Index::open_in_dir(&self.folder).map_err(|error| told(&error))?;
        let (_, wanted) = schema();
        if index.schema() != wanted {
            return Err("it has other fields".to_owned());
        }
        let meta = index.load_metas().map_err(|error| told(&error))?;
        let mark = meta.payload.as_deref().and_then(Mark::read);
        let mark = mark.ok_or("it does not say which position it holds")?;
        let closed = self.folder.join(CLOSED);
        if closed.exists() {
            fs::remove_file(&closed).map_err(|error| told(&error))?;
        } else {
            let damaged = index.validate_checksum().map_err(|error| told(&error))?;
            if let Some(file) = damaged.iter().next() {
                return Err(format!("{} is damaged", file.display()));
            }
            info!("the full text was not closed; its content was checked and kept");
        }
        let open = self.open_files(index, mark);
        open.map(Some).map_err(|error| told(&error))
    }

    fn make(&self) -> Result<Open, IndexError> {
        empty(&self.folder).map_err(IndexError::Folder)?;
        let (_, schema) = schema();
        let directory = MmapDirectory::open(&self.folder).map_err(|error| failed(error.into()))?;
        let index = Index::open_or_create(directory, schema).map_err(failed)?;
        self.open_files(index, Mark::ZERO).map_err(failed)
    }

    fn open_files(&self, mut index: Index, taken: Mark) -> tantivy::Result<Open> {
        index.set_tokenizers(tokenizers(&self.shared.segmenter));
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(self.config.writer_bytes.max(15_000_000))
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        let writer: IndexWriter<TantivyDocument> = index.writer_with_options(options)?;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(1)
            .try_into()?;
        Ok(Open {
            writer,
            reader,
            taken,
            events: 0,
            changes: 0,
        })
    }

    /// Throws the content away if this log cannot have given it.
    fn check_log(&mut self, log: &dyn EventLog) -> Result<(), IndexError> {
        if self.is_of_this_log {
            return Ok(());
        }
        let mark = self.opened()?.taken;
        let head = log.head();
        let at = mark.position;
        let reason = if head < at {
            Some(format!("it is at {at}, ahead of the log at {head}"))
        } else if mark.stamp != stamp_at(log, at)? {
            Some("it is of another log".to_owned())
        } else {
            None
        };
        if let Some(reason) = reason {
            warn!("the full text is thrown away and is made anew: {reason}");
            self.open = None;
            self.shared.snapshot.store(Arc::new(Snapshot {
                position: LogPosition::ZERO,
                searcher: None,
            }));
            empty(&self.folder).map_err(IndexError::Folder)?;
        }
        self.is_of_this_log = true;
        Ok(())
    }
}

impl Open {
    fn commit(&mut self) -> tantivy::Result<Snapshot> {
        // A log of spans moves on without any change; its position need not be durable at once.
        if 0 < self.changes || REST_EVENTS_MAX < self.events {
            let mut prepared = self.writer.prepare_commit()?;
            prepared.set_payload(&self.taken.written());
            prepared.commit()?;
            self.reader.reload()?;
            (self.events, self.changes) = (0, 0);
        }
        Ok(self.snapshot())
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            position: self.taken.position,
            searcher: Some(self.reader.searcher()),
        }
    }
}

/// After so many events without a change the position is made durable all the same.
const REST_EVENTS_MAX: u64 = 100_000;

/// What events say of changes: each change once, in the order in which they come up.
fn said_of_changes(events: Vec<EventEnvelope>) -> Vec<(ChangeId, Vec<Statement<Change>>)> {
    let mut places: BTreeMap<ChangeId, usize> = BTreeMap::new();
    let mut changes: Vec<(ChangeId, Vec<Statement<Change>>)> = Vec::new();
    for event in events {
        let Event::ChangeRecorded(change) = event.event else {
            continue;
        };
        let id = ChangeId::of(&change.reference());
        let place = *places.entry(id).or_insert(changes.len());
        if place == changes.len() {
            changes.push((id, Vec::new()));
        }
        if let Some((_, said)) = changes.get_mut(place) {
            said.push(Statement {
                occurred_at: event.occurred_at,
                tie: graph::tie_of(&event.id),
                position: event.position,
                said: *change,
            });
        }
    }
    changes
}

/// An empty folder, whatever was there.
fn empty(folder: &Path) -> std::io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)
}
