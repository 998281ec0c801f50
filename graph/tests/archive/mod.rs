//! What was closed long ago: with pages an estate answers as it would without, at any moment and in any order.

mod changes;
mod story;

use std::collections::BTreeSet;
use std::sync::Arc;

use graph::{
    Asked, DiffLimits, DiffScope, Estate, GraphView, Item, MemoryPages, Pages, Projection,
    PuttingAway, State,
};
use model::{
    Actor, Event, EventEnvelope, EventId, ItemRetired, LogPosition, ObservedItem, ObservedRelation,
    RelationKind, SourceKey, SourceName, Timestamp,
};
use proptest::prelude::*;
use story::{Dice, log, minute, story};

/// Looks often and goes at once, so that little is enough to put something away.
const SOON: PuttingAway = PuttingAway {
    closed_for_ms: 60 * 60_000,
    events_min: 5,
    part: 1_000,
};

fn plainly(log: &[EventEnvelope]) -> Arc<GraphView> {
    let mut estate = Estate::default();
    log.iter().for_each(|envelope| estate.apply(envelope));
    estate.publish()
}

fn reading(pages: &Arc<MemoryPages>) -> Arc<dyn Pages> {
    Arc::<MemoryPages>::clone(pages)
}

fn go_on(estate: &mut Estate, log: &[EventEnvelope], pages: &Arc<MemoryPages>) {
    for envelope in log {
        estate
            .take(envelope, pages.as_ref())
            .expect("pages are kept");
        pages.keep(estate.sealed());
        estate.kept();
    }
}

fn putting_away(log: &[EventEnvelope], pages: &Arc<MemoryPages>) -> Estate {
    let mut estate = Estate::default();
    estate.put_away_closed(SOON, &reading(pages));
    go_on(&mut estate, log, pages);
    estate
}

fn asked(view: &Arc<GraphView>, asked: &Asked, pages: &Arc<MemoryPages>) -> Arc<GraphView> {
    let more = view
        .with_past(asked, pages.as_ref())
        .expect("pages are kept");
    more.unwrap_or_else(|| Arc::clone(view))
}

fn everything() -> Asked {
    Asked {
        times: vec![(Timestamp::MIN, Timestamp::MAX)],
        names: Vec::new(),
    }
}

fn around(item: Item<'_>, at: Timestamp) -> String {
    let mut text = format!("{} {} {:?}", item.id(), item.key(), item.freshness(at));
    for relation in item.depends_on(at) {
        text.push_str(&format!(
            "\n  needs {} {} {:?} {}",
            relation.kind(),
            relation.provider().key(),
            relation.freshness(at),
            relation.last_seen_at()
        ));
    }
    for relation in item.used_by(at) {
        text.push_str(&format!("\n  used by {relation:?}"));
    }
    text
}

/// Everything that is there at a moment, and what every name means then.
fn present(view: &GraphView, at: Timestamp) -> BTreeSet<String> {
    let items = view.items().filter(|item| item.exists_at(at));
    let mut lines: BTreeSet<String> = items.map(|item| around(item, at)).collect();
    for ip in 0..5 {
        let key = format!("ip=10.0.0.{ip}");
        let means = view.resolve(&SourceKey::text(&*key), None, at).item();
        lines.insert(format!("{key} is {means:?}"));
    }
    lines
}

/// What a name means at a moment, and all there is to tell of it.
fn of_name(view: &GraphView, name: &str, at: Timestamp) -> String {
    match view.resolve(&SourceKey::text(name), None, at) {
        graph::Resolution::Item(item) => format!(
            "{} {:?} {:?} {:?} {:?}",
            around(item, at),
            item.intervals(),
            item.names(),
            item.owner(),
            item.observations(),
        ),
        graph::Resolution::Ambiguous(items) => {
            let keys: BTreeSet<String> = items.iter().map(Item::key).collect();
            format!("one of {keys:?}")
        }
        graph::Resolution::Unknown => "unknown".to_owned(),
    }
}

/// What differs between two moments with what explains it, and the moments around which that is looked for.
fn differing(view: &GraphView, [from, to]: [Timestamp; 2]) -> (Vec<Timestamp>, BTreeSet<String>) {
    let limits = DiffLimits {
        items_max: 1_000,
        explained_max: 1_000,
        first: 1_000,
    };
    let state = |at| State { view, at };
    let diff = graph::diff(state(from), state(to), &DiffScope::default(), limits);
    let told = diff.differences.iter().map(|difference| {
        let explained: BTreeSet<_> = difference
            .explained_by
            .iter()
            .map(graph::ChangeRow::id)
            .collect();
        format!(
            "{} {:?} {explained:?}",
            difference.sentence(),
            difference.at
        )
    });
    (diff.moments.iter().copied().collect(), told.collect())
}

#[test]
fn most_stories_put_something_away_and_bring_some_of_it_back() {
    let (mut away, mut back) = (0, 0);
    for seed in 0..40 {
        let (facts, _) = story(seed);
        let order: Vec<usize> = (0..facts.len()).collect();
        let pages = Arc::new(MemoryPages::default());
        let view = putting_away(&log(&facts, &order), &pages).publish();
        away += view.put_away();
        back += view.brought_back();
    }
    assert!(
        200 < away && 10 < back,
        "{away} put away, {back} brought back"
    );
}

/// What is said of pods that live ten minutes each, one after the other; a node says that it is there.
fn short_lives(pods: i64, apart_ms: i64) -> Vec<EventEnvelope> {
    let moment = |ms: i64| Timestamp::from_unix_millis(1_760_000_000_000 + ms);
    let mut told: Vec<(i64, Event)> = Vec::new();
    for pod in 0..pods {
        let (born, died) = (pod * apart_ms, pod * apart_ms + 600_000);
        let key = SourceKey::text(format!("pod:prod/shop/p-{pod}"));
        let mut item = ObservedItem::new(key.clone());
        item.claims
            .push(model::Claim::new("k8s.uid", format!("u-{pod}")));
        item.valid_from = Some(moment(born));
        told.push((born, Event::ItemObserved(item)));
        told.push((
            born,
            Event::RelationObserved(ObservedRelation {
                dependent: key.clone(),
                provider: SourceKey::text(format!("host:prod/node-{}", pod % 5)),
                kind: RelationKind::new("runs_on"),
                strength: None,
                valid_from: Some(moment(born)),
                valid_until: Some(moment(died)),
                report_interval_ms: None,
            }),
        ));
        told.push((died, Event::ItemRetired(ItemRetired { key, reason: None })));
    }
    // A late word about each thousandth, and nodes that go on long after the last pod.
    for pod in (0..pods).step_by(1_000) {
        let mut late = ObservedItem::new(SourceKey::text(format!("pod:prod/shop/p-{pod}")));
        late.owner = Some("shop".to_owned());
        late.valid_from = Some(moment(pod * apart_ms));
        late.valid_until = Some(moment(pod * apart_ms + 1));
        told.push((pods * apart_ms + 7_200_000, Event::ItemObserved(late)));
    }
    for report in 0..(pods / 4).max(2_000) {
        let mut node = ObservedItem::new(SourceKey::text(format!("host:prod/node-{}", report % 5)));
        node.report_interval_ms = Some(600_000);
        let at = pods * apart_ms + report * 60_000;
        told.push((at, Event::ItemObserved(node)));
    }
    told.sort_by_key(|(at, _)| *at);
    let placed = (1..).zip(told);
    placed
        .map(|(position, (at, event))| EventEnvelope {
            position: LogPosition::new(position),
            recorded_at: moment(at),
            id: EventId {
                source: SourceName::new("kubernetes"),
                delivery: position.to_string(),
            },
            occurred_at: moment(at),
            actor: Actor::default(),
            event,
        })
        .collect()
}

/// `SHORT_LIVES` says how many; `tests/long` asks for a million.
#[test]
fn many_short_lives_leave_the_present_and_stay_in_the_past() {
    let pods = std::env::var("SHORT_LIVES").map_or(3_000, |text| text.parse().unwrap());
    let apart_ms = 2_592_000_000 / pods.max(1);
    let log = short_lives(pods, apart_ms);
    let pages = Arc::new(MemoryPages::default());
    let mut estate = Estate::default();
    estate.put_away_closed(PuttingAway::after(3_600_000), &reading(&pages));
    go_on(&mut estate, &log, &pages);
    let view = estate.publish();
    let whole = plainly(&log);
    let there = view.items().count();
    assert!(there * 10 < whole.items().count(), "{there} items stayed");
    assert!(pods <= 1_000 * i64::try_from(view.brought_back()).unwrap());
    for step in 0..20 {
        let at = Timestamp::from_unix_millis(1_760_000_000_000 + step * pods * apart_ms / 20 + 1);
        let then = Asked {
            times: vec![(at, at)],
            names: Vec::new(),
        };
        let then = asked(&view, &then, &pages);
        assert_eq!(present(&then, at), present(&whole, at));
    }
    for pod in (0..pods).step_by(usize::try_from(pods / 50).unwrap().max(1)) {
        let key = format!("pod:prod/shop/p-{pod}");
        let named = Asked {
            times: Vec::new(),
            names: vec![key.clone()],
        };
        let at = Timestamp::from_unix_millis(1_760_000_000_000 + pod * apart_ms);
        let then = asked(&view, &named, &pages);
        assert_eq!(of_name(&then, &key, at), of_name(&whole, &key, at));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(testkit::cases(60)))]

    #[test]
    fn with_its_pages_it_is_the_same_estate(seed in any::<u64>()) {
        let (facts, keys) = story(seed);
        let order: Vec<usize> = (0..facts.len()).collect();
        let log = log(&facts, &order);
        let pages = Arc::new(MemoryPages::default());
        let (whole, view) = (plainly(&log), putting_away(&log, &pages).publish());
        prop_assert_eq!(asked(&view, &everything(), &pages).lines(), whole.lines());
        for at in (0..520).step_by(13).map(minute) {
            let then = Asked { times: vec![(at, at)], names: Vec::new() };
            prop_assert_eq!(present(&asked(&view, &then, &pages), at), present(&whole, at));
        }
        for (place, key) in keys.iter().enumerate() {
            let at = minute(i64::try_from(place).unwrap() * 31);
            let named = Asked { times: vec![(at, at)], names: vec![key.clone()] };
            let view = asked(&view, &named, &pages);
            prop_assert_eq!(of_name(&view, key, at), of_name(&whole, key, at));
            let by_id = whole.resolve(&SourceKey::text(&**key), None, at).item();
            if let Some(id) = by_id.map(|item| item.id().to_string()) {
                let named = Asked { times: vec![(at, at)], names: vec![id.clone()] };
                let view = asked(&view, &named, &pages);
                prop_assert_eq!(of_name(&view, &id, at), of_name(&whole, &id, at));
            }
        }
    }

    #[test]
    fn whatever_the_order_of_arrival(seed in any::<u64>(), turn in any::<u64>()) {
        let (facts, _) = story(seed);
        let mut order: Vec<usize> = (0..facts.len()).collect();
        let mut dice = Dice(turn);
        for place in (1..order.len()).rev() {
            let sides = i64::try_from(place + 1).unwrap();
            order.swap(place, usize::try_from(dice.roll(sides)).unwrap());
        }
        let log = log(&facts, &order);
        let pages = Arc::new(MemoryPages::default());
        let view = putting_away(&log, &pages).publish();
        let whole = plainly(&log);
        prop_assert_eq!(asked(&view, &everything(), &pages).lines(), whole.lines());
        for at in (0..520).step_by(29).map(minute) {
            let then = Asked { times: vec![(at, at)], names: Vec::new() };
            prop_assert_eq!(present(&asked(&view, &then, &pages), at), present(&whole, at));
        }
    }

    #[test]
    fn at_whatever_moment_it_is_put_away(
        seed in any::<u64>(),
        closed_for_minutes in 1..240_i64,
        events_min in 1..40_u64,
        part in 1..200_usize,
        laying_out in 1..30_usize,
    ) {
        let (facts, _) = story(seed);
        let order: Vec<usize> = (0..facts.len()).collect();
        let log = log(&facts, &order);
        let pages = Arc::new(MemoryPages::default());
        let mut estate = Estate::default();
        let when = PuttingAway {
            closed_for_ms: closed_for_minutes * 60_000,
            events_min,
            part,
        };
        estate.put_away_closed(when, &reading(&pages));
        // A layout is begun, and taken once some events came, which may have put something away.
        for some in log.chunks(laying_out) {
            let layout = estate.lay_out_aside();
            go_on(&mut estate, some, &pages);
            estate.take_layout(layout.make());
            estate.publish();
        }
        let (whole, view) = (plainly(&log), estate.publish());
        prop_assert_eq!(asked(&view, &everything(), &pages).lines(), whole.lines());
        for at in (0..520).step_by(29).map(minute) {
            let then = Asked { times: vec![(at, at)], names: Vec::new() };
            prop_assert_eq!(present(&asked(&view, &then, &pages), at), present(&whole, at));
        }
    }

    #[test]
    fn what_differs_and_what_explains_it_is_the_same(seed in any::<u64>(), from in 0..300_i64, later in 1..200_i64) {
        let (facts, _) = story(seed);
        let order: Vec<usize> = (0..facts.len()).collect();
        let log = log(&facts, &order);
        let pages = Arc::new(MemoryPages::default());
        let (whole, view) = (plainly(&log), putting_away(&log, &pages).publish());
        let times = [minute(from), minute(from + later)];
        let (_, wanted) = differing(&whole, times);
        let mut then = Asked { times: times.map(|at| (at, at)).to_vec(), names: Vec::new() };
        let (moments, _) = differing(&asked(&view, &then, &pages), times);
        then.times.extend(moments.into_iter().map(|at| (at, at)));
        let (_, found) = differing(&asked(&view, &then, &pages), times);
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn a_saved_state_and_the_rest_put_the_same_away(seed in any::<u64>(), cut in 0..100_usize) {
        let (facts, _) = story(seed);
        let order: Vec<usize> = (0..facts.len()).collect();
        let log = log(&facts, &order);
        let pages = Arc::new(MemoryPages::default());
        let mut whole = putting_away(&log, &pages);
        let (first, rest) = log.split_at(cut.min(log.len()));
        let mut estate = putting_away(first, &pages);
        estate.publish();
        let mut estate = Estate::restore_with(&estate.save(), &reading(&pages)).unwrap();
        prop_assert_eq!(estate.puts_away(), Some(SOON));
        go_on(&mut estate, rest, &pages);
        prop_assert_eq!(estate.publish().state_hash(), whole.publish().state_hash());
    }
}
