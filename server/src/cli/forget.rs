//! `epicenter forget`: makes a name unreadable wherever it was sealed, by destroying the key that opens it.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use model::{
    Actor, ActorKind, Clock, Event, EventEnvelope, EventId, LogPosition, NewEvent, Occurred,
    PersonForgotten, SourceName,
};
use store::{EventLog, ReadLimit, SegmentLog};

use super::serve::runtime;
use super::{SettingFlags, print, progress};
use crate::audit::{Shelf, each};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::data_dir::{DataDir, audit_folder, quarantine_folder};
use crate::parts::{open_persons, open_segments};
use crate::persons::{PersonId, Persons, PersonsLog, SealedName};

/// The source of what is written.
const SOURCE: &str = "epicenter.privacy";
/// So many places are named; all are counted.
const PLACES_MAX: usize = 5;
/// Read from the log at once.
const LIMIT: ReadLimit = ReadLimit {
    events: 4096,
    bytes: 4 * 1024 * 1024,
};

/// Destroy the key that opens a person's name; where it was sealed nobody can read it any more
#[derive(Debug, clap::Args)]
pub(crate) struct ForgetFlags {
    /// The name, letter by letter as its source sent it
    name: String,
    /// Do it; without, it is only said what would be done
    #[arg(long)]
    yes: bool,
    /// Who decided it, for the log
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    #[command(flatten)]
    settings: SettingFlags,
}

/// A stopped server's folder, with its log as it lies there.
struct Stopped {
    settings: Settings,
    raw: Arc<SegmentLog>,
    persons: Arc<Persons>,
    data_dir: DataDir,
}

/// Where a name stands.
#[derive(Default)]
struct Found {
    sealed: u64,
    plain: u64,
    plain_at: Vec<LogPosition>,
    elsewhere: u64,
    elsewhere_at: Vec<LogPosition>,
    quarantined: Vec<std::path::PathBuf>,
    asked: u64,
}

/// Says where a name stands, and forgets whose it is.
pub(super) fn forget(flags: &ForgetFlags) -> anyhow::Result<()> {
    if flags.name.is_empty() {
        bail!("NAME is empty");
    }
    let stopped = Stopped::open(&flags.settings)?;
    let sealed = stopped.persons.sealed_name(&flags.name);
    let found = stopped.find(&flags.name, sealed.as_ref())?;
    print(&found.said(&flags.name, sealed.as_ref()))?;
    let Some(sealed) = sealed else {
        bail!(
            "{:?} has no key here: there is nothing to forget",
            flags.name
        );
    };
    if !flags.yes {
        return print("nothing was done; --yes does it\n");
    }
    stopped.forget(&flags.name, sealed.id, flags.by.as_deref(), &found)?;
    print(&format!(
        "forgotten; whoever was named so is {} from now on\n",
        sealed.id.placeholder()
    ))?;
    match found.plain {
        0 => Ok(()),
        plain => bail!("{plain} events tell the name in the clear, and keep it"),
    }
}

impl Stopped {
    fn open(flags: &SettingFlags) -> anyhow::Result<Self> {
        let settings = flags.settings()?;
        if !settings.data_dir.is_dir() {
            bail!("there is no data folder {}", settings.data_dir.display());
        }
        let data_dir = DataDir::take(&settings.data_dir)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let Some(raw) = open_segments(&settings, &data_dir, &clock)? else {
            bail!("a log in memory is forgotten when its server stops");
        };
        let persons = open_persons(&settings, data_dir.path())?;
        Ok(Self {
            settings,
            raw,
            persons,
            data_dir,
        })
    }

    fn find(&self, name: &str, sealed: Option<&SealedName>) -> anyhow::Result<Found> {
        let mut found = Found::default();
        let letters = Letters::of(name);
        let head = self.raw.head();
        let bar = progress::events(head.number(), "looking");
        let mut position = LogPosition::ZERO;
        while position < head {
            let events = self.raw.read(position, LIMIT);
            for envelope in events.context("the log could not be read")? {
                position = envelope.position;
                found.look(envelope, name, sealed, &letters);
            }
            bar.set_position(position.number());
        }
        bar.finish_and_clear();
        let quarantine = quarantine_folder(&self.settings.data_dir);
        found.quarantined = holding(&quarantine, &letters)?;
        let shelf = Shelf::new(audit_folder(&self.settings.data_dir));
        for book in shelf.books()? {
            let mut count = |_, question: model::AuditedQuestion| {
                found.asked += u64::from(question.who.contains(name));
            };
            each(&shelf.path(book), book, &mut count, &mut 0)?;
        }
        Ok(found)
    }

    /// The key goes last, so that whatever stops this, doing it again finishes it.
    fn forget(
        &self,
        name: &str,
        id: PersonId,
        by: Option<&str>,
        found: &Found,
    ) -> anyhow::Result<()> {
        let raw = Arc::clone(&self.raw) as Arc<dyn EventLog>;
        let log = PersonsLog::new(raw, Arc::clone(&self.persons));
        let written = runtime()?.block_on(async { log.append(vec![forgotten(id, by)]).await });
        written.context("that somebody is forgotten could not be written into the log")?;
        self.raw.close();
        for folder in self.data_dir.made_from_the_log() {
            let removed = fs::remove_dir_all(&folder);
            gone(removed).with_context(|| format!("could not remove {}", folder.display()))?;
        }
        for path in &found.quarantined {
            let removed = fs::remove_file(path);
            gone(removed).with_context(|| format!("could not remove {}", path.display()))?;
        }
        let quarantine = quarantine_folder(self.data_dir.path());
        for folder in [self.data_dir.path(), &quarantine] {
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            gone(synced).with_context(|| format!("could not sync {}", folder.display()))?;
        }
        self.persons
            .destroy(name)
            .context("the key could not be destroyed")
    }
}

/// That the key is destroyed, as the log tells it. Said again, it is the same event.
fn forgotten(id: PersonId, by: Option<&str>) -> NewEvent {
    let person = id.to_string();
    NewEvent {
        id: EventId {
            source: SourceName::new(SOURCE),
            delivery: format!("forgotten:{person}"),
        },
        occurred: Occurred::Received(SystemClock.now()),
        actor: Actor {
            kind: by.map_or(ActorKind::Unknown, |_| ActorKind::Human),
            name: by.map(str::to_owned),
        },
        event: Event::PersonForgotten(PersonForgotten { person }),
    }
}

/// What is not there need not be removed.
fn gone(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// A name as JSON may write it, without its quotes.
struct Letters([String; 2]);

impl Letters {
    fn of(name: &str) -> Self {
        let quoted = serde_json::to_string(name).expect("a text is JSON");
        let quoted = quoted
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        let quoted = quoted.expect("JSON puts a text between quotes").to_owned();
        let mut ascii = String::new();
        for letter in quoted.chars() {
            if letter.is_ascii() {
                ascii.push(letter);
                continue;
            }
            for half in letter.encode_utf16(&mut [0; 2]) {
                write!(ascii, "\\u{half:04x}").expect("a text takes what is written");
            }
        }
        Self([quoted, ascii])
    }

    fn are_in(&self, bytes: &[u8]) -> bool {
        self.0.iter().any(|letters| {
            let mut windows = bytes.windows(letters.len());
            windows.any(|window| window.eq_ignore_ascii_case(letters.as_bytes()))
        })
    }
}

/// The files of a folder that hold some letters.
fn holding(folder: &Path, letters: &Letters) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let mut holding = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(holding),
        entries => entries.with_context(|| format!("could not list {}", folder.display()))?,
    };
    for entry in entries {
        let path = entry?.path();
        let bytes =
            fs::read(&path).with_context(|| format!("could not read {}", path.display()))?;
        if letters.are_in(&bytes) {
            holding.push(path);
        }
    }
    holding.sort();
    Ok(holding)
}

impl Found {
    fn look(
        &mut self,
        mut envelope: EventEnvelope,
        name: &str,
        sealed: Option<&SealedName>,
        letters: &Letters,
    ) {
        let (mut is_sealed, mut is_plain) = (false, false);
        envelope.each_person(&mut |text| {
            is_sealed |= sealed.is_some_and(|sealed| sealed.text == *text);
            is_plain |= text == name;
            text.clear();
        });
        let position = envelope.position;
        let rest = serde_json::to_vec(&envelope).expect("an event has string keys only");
        self.sealed += u64::from(is_sealed);
        if is_plain {
            self.plain += 1;
            self.plain_at.push(position);
            self.plain_at.truncate(PLACES_MAX);
        }
        if letters.are_in(&rest) {
            self.elsewhere += 1;
            self.elsewhere_at.push(position);
            self.elsewhere_at.truncate(PLACES_MAX);
        }
    }

    fn said(&self, name: &str, sealed: Option<&SealedName>) -> String {
        let mut said = match sealed {
            None => format!("{name:?} has no key\n"),
            Some(sealed) => format!(
                "{name:?} is person {}, sealed in {} events: that can be forgotten\n",
                sealed.id, self.sealed
            ),
        };
        let mut line = |number: u64, what: &str| {
            if 0 < number {
                said.push_str(&format!("{number} {what}\n"));
            }
        };
        line(
            self.plain,
            &format!(
                "events tell the name in the clear, from before names were sealed, and keep it: positions {}",
                places(&self.plain_at, self.plain)
            ),
        );
        line(
            self.elsewhere,
            &format!(
                "events hold these letters in other fields, and keep them: positions {}",
                places(&self.elsewhere_at, self.elsewhere)
            ),
        );
        let quarantined = u64::try_from(self.quarantined.len()).unwrap_or(u64::MAX);
        line(
            quarantined,
            "bodies of the quarantine hold these letters, and would be removed",
        );
        line(
            self.asked,
            "entries of the log of questions are of somebody whose credential holds these letters; they go with their book",
        );
        said
    }
}

fn places(first: &[LogPosition], all: u64) -> String {
    let listed: Vec<String> = first.iter().map(ToString::to_string).collect();
    let more = if u64::try_from(first.len()).unwrap_or(u64::MAX) < all {
        ", …"
    } else {
        ""
    };
    format!("{}{more}", listed.join(", "))
}
