//! Where relations lie in memory, and since when, shows in no answer.
#![expect(clippy::indexing_slicing, reason = "a test fails where it is wrong")]

mod harmed;

use std::sync::Arc;

use graph::{
    BlastLimits, BlastRadius, Estate, GraphView, LayoutMade, NearbyLimits, NearbyQuestion,
    Projection, blast_radius, changes_nearby,
};
use model::{
    AsOf, CiId, Event, EventEnvelope, ListedRelation, ListedRelations, Lookback, NewEvent,
    Occurred, RelationKind, SourceKey, SourceName, Strength,
};
use proptest::prelude::*;
use testkit::{at, envelopes_of, events};

use harmed::harmed;

const ALL: BlastLimits = BlastLimits {
    hops_max: None,
    impacts_max: 1_000,
    visited_max: 10_000,
    score_min: 0.0,
};

/// One line of an estate, and what is said beyond it of a relation.
#[derive(Clone, Debug)]
struct Fact {
    line: String,
    strength: Option<Strength>,
    report_interval_ms: Option<u64>,
    by_another: bool,
}

fn facts(lines: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<Fact>> {
    let strength = prop_oneof![
        3 => Just(None),
        1 => Just(Some(Strength::Weak)),
        1 => Just(Some(Strength::Strong)),
    ];
    let minutes = prop_oneof![3 => Just(None), 2 => (1..200_u64).prop_map(|m| Some(m * 60_000))];
    let fact = (lines, strength, minutes, any::<bool>());
    let fact = fact.prop_map(|(line, strength, report_interval_ms, by_another)| Fact {
        line,
        strength,
        report_interval_ms,
        by_another,
    });
    prop::collection::vec(fact, 1..40)
}

const KINDS: [&str; 7] = [
    "->",
    "-publishes_to->",
    "-runs->",
    "-queries->",
    "-includes->",
    "-runs_on->",
    "-has_member->",
];

fn relation(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    (0..names.len(), 0..KINDS.len(), 0..names.len())
        .prop_map(|(one, kind, other)| format!("{} {} {}", names[one], KINDS[kind], names[other]))
}

const PLAIN: [&str; 8] = ["a", "b", "c", "d", "e", "pod:f", "pod:g", "pod:h"];
const NAMED: [&str; 8] = [
    "a",
    "service:prod/a",
    "service:x/a",
    "b",
    "service:prod/b",
    "uid=1",
    "uid=2",
    "pod:c",
];

/// Every item under one name: what an item lists names some in another way, and of statements about one relation
/// under several names each weighs for itself.
fn plain_facts() -> impl Strategy<Value = Vec<Fact>> {
    facts(prop_oneof![6 => relation(&PLAIN), 1 => quorum()]).prop_map(|mut facts| {
        let items = facts.iter_mut().filter(|it| it.line.starts_with("item "));
        items.for_each(|item| item.report_interval_ms = None);
        facts
    })
}

fn quorum() -> impl Strategy<Value = String> {
    let said = prop_oneof![Just("1"), Just("2"), Just("60%"), Just("no"), Just("3")];
    (0..5_usize, said)
        .prop_map(|(item, said)| format!("item service:{} quorum={said}", PLAIN[item]))
}

fn all_facts() -> impl Strategy<Value = Vec<Fact>> {
    let claim = (0..5_usize, 1..3_u8).prop_map(|(item, uid)| {
        let key = NAMED[item];
        let key = if key.contains(':') {
            key.to_owned()
        } else {
            format!("service:{key}")
        };
        format!("item {key} uid={uid} owner=team-{item}")
    });
    let end = (0..2_usize, 0..2_usize)
        .prop_map(|(one, other)| format!("end {} -> {} 09:30", NAMED[one * 3], NAMED[other * 3]));
    let change = (0..8_usize, 0..9_u8)
        .prop_map(|(item, hour)| format!("change c{item}{hour} {} 0{hour}:15", NAMED[item]));
    let deviated = (0..2_usize, 1..90_u8).prop_map(|(item, value)| {
        format!(
            "deviated {} -> b latency_ms 5 -> {value} 08:00-11:00",
            NAMED[item * 3]
        )
    });
    facts(prop_oneof![
        6 => relation(&NAMED), 2 => claim, 1 => end, 2 => change, 1 => deviated, 1 => quorum(),
    ])
}

fn log(facts: &[Fact]) -> Vec<EventEnvelope> {
    let mut log: Vec<NewEvent> = Vec::new();
    for (number, fact) in facts.iter().enumerate() {
        for mut event in events(&fact.line) {
            event.id.delivery.push_str(&number.to_string());
            if fact.by_another {
                event.id.source = SourceName::new("another");
            }
            if let Event::RelationObserved(relation) = &mut event.event {
                relation.strength = fact.strength;
                relation.report_interval_ms = fact.report_interval_ms;
            }
            if let Event::ItemObserved(item) = &mut event.event
                && fact.report_interval_ms.is_some()
            {
                item.report_interval_ms = fact.report_interval_ms;
                item.relations = Some(listed(&item.key, number));
                event.occurred = Occurred::Stated(at(&format!("09:{:02}", number % 60)));
            }
            log.push(event);
        }
    }
    envelopes_of(log)
}

/// A list of what an item needs: another one each time.
fn listed(of: &SourceKey, number: usize) -> ListedRelations {
    let others = ["service:a", "service:b", "service:prod/b", "pod:c"];
    let carried = others
        .iter()
        .enumerate()
        .filter(|(place, _)| (number >> place) & 1 == 0);
    let relations = carried.map(|(_, other)| ListedRelation {
        dependent: of.clone(),
        provider: SourceKey::text(*other),
        kind: RelationKind::new("calls"),
        strength: None,
    });
    ListedRelations {
        of: of.clone(),
        by: None,
        relations: relations.collect(),
    }
}

/// The estate, laid out aside: begun after so many events and taken after so many more.
fn folded_aside(
    log: &[EventEnvelope],
    asides: &[(usize, usize)],
    publishes: bool,
) -> Arc<GraphView> {
    let mut estate = Estate::default();
    let mut made: Vec<(usize, LayoutMade)> = Vec::new();
    for (number, envelope) in log.iter().enumerate() {
        for (begun, took) in asides.iter().filter(|(begun, _)| *begun == number) {
            made.push((begun + took, estate.lay_out_aside().make()));
        }
        for (_, made) in made.extract_if(.., |(due, _)| *due == number) {
            estate.take_layout(made);
        }
        estate.apply(envelope);
        if publishes {
            estate.publish();
        }
    }
    for (_, made) in made {
        estate.take_layout(made);
    }
    estate.publish()
}

/// The estate, laid out after each of the given numbers of events, published after each event or at the end only.
fn folded(log: &[EventEnvelope], laid_out_after: &[usize], publishes: bool) -> Arc<GraphView> {
    let mut estate = Estate::default();
    for (number, envelope) in log.iter().enumerate() {
        if laid_out_after.contains(&number) {
            estate.lay_out();
        }
        estate.apply(envelope);
        if publishes {
            estate.publish();
        }
    }
    if laid_out_after.contains(&log.len()) {
        estate.lay_out();
    }
    estate.publish()
}

fn radius(view: &GraphView, origins: &[CiId], limits: BlastLimits) -> BlastRadius {
    let as_of = AsOf {
        valid_at: at("10:00"),
        known_at: view.position(),
    };
    blast_radius(view, origins, as_of, limits)
}

/// Everything one can ask, as text.
fn answers(view: &GraphView, limits: BlastLimits) -> Vec<String> {
    let mut answers = view.lines();
    for item in view.items() {
        answers.push(format!("{:?}", radius(view, &[item.id()], limits)));
        answers.push(format!(
            "{:?} {:?}",
            item.depends_on(at("10:00")),
            item.used_by(at("10:00"))
        ));
        let question = NearbyQuestion {
            items: vec![item.id()],
            incidents: Vec::new(),
            unknown_items: Vec::new(),
            at: at("10:00"),
            lookback: Lookback::hours(72),
            judgements: graph::Judgements::Count,
            model: graph::RankingModel::default(),
        };
        let limits = NearbyLimits {
            first: 100,
            considered_max: 1_000,
            looked_at_max: 10_000,
            visited_max: 10_000,
        };
        answers.push(format!(
            "{:?}",
            changes_nearby(view, &question, &|_| true, limits)
        ));
    }
    answers
}

fn alike(answers: &[String], expected: &[String]) -> Result<(), TestCaseError> {
    prop_assert_eq!(answers.len(), expected.len());
    for (answer, expected) in answers.iter().zip(expected) {
        prop_assert_eq!(answer, expected);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(testkit::cases(300)))]

    #[test]
    fn what_was_laid_out_when_shows_in_no_answer(
        facts in all_facts(),
        laid_out_after in prop::collection::vec(0..40_usize, 0..4),
        publishes in any::<bool>(),
        hops_max in prop::option::of(1..5_u32),
        visited_max in prop::option::of(1..6_usize),
        impacts_max in 1..9_usize,
    ) {
        let limits = BlastLimits { hops_max, impacts_max, visited_max: visited_max.unwrap_or(1_000), ..ALL };
        let log = log(&facts);
        let expected = answers(&folded(&log, &[], false), limits);
        alike(&answers(&folded(&log, &laid_out_after, publishes), limits), &expected)?;
        alike(&answers(&folded(&log, &[log.len()], false), limits), &expected)?;
    }

    #[test]
    fn what_was_laid_out_aside_shows_in_no_answer(
        facts in all_facts(),
        asides in prop::collection::vec((0..40_usize, 0..20_usize), 1..4),
        publishes in any::<bool>(),
    ) {
        let log = log(&facts);
        let expected = answers(&folded(&log, &[], false), ALL);
        alike(&answers(&folded_aside(&log, &asides, publishes), ALL), &expected)?;
    }

    #[test]
    fn a_saved_estate_answers_alike_however_it_lies(
        facts in all_facts(),
        saved_after in 0..40_usize,
        laid_out_after in 0..40_usize,
    ) {
        let log = log(&facts);
        let saved_after = saved_after.min(log.len());
        let mut estate = Estate::default();
        for (number, envelope) in log.iter().enumerate() {
            if number == laid_out_after {
                estate.lay_out();
            }
            if number == saved_after {
                estate = Estate::restore(&estate.save()).unwrap();
            }
            estate.apply(envelope);
        }
        alike(&answers(&estate.publish(), ALL), &answers(&folded(&log, &[], false), ALL))?;
    }

    #[test]
    fn scores_and_steps_are_those_of_the_oracle(facts in plain_facts(), hops_max in prop::option::of(1..6_u32)) {
        let view = folded(&log(&facts), &[facts.len() / 2], false);
        for item in view.items() {
            let found = radius(&view, &[item.id()], BlastLimits { hops_max, ..ALL });
            let expected = harmed(&view, item, hops_max.unwrap_or(20));
            prop_assert_eq!(found.total, expected.len());
            for impact in &found.impacts {
                let (score, hops) = &expected[&impact.item];
                prop_assert!((impact.score - score).abs() < 1e-9, "{} {score}", impact.score);
                prop_assert_eq!(impact.hops, *hops);
                prop_assert_eq!(impact.hops as usize, impact.path.len());
            }
        }
    }
}
