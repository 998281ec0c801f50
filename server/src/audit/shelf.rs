//! The books of what was asked, as folders: `000001`, `000002` and so on.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use api::{AuditPage, AuditPlace, AuditQuestion};
use model::{AuditedQuestion, LogPosition, QuestionsAsked, Timestamp};
use serde::Deserialize;

use crate::config::AuditSettings;

/// How many books one question looks through.
const BOOKS_AT_ONCE: usize = 4;

/// The folder of all books.
pub(crate) struct Shelf(PathBuf);

/// One entry of a book, as it is exported.
#[derive(Deserialize)]
struct Line {
    position: LogPosition,
    payload: QuestionsAsked,
}

/// Whether all books are as they were written.
#[derive(Default)]
pub(crate) struct Sound {
    /// How many books there are.
    pub(crate) books: usize,
    /// How many entries they have.
    pub(crate) entries: u64,
    /// What is not as it was written.
    pub(crate) damages: Vec<String>,
}

impl Shelf {
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    pub(crate) fn path(&self, number: u64) -> PathBuf {
        self.0.join(format!("{number:06}"))
    }

    /// The numbers of all books, the oldest first.
    pub(crate) fn books(&self) -> anyhow::Result<Vec<u64>> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                return Err(error).with_context(|| format!("could not read {}", self.0.display()));
            }
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            numbers.extend(name.to_str().and_then(|name| name.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    pub(super) fn newest(&self) -> anyhow::Result<Option<u64>> {
        Ok(self.books()?.last().copied())
    }

    /// How large a book is on the disk.
    pub(super) fn bytes(&self, number: u64) -> anyhow::Result<u64> {
        folder_bytes(&self.path(number))
    }

    /// When a book was begun.
    pub(super) fn began_at(&self, number: u64) -> Option<Timestamp> {
        let made = fs::metadata(self.path(number)).ok()?;
        let made = made.created().or_else(|_| made.modified()).ok()?;
        let since = made.duration_since(std::time::UNIX_EPOCH).ok()?;
        let nanos = i64::try_from(since.as_nanos()).ok()?;
        Some(Timestamp::from_unix_nanos(nanos))
    }

    /// What stands for everything in a book.
    pub(super) fn digest(&self, number: u64) -> anyhow::Result<String> {
        let report = store::verify(&self.path(number), &mut |_| {})?;
        Ok(report
            .digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }

    /// Lets go of the oldest books, while all are too large or they are too old; says how many.
    pub(super) fn let_go(
        &self,
        newest: u64,
        settings: &AuditSettings,
        now: Timestamp,
    ) -> anyhow::Result<usize> {
        let mut gone = 0;
        let books = self.books()?;
        let mut sizes = Vec::with_capacity(books.len());
        for number in &books {
            sizes.push(self.bytes(*number)?);
        }
        let mut total: u64 = sizes.iter().sum();
        for (number, size) in books.iter().zip(sizes) {
            // The last change of a book is when the next one was begun.
            let ended = books.iter().find(|next| number < *next);
            let ended = ended.and_then(|next| self.began_at(*next)).unwrap_or(now);
            let age = now.unix_nanos().saturating_sub(ended.unix_nanos());
            let is_old = i128::from(age) > i128::from(settings.age_ms) * 1_000_000;
            if *number == newest || (total <= settings.bytes && !is_old) {
                break;
            }
            let path = self.path(*number);
            fs::remove_dir_all(&path)
                .with_context(|| format!("could not remove {}", path.display()))?;
            total -= size;
            gone += 1;
        }
        Ok(gone)
    }

    /// Looks through books, the newest first.
    pub(super) fn search(&self, asked: &AuditQuestion) -> anyhow::Result<AuditPage> {
        let mut page = AuditPage::default();
        let mut books = self.books()?;
        books.retain(|book| asked.before.is_none_or(|place| *book <= place.book));
        for (looked, book) in books.iter().rev().enumerate() {
            if looked == BOOKS_AT_ONCE {
                page.more_before = Some(AuditPlace {
                    book: book + 1,
                    entry: 0,
                    question: 0,
                });
                return Ok(page);
            }
            let room = asked.first - page.questions.len();
            // One more than there is room for tells that there are more.
            let mut found: VecDeque<(AuditPlace, AuditedQuestion)> = VecDeque::new();
            let mut lost = 0;
            each(
                &self.path(*book),
                *book,
                &mut |place, question| {
                    let is_meant =
                        asked.before.is_none_or(|before| place < before) && fits(asked, &question);
                    if is_meant {
                        found.push_back((place, question));
                        if room + 1 < found.len() {
                            found.pop_front();
                        }
                    }
                },
                &mut lost,
            )?;
            page.lost += lost;
            let more = (room < found.len()).then(|| found.pop_front()).flatten();
            page.questions.extend(found.into_iter().rev());
            if more.is_some() {
                page.more_before = page.questions.last().map(|(place, _)| *place);
                return Ok(page);
            }
        }
        Ok(page)
    }

    /// Reads every byte of every book and checks it, and that each begins with the digest of the one before.
    pub(crate) fn verify(&self) -> anyhow::Result<Sound> {
        let mut sound = Sound::default();
        let mut before: Option<(u64, String)> = None;
        for book in self.books()? {
            let path = self.path(book);
            let report = store::verify(&path, &mut |_| {})?;
            sound.books += 1;
            sound.entries += report.records;
            let damages = report.damages.iter();
            sound
                .damages
                .extend(damages.map(|damage| format!("book {book}: {damage}")));
            if let Some((number, digest)) = before {
                let first = first_of(&path)?.and_then(|first| first.continues);
                if number + 1 != book {
                    sound
                        .damages
                        .push(format!("between book {number} and {book} some are missing"));
                } else if first.as_ref() != Some(&digest) {
                    sound
                        .damages
                        .push(format!("book {book} does not continue book {number}"));
                }
            }
            let digest = report
                .digest
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            before = Some((book, digest));
        }
        Ok(sound)
    }
}

/// Shows every question of a book, in the order in which they were written, and adds up how many were lost.
pub(crate) fn each(
    path: &Path,
    book: u64,
    take: &mut dyn FnMut(AuditPlace, AuditedQuestion),
    lost: &mut u64,
) -> anyhow::Result<()> {
    lines(path, &mut |line| {
        *lost += line.payload.lost;
        for (question, asked) in (0..).zip(line.payload.questions) {
            let place = AuditPlace {
                book,
                entry: line.position.number(),
                question,
            };
            take(place, asked);
        }
    })
}

fn first_of(path: &Path) -> anyhow::Result<Option<QuestionsAsked>> {
    let mut first = None;
    lines(path, &mut |line| {
        first.get_or_insert(line.payload);
    })?;
    Ok(first)
}

fn lines(path: &Path, take: &mut dyn FnMut(Line)) -> anyhow::Result<()> {
    let mut lines = Lines {
        begun: Vec::new(),
        take,
    };
    store::export(path, LogPosition::new(0), None, &mut lines, &mut |_| {})
        .with_context(|| format!("could not read {}", path.display()))?;
    Ok(())
}

/// Reads lines while they are written.
struct Lines<'a> {
    begun: Vec<u8>,
    take: &'a mut dyn FnMut(Line),
}

impl Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            if *byte != b'\n' {
                self.begun.push(*byte);
                continue;
            }
            let line = serde_json::from_slice(&self.begun)?;
            self.begun.clear();
            (self.take)(line);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn fits(asked: &AuditQuestion, question: &AuditedQuestion) -> bool {
    let is = |wanted: &Option<String>, text: &str| wanted.as_ref().is_none_or(|it| it == text);
    let field = asked.field.as_ref();
    is(&asked.who, &question.who)
        && is(&asked.outcome, &question.outcome)
        && asked.kind.is_none_or(|kind| kind == question.kind)
        && field.is_none_or(|field| question.fields.contains(field))
        && asked.since.is_none_or(|since| since <= question.at)
        && asked.until.is_none_or(|until| question.at < until)
}

/// What the files of a folder have. Files come and go while a book is written.
fn folder_bytes(path: &Path) -> anyhow::Result<u64> {
    let entries = fs::read_dir(path);
    let entries = entries.with_context(|| format!("could not read {}", path.display()))?;
    let mut total = 0;
    for entry in entries {
        match entry?.metadata() {
            Ok(meta) => total += meta.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("could not read {}", path.display()));
            }
        }
    }
    Ok(total)
}
