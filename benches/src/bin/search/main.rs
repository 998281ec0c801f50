//! Searching changes: what it takes to load them, and how long questions take, beside `SQLite` FTS5.
//!
//! Nine in ten changes have English texts of about 30 words, words by Zipf's law; one in ten is Chinese.
//! The peer holds the same texts and is asked for the same newest page, and for the same count.
//!
//! usage: `search [CHANGES] [--long]` (`--long`: 10 million), or `search CHANGES SECONDS`: loads as many as
//! fit into that time, without the peer.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    reason = "a benchmark makes its own input and prints its result"
)]

mod changes;
mod peer;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::{Files, Random, Row, anonymous_bytes, quantile};
use changes::{CHINESE, ENVIRONMENTS, KINDS, envelope, event, moment, pick, word};
use graph::{
    ChangeConditions, ChangeGroupBy, ChangeGrouping, ChangeList, ChangeOrder, ChangeOrderBy,
    ChangePageWanted, ChangeSelection, Estate, GraphView, Projection, PuttingAway,
};
use index::{Index, TextConfig, TextIndex, TextQuestion};
use model::{Clock, NewEvent, SpanLength, Timestamp};
use rusqlite::Connection;
use store::{EventLog, KeyValueConfig, SegmentConfig, SegmentLog};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const CHUNK: u64 = 2_048;
const YEAR_SECONDS: u64 = 365 * 86_400;
const QUESTIONS: usize = 200;
const PAGE: usize = 20;
const COUNT_MANY: usize = 15;

struct Millis;

impl Clock for Millis {
    fn now(&self) -> Timestamp {
        moment(YEAR_SECONDS)
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let long = arguments.iter().any(|argument| argument == "--long");
    let numbers = arguments
        .iter()
        .filter_map(|argument| argument.parse().ok());
    let numbers: Vec<u64> = numbers.collect();
    let usual = if long { 10_000_000 } else { 200_000 };
    let changes = numbers.first().copied().unwrap_or(usual);
    println!("# {changes} changes");
    let time = numbers.get(1).copied().map(Duration::from_secs);
    let folder = TempDir::new().expect("a temporary folder");
    let (filled, loaded) = Filled::load(folder.path(), changes, time);
    let view = fold(changes, loaded, folder.path());
    Asked {
        view,
        filled,
        changes: loaded,
    }
    .ask_all();
}

/// Folds all changes as a server does, putting those of more than 30 days ago on pages, and says what one takes
/// in memory.
fn fold(changes: u64, loaded: u64, folder: &Path) -> Arc<GraphView> {
    let files = Files::open(&folder.join("pages"));
    let before = anonymous_bytes();
    let started = Instant::now();
    let mut estate = Estate::default();
    estate.put_away_closed(PuttingAway::after(30 * 86_400_000), &files.pages());
    for position in 1..=loaded {
        files.take(&mut estate, &envelope(position, changes));
        if position % 4_096 == 0 {
            estate.publish();
        }
    }
    let view = estate.publish();
    let took = started.elapsed().as_secs_f64();
    Row::new("search, changes folded a second", loaded as f64 / took).print();
    let bytes = (anonymous_bytes() - before) / loaded as f64;
    Row::new("search, bytes in memory a change", bytes).print();
    let here = view.change_rows_here() as f64;
    Row::new("search, changes with a row in memory", here).print();
    let pages = size_of(&folder.join("pages")) / loaded as f64;
    Row::new("search, bytes on pages a change", pages).print();
    view
}

fn print_sizes(folder: &Path, changes: u64, has_peer: bool) {
    let size = |name: &str| size_of(&folder.join(name)) / changes as f64;
    let texts = Row::new("search, bytes on disk a change, full text", size("texts"));
    let texts = match has_peer {
        true => texts.against("SQLite FTS5, English only", size("peer.sqlite")),
        false => texts,
    };
    texts
        .against("bodies in sled", size("index"))
        .against("log", size("log"))
        .print();
}

/// Everything on the disk.
struct Filled {
    texts: TextIndex,
    _index: Index,
    peer: Option<Connection>,
}

/// Everything on the disk while it is filled, and how long each part took.
struct Filling {
    log: SegmentLog,
    index: Index,
    texts: TextIndex,
    peer: Option<Connection>,
    bodies_took: Duration,
    texts_took: Duration,
    peer_took: Duration,
}

impl Filling {
    fn begin(folder: &Path) -> Self {
        let config = SegmentConfig {
            segment_bytes: 64 << 20,
            group_bytes: 4 << 20,
            group_delay: Duration::ZERO,
            queue_bytes: 64 << 20,
        };
        let log = SegmentLog::open(&folder.join("log"), config, Arc::new(Millis));
        let config = KeyValueConfig {
            cache_bytes: 64 << 20,
            inline_bytes_max: 4 << 10,
            flush_every_bytes: 8 << 20,
        };
        let config_of_texts = TextConfig {
            writer_bytes: 64 << 20,
        };
        Self {
            log: log.expect("a log"),
            index: Index::open(folder.join("index"), config).expect("an index"),
            texts: TextIndex::new(folder.join("texts"), config_of_texts),
            peer: Some(peer::open(&folder.join("peer.sqlite"))),
            bodies_took: Duration::ZERO,
            texts_took: Duration::ZERO,
            peer_took: Duration::ZERO,
        }
    }

    fn take(&mut self, runtime: &Runtime, events: Vec<NewEvent>) {
        let rows: Vec<_> = events.iter().map(peer::row).collect();
        let appended = runtime.block_on(self.log.append(events));
        appended.expect("the log takes it");
        let started = Instant::now();
        let caught_up = self.index.catch_up(&self.log, &mut |_| {});
        caught_up.expect("the index takes it");
        self.bodies_took += started.elapsed();
        let started = Instant::now();
        let reader = self.index.reader();
        loop {
            let step = self.texts.step(&self.log, &reader).expect("a step");
            if self.log.head() <= step.reached {
                break;
            }
        }
        if 200_000 <= self.texts.uncommitted() {
            self.texts.commit().expect("a commit");
        }
        self.texts_took += started.elapsed();
        if let Some(peer) = &self.peer {
            let started = Instant::now();
            peer::insert(peer, &rows);
            self.peer_took += started.elapsed();
        }
    }

    /// Loads while it goes on; says how many, and how many bytes more were in memory at most.
    fn load(&mut self, changes: u64, goes_on: &dyn Fn() -> bool) -> (u64, f64) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let (mut next, mut highest) = (1, 0.0_f64);
        let before = anonymous_bytes();
        while next <= changes && goes_on() {
            let until = changes.min(next + CHUNK - 1);
            let events = (next..=until).map(|it| event(it, changes));
            self.take(&runtime, events.collect());
            let more = anonymous_bytes() - before;
            highest = highest.max(more);
            if until % 524_288 < CHUNK {
                println!("# {until} loaded, {:.0} MB more in memory", more / 1e6);
            }
            next = until + 1;
        }
        (next - 1, highest)
    }

    fn commit(&mut self) {
        let started = Instant::now();
        self.texts.commit().expect("a commit");
        self.texts_took += started.elapsed();
    }
}

impl Filled {
    /// Loads all, or as many as fit into a time and then without the peer; says how many.
    fn load(folder: &Path, changes: u64, time: Option<Duration>) -> (Self, u64) {
        let mut filling = Filling::begin(folder);
        if time.is_some() {
            filling.peer = None;
        }
        let started = Instant::now();
        let goes_on = || time.is_none_or(|time| started.elapsed() < time);
        let (loaded, highest) = filling.load(changes, &goes_on);
        filling.commit();
        let took = started.elapsed().as_secs_f64();
        Row::new("search, changes loaded", loaded as f64).print();
        let everything = "search, changes loaded a second, log, bodies and full text";
        Row::new(everything, loaded as f64 / took).print();
        let a_second = |took: Duration| loaded as f64 / took.as_secs_f64();
        let texts = a_second(filling.texts_took);
        let texts = Row::new("search, changes a second into the full text", texts);
        let texts = match &filling.peer {
            Some(_) => texts.against("SQLite FTS5, English only", a_second(filling.peer_took)),
            None => texts,
        };
        texts
            .against("bodies in sled", a_second(filling.bodies_took))
            .print();
        Row::new("search, MB in memory while loading, at most", highest / 1e6).print();
        print_sizes(folder, loaded, filling.peer.is_some());
        filling.log.close();
        let filled = Self {
            texts: filling.texts,
            _index: filling.index,
            peer: filling.peer,
        };
        (filled, loaded)
    }
}

/// What is asked, and whom.
struct Asked {
    view: Arc<GraphView>,
    filled: Filled,
    changes: u64,
}

impl Asked {
    fn ask_all(&self) {
        self.text("a word", &mut |random| (word(random), None));
        self.text("two words", &mut |random| {
            let text = format!("{} {}", word(random), word(random));
            (text.clone(), Some(text.replace(' ', " AND ")))
        });
        self.text("a phrase", &mut |random| {
            let text = format!("\"{} {}\"", word(random), word(random));
            (text.clone(), Some(text))
        });
        self.text("a prefix", &mut |random| {
            let text = format!("w{}*", 100 + random.below(900));
            (text.clone(), Some(text))
        });
        self.text("Chinese", &mut |random| {
            let two = |random: &mut Random| CHINESE.get(random.below(CHINESE.len())).copied();
            let text = [two(random), two(random)].map(Option::unwrap_or_default);
            (text.concat(), None)
        });
        self.own("by relevance", &mut |random| {
            self.listed(Some((&word(random), true)), ChangeConditions::default())
        });
        self.own("filter, newest page", &mut |random| {
            self.listed(None, some_conditions(random))
        });
        self.own("filter, count", &mut |random| {
            ChangeSelection::new(&self.view, some_conditions(random)).count(&self.view)
        });
        self.own("filter of three days, count", &mut |random| {
            let from = random.below(YEAR_SECONDS as usize - 3 * 86_400) as u64;
            let conditions = ChangeConditions {
                from: Some(moment(from)),
                until: Some(moment(from + 3 * 86_400)),
                ..some_conditions(random)
            };
            ChangeSelection::new(&self.view, conditions).count(&self.view)
        });
        self.own("text and filter, newest page and count", &mut |random| {
            self.listed(Some((&word(random), false)), some_conditions(random))
        });
        self.own("grouped by kind and status", &mut |_| {
            self.grouped(vec![ChangeGroupBy::Kind, ChangeGroupBy::Status], Vec::new())
        });
        let days = SpanLength::Day.moments("Asia/Shanghai", moment(0), moment(YEAR_SECONDS), 1_000);
        let days = days.expect("a year has fewer days");
        self.own("grouped by environment and day", &mut |_| {
            self.grouped(vec![ChangeGroupBy::Environment], days.clone())
        });
    }

    /// The newest page of what holds a text, and how many there are; the peer is asked the same.
    fn text(&self, name: &str, query: &mut dyn FnMut(&mut Random) -> (String, Option<String>)) {
        let mut random = Random::new(5);
        let (mut ours, mut theirs, mut differ) = (Vec::new(), Vec::new(), 0);
        for _ in 0..QUESTIONS {
            let (text, peer) = query(&mut random);
            let started = Instant::now();
            let count = self.listed(Some((&text, false)), ChangeConditions::default());
            ours.push(started.elapsed().as_secs_f64() * 1e3);
            let peer = peer.or_else(|| text.is_ascii().then_some(text));
            if let Some((peer, asked)) = peer.zip(self.filled.peer.as_ref()) {
                let started = Instant::now();
                let found = peer::ask(asked, &peer);
                theirs.push(started.elapsed().as_secs_f64() * 1e3);
                differ += u32::from(found != count);
            }
        }
        for (what, share) in [("p50", 0.5), ("p99", 0.99)] {
            let row = Row::new(
                &format!("search, {name}, page and count, ms ({what})"),
                quantile(&mut ours, share),
            );
            let row = if theirs.is_empty() {
                row
            } else {
                row.against("SQLite FTS5", quantile(&mut theirs, share))
            };
            row.print();
        }
        println!("# {differ} counts differ from those of the peer");
    }

    fn own(&self, name: &str, question: &mut dyn FnMut(&mut Random) -> usize) {
        let mut random = Random::new(9);
        let questions = if 1_000_000 < self.changes {
            COUNT_MANY * 4
        } else {
            QUESTIONS
        };
        let mut took = Vec::new();
        for _ in 0..questions {
            let started = Instant::now();
            std::hint::black_box(question(&mut random));
            took.push(started.elapsed().as_secs_f64() * 1e3);
        }
        for (what, share) in [("p50", 0.5), ("p99", 0.99)] {
            let figure = quantile(&mut took, share);
            Row::new(&format!("search, {name}, ms ({what})"), figure).print();
        }
    }

    /// Cuts the first page of a list and counts it, if texts are asked; else cuts the page alone.
    fn listed(&self, text: Option<(&str, bool)>, mut conditions: ChangeConditions) -> usize {
        let mut scores = Vec::new();
        let mut by = ChangeOrderBy::Start;
        if let Some((text, scored)) = text {
            let question = TextQuestion {
                query: Some(text.parse().expect("a query")),
                scored,
                ..TextQuestion::default()
            };
            let state = self.filled.texts.reader().state();
            let found = state.find(&question, &self.view, &[]).expect("an answer");
            conditions.among.push(Arc::new(found.changes));
            if scored {
                by = ChangeOrderBy::Relevance;
                scores = found.scores;
            }
        }
        let selection = ChangeSelection::new(&self.view, conditions);
        let list = ChangeList {
            view: &self.view,
            selection: &selection,
            order: ChangeOrder {
                by,
                ascending: false,
            },
            scores: &scores,
        };
        let page = list.page(&ChangePageWanted {
            after: None,
            before: None,
            size: PAGE,
            backward: false,
        });
        if text.is_none() {
            return page.entries.len();
        }
        selection.count(&self.view)
    }

    fn grouped(&self, by: Vec<ChangeGroupBy>, moments: Vec<Timestamp>) -> usize {
        let grouping = ChangeGrouping {
            by,
            moments,
            at: moment(YEAR_SECONDS),
        };
        let all = ChangeSelection::new(&self.view, ChangeConditions::default());
        all.grouped(&self.view, &grouping).groups.len()
    }
}

fn some_conditions(random: &mut Random) -> ChangeConditions {
    ChangeConditions {
        kinds: vec![pick(random, &KINDS)],
        environments: vec![pick(random, &ENVIRONMENTS)],
        ..ChangeConditions::default()
    }
}

fn size_of(path: &Path) -> f64 {
    if path.is_file() {
        return std::fs::metadata(path).map_or(0.0, |data| data.len() as f64);
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| size_of(&entry.path())).sum()
}
