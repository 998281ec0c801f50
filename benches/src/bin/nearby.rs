//! `changes_nearby` over a large estate and a long history of changes, beside its limits.
//!
//! The estate: every item needs five others near by, one in fifty of them a hub. The history: a year
//! of changes, spread evenly over items and time, asked at its end with a lookback of three days.
//! Fifty freezes hold what as many items need, up to three relations away; a gate asks whether a change may run.
//!
//! usage: `nearby [ITEMS [CHANGES]]`

#![expect(
    clippy::cast_possible_wrap,
    clippy::print_stdout,
    reason = "a benchmark makes its own input and prints its result"
)]

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

const RELATIONS_PER_ITEM: usize = 5;
const QUESTIONS: usize = 300;
const YEAR_SECONDS: usize = 365 * 86_400;
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
    let view = estate(items, changes, pages.path());
    println!(
        "# {items} items, {changes} changes in a year, {} of them with a row in memory, {:.0} MB",
        view.change_rows_here(),
        (anonymous_bytes() - before) / 1e6
    );
    ask("away from hubs", &view, |random| {
        items / 10 + random.below(items * 9 / 10)
    });
    ask("on hubs", &view, |random| random.below(items / 1_000 + 1));
    ask_gate(&view, items);
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
    let (from, until) = (moment(YEAR_SECONDS), moment(YEAR_SECONDS + 86_400));
    let declared = format!(
        r#"{{"name":"freeze {number}","effect":"freeze",
            "scope":{{"items":["service:service-{item}"],"reach":"depends_on","hopsMax":3}},
            "times":{{"spans":[{{"from":"{from}","until":"{until}"}}]}}}}"#
    );
    Event::decode_payload("calendar_rule.declared", declared.as_bytes()).expect("a rule")
}

fn ask(name: &str, view: &GraphView, mut pick: impl FnMut(&mut Random) -> usize) {
    let mut random = Random::new(3);
    let (mut times, mut considered, mut cut) = (Vec::new(), 0, 0_u32);
    for _ in 0..QUESTIONS {
        let affected = 1 + random.below(3);
        let question = NearbyQuestion {
            items: (0..affected).map(|_| id(view, pick(&mut random))).collect(),
            incidents: Vec::new(),
            unknown_items: Vec::new(),
            at: moment(YEAR_SECONDS),
            lookback: Lookback::hours(72),
            judgements: graph::Judgements::Count,
            model: graph::RankingModel::default(),
        };
        let started = Instant::now();
        let found = changes_nearby(view, &question, &|_| true, LIMITS);
        times.push(started.elapsed().as_secs_f64() * 1e3);
        considered = considered.max(found.considered);
        cut += u32::from(found.truncated);
    }
    let what = |share: &str| format!("changes nearby, {name}, ms ({share})");
    Row::new(&what("p50"), quantile(&mut times, 0.5))
        .against("limit", 5.0)
        .print();
    Row::new(&what("p99"), quantile(&mut times, 0.99))
        .against("limit", 50.0)
        .print();
    println!("# up to {considered} changes weighed, {cut} of {QUESTIONS} answers left some out");
}

fn estate(items: usize, changes: usize, pages: &Path) -> Arc<GraphView> {
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
            apply(
                moment(0),
                Event::RelationObserved(relation(dependent, provider)),
            );
        }
    }
    for number in 0..changes {
        let at = moment((number as u128 * YEAR_SECONDS as u128 / changes as u128) as usize);
        let item = random.below(items);
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
