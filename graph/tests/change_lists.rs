//! Lists and counts of changes are what going through all of them one by one gives.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails where it is wrong"
)]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use graph::{
    ChangeConditions, ChangeGroupBy, ChangeGrouping, ChangeList, ChangeNumber, ChangeOrder,
    ChangeOrderBy, ChangePageWanted, ChangePlace, ChangeRow, ChangeSelection, Estate, GraphView,
    Projection,
};
use model::{
    Actor, ActorKind, Change, ChangeId, ChangeStatus, CiId, Event, EventEnvelope, EventId,
    LogPosition, SourceKey, SourceName, SourceRef, Timestamp,
};
use proptest::prelude::*;

const MINUTE: i64 = 60_000;

/// What one statement says, in numbers.
#[derive(Clone, Debug)]
struct Said {
    change: u8,
    minute: i64,
    finish: Option<i64>,
    kind: Option<u8>,
    environment: Option<u8>,
    status: Option<u8>,
    operator: Option<u8>,
    target: u8,
    bookkeeping: Option<bool>,
}

fn said() -> impl Strategy<Value = Said> {
    let option = |most: u8| prop::option::of(0..most);
    (
        0..30_u8,
        0..50_i64,
        prop::option::of(0..80_i64),
        option(3),
        option(2),
        option(3),
        option(3),
        0..6_u8,
        prop::option::of(any::<bool>()),
    )
        .prop_map(
            |(change, minute, finish, kind, environment, status, operator, target, bookkeeping)| {
                Said {
                    change,
                    minute,
                    finish,
                    kind,
                    environment,
                    status,
                    operator,
                    target,
                    bookkeeping,
                }
            },
        )
}

const STATUSES: [ChangeStatus; 3] = [
    ChangeStatus::Running,
    ChangeStatus::Succeeded,
    ChangeStatus::Failed,
];

fn moment(minute: i64) -> Timestamp {
    Timestamp::from_unix_millis(minute * MINUTE)
}

fn change_of(said: &Said) -> Change {
    let mut change = Change::new(&SourceRef {
        source: SourceName::new(format!("source-{}", said.change % 3)),
        source_id: said.change.to_string(),
    });
    let word = |name: &str, number: Option<u8>| number.map(|number| format!("{name}-{number}"));
    change.started_at = Some(moment(said.minute));
    change.finished_at = said.finish.map(moment);
    change.kind = word("kind", said.kind);
    change.environment = word("env", said.environment);
    change.status = said.status.map(|status| STATUSES[status as usize]);
    change.operator = word("operator", said.operator).map(|name| Actor {
        kind: ActorKind::Human,
        name: Some(name),
    });
    change.bookkeeping = said.bookkeeping;
    let environment = said.target % 2;
    change.targets = vec![SourceKey::text(format!(
        "service:env-{environment}/s{}",
        said.target
    ))];
    change
}

fn view_of(events: impl IntoIterator<Item = Event>) -> Arc<GraphView> {
    let mut estate = Estate::default();
    for (position, event) in (1_u64..).zip(events) {
        estate.apply(&EventEnvelope {
            position: LogPosition::new(position),
            recorded_at: moment(0),
            id: EventId {
                source: SourceName::new("test"),
                delivery: position.to_string(),
            },
            occurred_at: moment(i64::try_from(position).unwrap()),
            actor: Actor::default(),
            event,
        });
        // Views in between make later writes copy what is shared.
        if position % 16 == 0 {
            estate.publish();
        }
    }
    estate.publish()
}

fn view_of_all(all: &[Said]) -> Arc<GraphView> {
    view_of(
        all.iter()
            .map(|said| Event::ChangeRecorded(Box::new(change_of(said)))),
    )
}

fn conditions() -> impl Strategy<Value = ChangeConditions> {
    let words = |name: &'static str| {
        let word = (0..4_u8).prop_map(move |number| format!("{name}-{number}"));
        prop_oneof![
            3 => Just(Vec::new()),
            1 => prop::collection::vec(word, 1..3),
        ]
    };
    let time = || prop::option::weighted(0.3, (0..60_i64).prop_map(moment));
    (
        words("source"),
        words("kind"),
        words("env"),
        words("operator"),
        prop::collection::vec((0..3_usize).prop_map(|number| STATUSES[number]), 0..2),
        time(),
        time(),
        time(),
        prop::option::weighted(0.3, any::<bool>()),
    )
        .prop_map(
            |(
                sources,
                kinds,
                environments,
                operators,
                statuses,
                from,
                until,
                finished_from,
                bookkeeping,
            )| {
                ChangeConditions {
                    sources,
                    kinds,
                    environments,
                    operators,
                    statuses,
                    from,
                    until,
                    finished_from,
                    bookkeeping,
                    ..ChangeConditions::default()
                }
            },
        )
}

/// The same, one condition after the other.
fn passes(conditions: &ChangeConditions, change: &ChangeRow<'_>) -> bool {
    let listed = |list: &[String], is: Option<&str>| {
        list.is_empty() || is.is_some_and(|is| list.iter().any(|one| one == is))
    };
    let environments: Vec<String> = match change.environment() {
        Some(named) => vec![named.to_owned()],
        None => change
            .items()
            .iter()
            .filter_map(|item| item.environment().map(str::to_owned))
            .collect(),
    };
    let start = change.started_at();
    listed(&conditions.sources, Some(change.source()))
        && listed(&conditions.kinds, change.kind())
        && listed(&conditions.operators, change.operator())
        && (conditions.environments.is_empty()
            || environments
                .iter()
                .any(|is| conditions.environments.contains(is)))
        && (conditions.statuses.is_empty() || conditions.statuses.contains(&change.status()))
        && conditions.from.is_none_or(|from| from <= start)
        && conditions.until.is_none_or(|until| start < until)
        && conditions
            .bookkeeping
            .is_none_or(|wanted| change.is_bookkeeping() == wanted)
        && conditions
            .finished_from
            .is_none_or(|from| change.finished_at().is_some_and(|finish| from <= finish))
}

fn in_order(view: &GraphView, conditions: &ChangeConditions, order: ChangeOrder) -> Vec<ChangeId> {
    let mut passing: Vec<ChangeRow<'_>> = view
        .changes()
        .filter(|change| passes(conditions, change))
        .collect();
    passing.sort_by_key(|change| {
        let start = change.started_at().unix_nanos();
        let first = match order.by {
            ChangeOrderBy::Start => start,
            ChangeOrderBy::Finish => change.finished_at().map_or(i64::MAX, Timestamp::unix_nanos),
            ChangeOrderBy::Recorded => i64::try_from(change.statements()[0].number()).unwrap(),
            ChangeOrderBy::Relevance => unreachable!("not asked here"),
        };
        let first = if order.ascending { first } else { !first };
        let then = if order.by == ChangeOrderBy::Finish {
            Reverse(start)
        } else {
            Reverse(0)
        };
        (first, then, change.id())
    });
    passing.iter().map(ChangeRow::id).collect()
}

/// Every page of a list, one after the other.
fn paged(list: &ChangeList<'_>, size: usize, backward: bool) -> Vec<ChangeId> {
    let mut all: Vec<ChangeId> = Vec::new();
    let mut edge: Option<ChangePlace> = None;
    loop {
        let page = list.page(&ChangePageWanted {
            after: edge.filter(|_| !backward),
            before: edge.filter(|_| backward),
            size,
            backward,
        });
        assert!(page.entries.len() <= size);
        let ids = page.entries.iter().map(|(_, number)| {
            let change = list.view.change_numbered(*number);
            change.id()
        });
        if backward {
            all.splice(0..0, ids);
        } else {
            all.extend(ids);
        }
        let more = if backward {
            edge = page.entries.first().map(|(place, _)| *place);
            page.has_previous
        } else {
            edge = page.entries.last().map(|(place, _)| *place);
            page.has_next
        };
        if !more {
            return all;
        }
        assert_eq!(
            page.entries.len(),
            size,
            "a page with more behind it is full"
        );
    }
}

fn order() -> impl Strategy<Value = ChangeOrder> {
    let by = prop_oneof![
        Just(ChangeOrderBy::Start),
        Just(ChangeOrderBy::Finish),
        Just(ChangeOrderBy::Recorded)
    ];
    (by, any::<bool>()).prop_map(|(by, ascending)| ChangeOrder { by, ascending })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(testkit::cases(192)))]

    #[test]
    fn pages_and_counts_are_those_of_going_through_all(
        all in prop::collection::vec(said(), 1..60),
        conditions in prop_oneof![4 => conditions(), 1 => Just(ChangeConditions::default())],
        order in order(),
        size in 1..7_usize,
        backward in any::<bool>(),
        // A bit for each change; one more set holds all of them.
        among in prop::option::of(prop_oneof![Just(u64::MAX), any::<u64>()]),
    ) {
        let view = view_of_all(&all);
        let mut limits = conditions.clone();
        let mut members: Vec<ChangeNumber> = view.changes().map(|it| it.number()).collect();
        if let Some(bits) = among {
            limits.among = vec![Arc::new(view.change_set(members.iter().copied()))];
            let mut place = 0;
            members.retain(|_| { place += 1; bits & (1 << (place - 1)) != 0 });
            limits.among.push(Arc::new(view.change_set(members.iter().copied())));
        }
        let is_member = |id: &ChangeId| members.contains(&view.change_number(*id).unwrap());
        let in_order = |order| {
            let all = in_order(&view, &conditions, order).into_iter();
            all.filter(is_member).collect::<Vec<_>>()
        };
        let expected = in_order(order);
        let selection = ChangeSelection::new(&view, limits);
        let list = ChangeList { view: &view, selection: &selection, order, scores: &[] };
        prop_assert_eq!(&paged(&list, size, backward), &expected);
        prop_assert_eq!(selection.count(&view), expected.len());
        let newest_first = ChangeOrder { by: ChangeOrderBy::Start, ascending: false };
        let one_by_one: Vec<ChangeId> = selection.newest_first(&view).map(|it| it.id()).collect();
        prop_assert_eq!(one_by_one, in_order(newest_first));
        let noise = expected.iter().filter(|id| view.change(**id).unwrap().is_bookkeeping());
        prop_assert_eq!(selection.only_bookkeeping().count(&view), noise.count());
        let set = selection.set(&view);
        for change in view.changes() {
            let wanted = expected.contains(&change.id());
            prop_assert_eq!(set.contains(change.number()), wanted);
            prop_assert_eq!(selection.passes(&change), wanted);
        }
    }

    #[test]
    fn groups_count_each_change_under_each_of_its_values(
        all in prop::collection::vec(said(), 1..60),
        conditions in conditions(),
        spans in any::<bool>(),
    ) {
        let view = view_of_all(&all);
        let selection = ChangeSelection::new(&view, conditions.clone());
        let grouping = ChangeGrouping {
            by: vec![
                ChangeGroupBy::Kind, ChangeGroupBy::Environment, ChangeGroupBy::Status,
                ChangeGroupBy::Bookkeeping,
            ],
            moments: if spans { (0..=5).map(|ten| moment(ten * 10)).collect() } else { Vec::new() },
            at: moment(100),
        };
        type Key = (Option<usize>, Vec<Option<String>>);
        let mut expected: BTreeMap<Key, usize> = BTreeMap::new();
        let mut total = 0;
        for change in view.changes().filter(|change| passes(&conditions, change)) {
            let minute = change.started_at().unix_nanos() / (MINUTE * 1_000_000);
            let span = spans.then(|| usize::try_from(minute / 10).unwrap());
            total += 1;
            let mut environments: BTreeSet<Option<String>> = match change.environment() {
                Some(named) => [Some(named.to_owned())].into(),
                None => change.items().iter()
                    .filter_map(graph::Item::environment).map(|it| Some(it.to_owned())).collect(),
            };
            if environments.is_empty() {
                environments.insert(None);
            }
            let status = serde_json::to_value(change.status()).unwrap();
            for environment in environments {
                let kind = change.kind().map(str::to_owned);
                let status = status.as_str().map(str::to_owned);
                let noise = Some(change.is_bookkeeping().to_string());
                *expected.entry((span, vec![kind, environment, status, noise])).or_default() += 1;
            }
        }
        let grouped = selection.grouped(&view, &grouping);
        let found: BTreeMap<Key, usize> = grouped.groups.into_iter()
            .map(|group| ((group.span, group.values), group.count)).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(grouped.total, total);
    }

    #[test]
    fn a_restored_view_lists_the_same(all in prop::collection::vec(said(), 1..40)) {
        let mut estate = Estate::default();
        for (position, said) in (1_u64..).zip(&all) {
            estate.apply(&EventEnvelope {
                position: LogPosition::new(position),
                recorded_at: moment(0),
                id: EventId { source: SourceName::new("test"), delivery: position.to_string() },
                occurred_at: moment(i64::try_from(position).unwrap()),
                actor: Actor::default(),
                event: Event::ChangeRecorded(Box::new(change_of(said))),
            });
        }
        let view = estate.publish();
        let mut restored = Estate::restore(&estate.save()).unwrap();
        let restored = restored.publish();
        let order = ChangeOrder { by: ChangeOrderBy::Finish, ascending: false };
        let conditions = ChangeConditions { operators: vec!["operator-1".to_owned()], ..ChangeConditions::default() };
        let listed = |view: &GraphView| {
            let selection = ChangeSelection::new(view, conditions.clone());
            paged(&ChangeList { view, selection: &selection, order, scores: &[] }, 5, false)
        };
        prop_assert_eq!(listed(&view), listed(&restored));
    }

    #[test]
    fn changes_that_touch_items_are_those_whose_targets_mean_them(
        all in prop::collection::vec(said(), 1..60),
        wanted in prop::collection::btree_set(0..6_u8, 0..4),
    ) {
        let view = view_of_all(&all);
        let ids: Vec<CiId> = wanted.iter()
            .filter_map(|target| item(&view, &format!("service:env-{}/s{target}", target % 2)))
            .collect();
        let set = view.changes_touching(ids.iter().copied());
        for change in view.changes() {
            let touches = change.items().iter().any(|item| ids.contains(&item.id()));
            prop_assert_eq!(set.contains(change.number()), touches);
            prop_assert_eq!(
                view.change_first_said_at(change.statements()[0], None),
                Some(change.number())
            );
        }
    }
}

fn item(view: &GraphView, key: &str) -> Option<CiId> {
    let found = view.resolve(&SourceKey::text(key), None, moment(100));
    found.item().map(|item| item.id())
}

#[test]
fn relevance_orders_by_score_and_stays_stable_for_equal_ones() {
    let all: Vec<Said> = (0..4)
        .map(|change| Said {
            change,
            minute: i64::from(change),
            finish: None,
            kind: None,
            environment: None,
            status: None,
            operator: None,
            target: 0,
            bookkeeping: None,
        })
        .collect();
    let view = view_of_all(&all);
    let mut scores: Vec<(ChangeNumber, f32)> = view
        .changes()
        .map(|change| {
            let score = if change.source_id() == "2" { 2.5 } else { 1.0 };
            (change.number(), score)
        })
        .collect();
    scores.sort_by_key(|(number, _)| *number);
    let selection = ChangeSelection::new(&view, ChangeConditions::default());
    let order = ChangeOrder {
        by: ChangeOrderBy::Relevance,
        ascending: false,
    };
    let list = ChangeList {
        view: &view,
        selection: &selection,
        order,
        scores: &scores,
    };
    let ids = paged(&list, 1, false);
    let ids: Vec<&str> = ids
        .iter()
        .map(|id| view.change(*id).unwrap().source_id())
        .collect();
    assert_eq!(ids, ["2", "3", "1", "0"]);
}
