//! The search from both sides against the one from the rule's side alone.

use proptest::prelude::*;
use testkit::{at, envelopes_of, events};

use super::*;
use crate::{Estate, Projection};

/// So many items an estate has.
const ITEMS: usize = 12;

/// One rule: what it names, where it looks and how far.
#[derive(Clone, Debug)]
struct Asked {
    origins: Vec<usize>,
    reach: RuleReach,
    hops_max: u32,
}

/// The shortest way, searched from what a rule names and by nothing else.
struct Oracle<'v> {
    topology: Topology<'v>,
    reach: RuleReach,
    hops_max: u32,
    visited_max: usize,
}

impl Oracle<'_> {
    fn run(&self, origins: &[ItemIx], targets: &[ItemIx]) -> Found {
        let mut came: BTreeMap<ItemIx, Option<Came>> = BTreeMap::new();
        let mut ring: Vec<ItemIx> = Vec::new();
        for origin in origins {
            if came.insert(*origin, None).is_none() {
                ring.push(*origin);
            }
        }
        let mut hops = 0;
        loop {
            if let Some(hit) = ring.iter().find(|item| targets.contains(item)) {
                return self.way(*hit, &came);
            }
            if ring.is_empty() || hops == self.hops_max {
                return Found::Nothing;
            }
            hops += 1;
            ring = self.next(&ring, &mut came);
            if self.visited_max < came.len() {
                return Found::CutShort;
            }
        }
    }

    fn next(&self, ring: &[ItemIx], came: &mut BTreeMap<ItemIx, Option<Came>>) -> Vec<ItemIx> {
        let mut next = Vec::new();
        for from in ring {
            let needs = self.topology.providers(*from).map(|edge| (edge, false));
            let needed = self.topology.dependents(*from).map(|edge| (edge, true));
            let needs = needs.filter(|_| self.reach != RuleReach::UsedBy);
            let needed = needed.filter(|_| self.reach != RuleReach::DependsOn);
            for (edge, against_arrow) in needs.chain(needed) {
                let other = self.topology.item_of(edge);
                if self.visited_max < came.len() || came.contains_key(&other) {
                    continue;
                }
                let step = Came {
                    from: *from,
                    row: edge.row,
                    against_arrow,
                };
                came.insert(other, Some(step));
                next.push(other);
            }
        }
        next.sort_unstable();
        next
    }

    fn way(&self, target: ItemIx, came: &BTreeMap<ItemIx, Option<Came>>) -> Found {
        let view = self.topology.view();
        let (mut path, mut item) = (Vec::new(), target);
        while let Some(Some(step)) = came.get(&item) {
            let relation = Relation::of_step(view, step.row);
            path.push(PathStep::of(&relation, step.against_arrow));
            item = step.from;
        }
        path.reverse();
        Found::Way(view.item_at(target).id(), path)
    }
}

fn estate(relations: &[(usize, usize, bool)]) -> std::sync::Arc<GraphView> {
    let mut text = String::new();
    for item in 0..ITEMS {
        text.push_str(&format!("item service:s{item}\n"));
    }
    for (dependent, provider, calls) in relations.iter().filter(|(one, other, _)| one != other) {
        let kind = if *calls { "->" } else { "-publishes_to->" };
        text.push_str(&format!("s{dependent} {kind} s{provider}\n"));
    }
    let mut estate = Estate::default();
    for envelope in envelopes_of(events(&text)) {
        estate.apply(&envelope);
    }
    estate.publish()
}

fn item(view: &GraphView, number: usize) -> ItemIx {
    let key = model::SourceKey::text(format!("service:s{number}"));
    let found = view.resolve(&key, None, at("10:00"));
    found.item().expect("every item was told").item
}

fn shown(found: &Found) -> String {
    match found {
        Found::Way(target, path) => format!("{target} by {path:?}"),
        Found::Nothing => "nothing".to_owned(),
        Found::CutShort => "cut short".to_owned(),
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    let reach = prop_oneof![
        3 => Just(RuleReach::DependsOn),
        2 => Just(RuleReach::UsedBy),
        2 => Just(RuleReach::Both),
    ];
    let origins = prop::collection::vec(0..ITEMS, 0..4);
    let hops_max = prop_oneof![3 => 0..5_u32, 1 => Just(u32::MAX)];
    (origins, reach, hops_max).prop_map(|(origins, reach, hops_max)| Asked {
        origins,
        reach,
        hops_max,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(testkit::cases(512)))]

    /// Whatever is looked at first and from where, the answer and its way are those of a search from the rule's side;
    /// and where that one gives up, this one gives up or knows what it would have found.
    #[test]
    fn one_search_for_all_rules_answers_as_one_for_each(
        relations in prop::collection::vec((0..ITEMS, 0..ITEMS, prop::bool::weighted(0.8)), 0..36),
        targets in prop::collection::vec(0..ITEMS, 0..4),
        rules in prop::collection::vec(asked(), 1..6),
        first_look in (0..8_usize, 0..8_usize),
        bound in 0..=ITEMS,
    ) {
        let view = estate(&relations);
        let items = |numbers: &[usize]| -> Vec<ItemIx> {
            numbers.iter().map(|number| item(&view, *number)).collect()
        };
        let change = AskedChange {
            change: None,
            targets: items(&targets).iter().map(|it| view.item_at(*it).id()).collect(),
            unknown_targets: Vec::new(),
            environment: None,
            kind: None,
            level: None,
            scene: None,
            goal: None,
            by_administrator: false,
            start: at("10:00"),
            finish: at("10:30"),
        };
        for visited_max in [usize::MAX, bound] {
            let mut within = Within::of(&view, at("10:00"), &change, visited_max);
            within.first_look = first_look;
            for rule in &rules {
                let origins = items(&rule.origins);
                let alone = |visited_max: usize| {
                    let topology = Topology::new(&view, at("10:00"));
                    let (reach, hops_max) = (rule.reach, rule.hops_max);
                    let oracle = Oracle { topology, reach, hops_max, visited_max };
                    shown(&oracle.run(&origins, &items(&targets)))
                };
                let found = shown(&within.way(&origins, rule.reach, rule.hops_max));
                if alone(visited_max) == "cut short" && found == "cut short" {
                    continue;
                }
                prop_assert_eq!(found, alone(usize::MAX));
            }
        }
    }
}
