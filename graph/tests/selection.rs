//! Items chosen all at once are those that pass one by one, whatever was asked and published before.

use std::collections::BTreeMap;

use graph::{
    AttributeStatement, AttributeTable, Cut, Estate, GraphView, GroupBy, Item, ItemCriteria,
    ItemOrder, OrderBy, Projection, grouped,
};
use model::{
    Event, HalfLife, ItemFilter, KindDefined, NewEvent, Occurred, SourceKey, Sureness, Timestamp,
};
use proptest::prelude::*;
use testkit::{at, envelopes_of, events};

/// What is said of one item.
const SAYINGS: [&str; 22] = [
    "item service:a",
    "item service:prod/a owner=team-1",
    "item service:prod/shop/a owner=team-2 name=Ａ_支付",
    "item service:A%2Fb owner=TEAM-1",
    "item host:prod/ＷＥＢ-1 criticality=P1 hostname=10.0.0.7",
    "item host:prod/web-2 criticality=low alias=hostname:pay-1",
    "item host:-/racks/web-3",
    "item environment:prod/eu",
    "item environment:eu2 owner=team-3",
    "item uid=1 owner=team-1",
    "item service:prod/a uid=1",
    "item service:x uid=1 owner=team-2 criticality=critical",
    "item system:shop owner=team-1",
    "item system:part",
    "item pod:p until=09:00",
    "item pod:p from=09:30",
    "system:part -part_of-> system:shop",
    "service:a -part_of-> system:part",
    "service:x -part_of-> system:part",
    "environment:prod/eu -contains-> service:a",
    "environment:prod/eu -contains-> system:shop",
    "service:prod/b -> service:a",
];

const FILTERS: [&str; 27] = [
    "{}",
    r#"{"includeEnded": true}"#,
    r#"{"kinds": ["service"]}"#,
    r#"{"kinds": ["unknown", "host"]}"#,
    r#"{"kinds": ["nothing"]}"#,
    r#"{"environment": "prod"}"#,
    r#"{"environment": "prod/eu"}"#,
    r#"{"environment": "eu", "kinds": ["service", "system"]}"#,
    r#"{"namespace": "shop"}"#,
    r#"{"namespace": "nowhere"}"#,
    r#"{"owners": ["team-1"]}"#,
    r#"{"ownedBy": ["team-1"]}"#,
    r#"{"ownedBy": ["team-2", "team-3"]}"#,
    r#"{"criticality": ["P0", "P1"]}"#,
    r#"{"criticality": ["low", "odd"]}"#,
    r#"{"text": "A"}"#,
    r#"{"text": "支付"}"#,
    r#"{"text": "web-1 prod"}"#,
    r#"{"text": "2f"}"#,
    r#"{"text": "-"}"#,
    r#"{"text": "/a"}"#,
    r#"{"text": "team-1"}"#,
    r#"{"text": "uid"}"#,
    r#"{"text": "pay-1"}"#,
    r#"{"attributes": [{"name": "rack", "operator": "eq", "value": "r1"}]}"#,
    r#"{"attributes": [{"name": "rack", "operator": "neq", "value": "r1"}]}"#,
    r#"{"text": "a", "kinds": ["service"], "owners": ["team-2"], "environment": "prod"}"#,
];

/// One thing said: which, how often it is reported, and at which minute of the day's first hours.
type Told = (usize, Option<u64>, u16);

fn told() -> impl Strategy<Value = Vec<Told>> {
    let interval = prop_oneof![3 => Just(None), 2 => (1..90_u64).prop_map(Some)];
    prop::collection::vec((0..=SAYINGS.len(), interval, 0..600_u16), 1..60)
}

fn said(told: &[Told]) -> Vec<NewEvent> {
    let each = told
        .iter()
        .enumerate()
        .map(|(number, (which, minutes, minute))| {
            let saying = SAYINGS.get(*which);
            let mut event = events(saying.unwrap_or(&"item service:any")).remove(0);
            event.id.delivery.push_str(&number.to_string());
            event.occurred =
                Occurred::Stated(at(&format!("{:02}:{:02}", minute / 60, minute % 60)));
            if saying.is_none() {
                event.event = Event::KindDefined(Box::new(fading()));
            }
            let interval_ms = minutes.map(|minutes| minutes * 60_000);
            if let Event::ItemObserved(item) = &mut event.event {
                item.report_interval_ms = interval_ms;
            }
            if let Event::RelationObserved(relation) = &mut event.event {
                relation.report_interval_ms = interval_ms;
            }
            event
        });
    each.collect()
}

/// A definition that makes services fade sooner.
fn fading() -> KindDefined {
    let mut kind = KindDefined::new("service");
    kind.half_life = Some(HalfLife::FLEETING);
    kind
}

fn sureness() -> impl Strategy<Value = Vec<Sureness>> {
    let one = prop_oneof![
        Just(Sureness::Confirmed),
        Just(Sureness::Ageing),
        Just(Sureness::Unconfirmed),
        Just(Sureness::Closed),
    ];
    prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(one, 1..3)]
}

/// Every third item has the attribute `rack`.
fn attributes(view: &GraphView) -> AttributeTable {
    let described = view
        .items()
        .enumerate()
        .filter(|(number, _)| number % 3 == 0);
    let statements = described.map(|(number, item)| AttributeStatement {
        key: SourceKey::text(item.key()),
        teller: [0; 16],
        occurred_at: at("00:00"),
        tie: 0,
        position: view.position(),
        attributes: [("rack".to_owned(), format!("r{}", number % 2).into())].into(),
    });
    AttributeTable::new(view, statements.collect(), None, |_, _| [0; 16])
}

fn keys<'v>(items: impl Iterator<Item = Item<'v>>) -> Vec<String> {
    let mut keys: Vec<String> = items.map(|item| item.key()).collect();
    keys.sort();
    keys
}

fn orders() -> impl Iterator<Item = ItemOrder> {
    let all = [
        OrderBy::Key,
        OrderBy::Name,
        OrderBy::FirstSeen,
        OrderBy::LastSeen,
        OrderBy::Criticality,
    ];
    let each = |by| [false, true].map(|descending| ItemOrder { by, descending });
    all.into_iter().flat_map(each)
}

fn check(view: &GraphView, filters: &[ItemFilter], moment: Timestamp) {
    let criteria = ItemCriteria::new(view, filters.to_vec(), attributes(view), moment);
    let selection = criteria.select(view);
    let passing: Vec<Item<'_>> = view.items().filter(|item| criteria.passes(item)).collect();
    assert_eq!(
        keys(selection.items()),
        keys(passing.iter().copied()),
        "{filters:?}"
    );
    assert_eq!(selection.count(), passing.len());
    for by in [
        GroupBy::Kind,
        GroupBy::Owner,
        GroupBy::Environment,
        GroupBy::Criticality,
        GroupBy::Freshness,
    ] {
        let one_by_one = grouped(passing.iter().copied(), by, moment, 3);
        assert_eq!(selection.grouped(by, moment, 3), one_by_one, "{by:?}");
    }
}

fn check_pages(view: &GraphView, moment: Timestamp, size: usize) {
    let criteria = ItemCriteria::new(view, Vec::new(), AttributeTable::default(), moment);
    let selection = criteria.select(view);
    for order in orders() {
        let places: BTreeMap<String, String> = selection
            .items()
            .map(|item| (order.place(&item), item.key()))
            .collect();
        let all: Vec<String> = places.into_values().collect();
        for backward in [false, true] {
            assert_eq!(walked(&selection, order, size, backward), all, "{order:?}");
        }
    }
}

/// All items, page by page from either end.
fn walked(
    selection: &graph::Selection<'_>,
    order: ItemOrder,
    size: usize,
    backward: bool,
) -> Vec<String> {
    let (mut walked, mut from): (Vec<String>, Option<String>) = (Vec::new(), None);
    loop {
        let cut = Cut {
            after: from.as_deref().filter(|_| !backward),
            before: from.as_deref().filter(|_| backward),
            size,
            backward,
        };
        let page = selection.page(order, &cut);
        let keys: Vec<String> = page.entries.iter().map(|(_, item)| item.key()).collect();
        let (more, less) = match backward {
            false => (page.has_next, page.has_previous),
            true => (page.has_previous, page.has_next),
        };
        assert_eq!(
            less,
            from.is_some() && !walked.is_empty(),
            "what was walked lies behind"
        );
        match backward {
            false => walked.extend(keys),
            true => drop(walked.splice(0..0, keys)),
        }
        let end = if backward {
            page.entries.first()
        } else {
            page.entries.last()
        };
        from = end.map(|(place, _)| place.clone());
        if !more {
            return walked;
        }
    }
}

proptest! {
    #[test]
    fn items_chosen_at_once_are_those_that_pass_one_by_one(
        told in told(),
        publish_every in 1..20_usize,
        filter in 0..FILTERS.len(),
        group in 0..FILTERS.len(),
        sure in sureness(),
        minute in 0..800_u16,
        size in 1..7_usize,
    ) {
        let mut filter: ItemFilter = serde_json::from_str(FILTERS[filter]).expect("a filter");
        filter.freshness = sure;
        let group: ItemFilter = serde_json::from_str(FILTERS[group]).expect("a filter");
        let moment = at(&format!("{:02}:{:02}", minute / 60, minute % 60));
        let mut estate = Estate::default();
        let mut earlier = Vec::new();
        for (number, envelope) in envelopes_of(said(&told)).iter().enumerate() {
            estate.apply(envelope);
            if number % publish_every == 0 {
                let view = estate.publish();
                check(&view, &[filter.clone()], moment);
                earlier.push(view);
            }
        }
        let view = estate.publish();
        let restored = Estate::restore(&estate.save()).expect("what was saved").publish();
        for view in earlier.iter().chain([&view, &restored]) {
            check(view, &[filter.clone(), group.clone()], moment);
        }
        check_pages(&view, moment, size);
    }
}

#[test]
fn a_place_that_no_order_gives_is_compared_as_a_text() {
    let mut estate = Estate::default();
    for envelope in envelopes_of(events("item service:a\nitem service:b")) {
        estate.apply(&envelope);
    }
    let view = estate.publish();
    let criteria = ItemCriteria::new(&view, Vec::new(), AttributeTable::default(), at("10:00"));
    let selection = criteria.select(&view);
    for order in orders() {
        let all = selection.items().filter(|item| *"m" < *order.place(item));
        let cut = Cut {
            after: Some("m"),
            before: None,
            size: 5,
            backward: false,
        };
        let page = selection.page(order, &cut);
        assert_eq!(page.entries.len(), all.count(), "{order:?}");
    }
}
