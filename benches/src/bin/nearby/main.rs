//! `changes_nearby` over a large estate and a long history of changes, beside its limits and databases.
//!
//! The estate: every item needs five others near by, one in fifty of them a hub. The history: a year
//! of changes, spread evenly over items and time, asked at its end, and at moments one to eleven months before,
//! with a lookback of three days.
//! Fifty freezes hold what as many items need, up to three relations away; a gate asks whether a change may run.
//!
//! The databases answer a plainer question: see `by_hand.rs`.
//!
//! usage: `nearby [ITEMS [CHANGES]]`; `benches/peers/setup` brings what the databases need

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark makes its own input and prints its result"
)]

mod by_hand;

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use benches::{Files, Random, Row, anonymous_bytes, quantile};
use graph::{
    AskedChange, Estate, GraphView, MayLimits, NearbyLimits, NearbyQuestion, Projection,
    PuttingAway, changes_nearby, may_change,
};
use model::{
    Actor, AsOf, Change, CiId, Event, EventEnvelope, EventId, KeyParts, LogPosition, Lookback,
    ObservedRelation, RelationKind, SourceKey, SourceName, SourceRef, Timestamp,
};

use by_hand::{Peers, Plain};

const RELATIONS_PER_ITEM: usize = 5;
const QUESTIONS: usize = 300;
/// Of so many questions the databases get one.
const PROGRAMS_EVERY: usize = 5;
const DAY_SECONDS: usize = 86_400;
const YEAR_SECONDS: usize = 365 * DAY_SECONDS;
const LOOKBACK_SECONDS: usize = 3 * DAY_SECONDS;
const LIMITS: NearbyLimits = NearbyLimits {
    first: 20,
    considered_max: 2_000,
    looked_at_max: 100_000,
    visited_max: 10_000,
};

const FREEZES: usize = 50;
const MAY_LIMITS: MayLimits = MayLimits {
    visited_max: 50_000,
    changes_max: 200,
};

const VERBS: [&str; 6] = [
    "raise limits of",
    "roll out",
    "patch",
    "reconfigure",
    "move",
    "rename",
];

fn main() {
    let argument = |place: usize, usual: usize| {
        let text = std::env::args().nth(place);
        text.map_or(usual, |text| {
            text.parse().expect("the arguments are numbers")
        })
    };
    let (items, changes) = (argument(1, 100_000), argument(2, 500_000));
    let pages = tempfile::tempdir().expect("a temporary folder");
    let before = anonymous_bytes();
    let mut history = History::of(changes);
    let view = estate(items, &mut history, pages.path());
    println!(
        "# {items} items, {changes} changes in a year, {} of them with a row in memory, {:.0} MB",
        view.change_rows_here(),
        (anonymous_bytes() - before) / 1e6
    );
    ask_gate(&view, items);
    let mut asked = Asked {
        items,
        view,
        peers: Peers::of(items, &history),
    };
    let now: fn(&mut Random) -> usize = |_| YEAR_SECONDS;
    let then: fn(&mut Random) -> usize = |random| (30 + random.below(300)) * DAY_SECONDS;
    for (when, at) in [("", now), (", as of the past", then)] {
        asked.ask(&format!("away from hubs{when}"), away_from_hubs, at);
        asked.ask(&format!("on hubs{when}"), on_hubs, at);
    }
}

/// Whether a change of one item may run during the freezes.
fn ask_gate(view: &GraphView, items: usize) {
    let mut random = Random::new(4);
    let (mut times, mut frozen) = (Vec::new(), 0_u32);
    let as_of = AsOf {
        valid_at: moment(YEAR_SECONDS),
        known_at: view.position(),
    };
    for _ in 0..QUESTIONS {
        let mut asked = AskedChange {
            change: None,
            targets: Vec::new(),
            unknown_targets: Vec::new(),
            environment: None,
            kind: Some("deployment".to_owned()),
            level: None,
            scene: None,
            goal: None,
            by_administrator: false,
            start: moment(YEAR_SECONDS + 60),
            finish: moment(YEAR_SECONDS + 3_600),
        };
        let started = Instant::now();
        asked.aim(view, &[key(random.below(items))]);
        let may = may_change(view, &asked, as_of, MAY_LIMITS);
        times.push(started.elapsed().as_secs_f64() * 1e3);
        frozen += u32::from(may.blocked);
    }
    for (share, of) in [("p50", 0.5), ("p99", 0.99)] {
        let what = format!("may a change run, {FREEZES} freezes, ms ({share})");
        Row::new(&what, quantile(&mut times, of))
            .against("limit", 10.0)
            .print();
    }
    println!("# {frozen} of {QUESTIONS} were frozen");
}

/// What an item needs, up to three relations away, is frozen for a day.
fn freeze(number: usize, item: usize) -> Event {
    let (from, until) = (moment(YEAR_SECONDS), moment(YEAR_SECONDS + DAY_SECONDS));
    let declared = format!(
        r#"{{"name":"freeze {number}","effect":"freeze",
            "scope":{{"items":["service:service-{item}"],"reach":"depends_on","hopsMax":3}},
            "times":{{"spans":[{{"from":"{from}","until":"{until}"}}]}}}}"#
    );
    Event::decode_payload("calendar_rule.declared", declared.as_bytes()).expect("a rule")
}

fn away_from_hubs(random: &mut Random, items: usize) -> usize {
    items / 10 + random.below(items * 9 / 10)
}

fn on_hubs(random: &mut Random, items: usize) -> usize {
    random.below(items / 1_000 + 1)
}

/// The estate that is asked about, and the peers that know it too.
struct Asked {
    items: usize,
    view: Arc<GraphView>,
    peers: Peers,
}

impl Asked {
    fn ask(
        &mut self,
        name: &str,
        pick: fn(&mut Random, usize) -> usize,
        at: fn(&mut Random) -> usize,
    ) {
        let mut random = Random::new(3);
        let (mut times, mut considered, mut cut) = (Vec::new(), 0, 0_u32);
        let mut by_hand = Vec::new();
        let mut programs = vec![Vec::new(); self.peers.programs.len()];
        for number in 0..QUESTIONS {
            let affected = 1 + random.below(3);
            let plain = Plain {
                items: (0..affected)
                    .map(|_| pick(&mut random, self.items))
                    .collect(),
                at: at(&mut random),
            };
            let question = question(&self.view, &plain);
            let started = Instant::now();
            let found = changes_nearby(&self.view, &question, &|_| true, LIMITS);
            times.push(started.elapsed().as_secs_f64() * 1e3);
            considered = considered.max(found.considered);
            cut += u32::from(found.truncated);
            let started = Instant::now();
            black_box(self.peers.newest(&plain));
            by_hand.push(started.elapsed().as_secs_f64() * 1e3);
            if number == 0 {
                // No program's first time counts.
                self.peers.ask_programs(&plain, &mut programs.clone());
            }
            if number.is_multiple_of(PROGRAMS_EVERY) {
                self.peers.ask_programs(&plain, &mut programs);
            }
        }
        for (share, part, limit) in [(0.5, "p50", 5.0), (0.99, "p99", 50.0)] {
            let what = format!("changes nearby, {name}, ms ({part})");
            let mut row = Row::new(&what, quantile(&mut times, share))
                .against("limit", limit)
                .against(
                    "newest within 3 relations, hand-written",
                    quantile(&mut by_hand, share),
                );
            for (program, times) in self.peers.programs.iter().zip(&mut programs) {
                row = row.against(program.name(), quantile(times, share));
            }
            row.print();
        }
        println!(
            "# up to {considered} changes weighed, {cut} of {QUESTIONS} answers left some out"
        );
    }
}

fn question(view: &GraphView, plain: &Plain) -> NearbyQuestion {
    NearbyQuestion {
        items: plain.items.iter().map(|item| id(view, *item)).collect(),
        incidents: Vec::new(),
        unknown_items: Vec::new(),
        at: moment(plain.at),
        lookback: Lookback::hours(72),
        judgements: graph::Judgements::Count,
        model: graph::RankingModel::default(),
    }
}

/// What the estate was told, as far as the peers are told it too.
struct History {
    /// Dependents with what they need.
    needs: Vec<(u32, u32)>,
    /// The item that each change touches.
    changed: Vec<u32>,
    changes: usize,
}

impl History {
    fn of(changes: usize) -> Self {
        Self {
            needs: Vec::new(),
            changed: Vec::with_capacity(changes),
            changes,
        }
    }

    /// The second in which a change starts.
    fn started(&self, number: usize) -> usize {
        (number as u128 * YEAR_SECONDS as u128 / self.changes as u128) as usize
    }
}

fn estate(items: usize, history: &mut History, pages: &Path) -> Arc<GraphView> {
    let mut random = Random::new(7);
    let mut estate = Estate::default();
    // As a server does: what began longer ago lies on pages.
    let files = Files::open(pages);
    estate.put_away_closed(PuttingAway::after(30 * 86_400_000), &files.pages());
    let mut position = 0;
    let mut apply = |at: Timestamp, event: Event| {
        position += 1;
        let envelope = EventEnvelope {
            position: LogPosition::new(position),
            recorded_at: at,
            id: EventId {
                source: SourceName::new("bench"),
                delivery: position.to_string(),
            },
            occurred_at: at,
            actor: Actor::default(),
            event,
        };
        files.take(&mut estate, &envelope);
    };
    for dependent in 1..items {
        for _ in 0..RELATIONS_PER_ITEM {
            let near = dependent.saturating_sub(1 + random.below(1_000.min(dependent)));
            let hub = random.below(items / 1_000 + 1);
            let provider = if random.below(50) == 0 { hub } else { near };
            history.needs.push((dependent as u32, provider as u32));
            apply(
                moment(0),
                Event::RelationObserved(relation(dependent, provider)),
            );
        }
    }
    for number in 0..history.changes {
        let at = moment(history.started(number));
        let item = random.below(items);
        history.changed.push(item as u32);
        apply(
            at,
            Event::ChangeRecorded(Box::new(change(
                number,
                item,
                at,
                random.below(VERBS.len()),
            ))),
        );
    }
    for number in 0..FREEZES {
        apply(moment(0), freeze(number, random.below(items)));
    }
    estate.publish()
}

fn relation(dependent: usize, provider: usize) -> ObservedRelation {
    ObservedRelation {
        dependent: key(dependent),
        provider: key(provider),
        kind: RelationKind::new("calls"),
        strength: None,
        valid_from: Some(moment(0)),
        valid_until: None,
        report_interval_ms: None,
    }
}

fn change(number: usize, item: usize, at: Timestamp, verb: usize) -> Change {
    let reference = SourceRef {
        source: SourceName::new("bench"),
        source_id: number.to_string(),
    };
    let mut change = Change::new(&reference);
    change.targets = vec![key(item)];
    change.started_at = Some(at);
    change.kind = Some("deployment".to_owned());
    let verb = VERBS.get(verb).copied().unwrap_or_default();
    change.title = Some(format!("{verb} service-{item}, build {number}"));
    change
}

fn key(item: usize) -> SourceKey {
    SourceKey::Parts(KeyParts::new("service", format!("service-{item}")))
}

fn id(view: &GraphView, item: usize) -> CiId {
    let found = view.resolve(&key(item), None, moment(YEAR_SECONDS)).item();
    found.expect("every item of the estate was named").id()
}

fn moment(seconds: usize) -> Timestamp {
    Timestamp::from_unix_millis(seconds as i64 * 1_000)
}
