//! Which incidents are one: those that began near in time and that harm from one item explains.
//!
//! A group is derived when somebody asks, from what is known and the moment asked about; nothing of it is stored,
//! so a better relation or a late alert repairs the past. It joins incidents and changes none of them.
//! What somebody says of two incidents ([`model::IncidentsJudged`]) comes before what harm says.
//! What it deliberately does not do: guess by words, or join what no known relation connects.

mod components;
mod judged;
mod origins;
mod rules;
mod said;
mod sets;
mod sweep;

use std::collections::{BTreeMap, BTreeSet};

use model::{Belonging, CiId, IncidentId, IncidentStatus, Timestamp};

pub use components::GroupComponent;
use judged::JudgedPair;
pub(crate) use judged::JudgedPairs;
pub(crate) use origins::Finder;
pub use rules::{GROUPING, GROUPING_VERSION, GroupLevel, Grouping, LEVEL_UNSTATED};
pub use said::MemberReason;
pub use sets::GroupLimit;

use crate::structure::Criticality;
use crate::view::{GraphView, IncidentRow};
use components::Components;
use sweep::{Alert, Swept, sweep};

/// Of which time groups are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupsAsked {
    /// Groups of which an incident began at this moment or later.
    pub from: Timestamp,
    /// And before this one.
    pub to: Timestamp,
    /// What began after this moment is not seen.
    pub seen_until: Timestamp,
    /// How many incidents are looked at, the newest.
    pub looked_at_max: usize,
}

/// The groups of a time.
pub struct IncidentGroups<'v> {
    view: &'v GraphView,
    swept: Swept<'v>,
    asked: GroupsAsked,
    /// Members of each group by the number of its first one.
    members: BTreeMap<usize, Vec<usize>>,
    /// Chains of which the beginning was not looked at.
    begun_before: BTreeSet<usize>,
    group_of: Vec<usize>,
    cut_short: bool,
}

/// A group by the number of its first member; good for one [`IncidentGroups`] only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupNumber(usize);

/// Incidents that are one.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentGroup {
    /// What it is called by: the first that people declared, else the first on its lowest component.
    pub head: IncidentId,
    /// Those that people declared, in order of beginning.
    pub declared: Vec<IncidentId>,
    /// All of it: those on the lowest component first, then in order of beginning.
    pub members: Vec<GroupMember>,
    /// What explains its members, the lowest first.
    pub components: Vec<GroupComponent>,
    /// The items that show symptoms, in the order of the members.
    pub items: Vec<CiId>,
    /// When its first member began.
    pub started_at: Timestamp,
    /// When its last member began.
    pub last_started_at: Timestamp,
    /// When the last of it ended, if all are over.
    pub ended_at: Option<Timestamp>,
    /// Open while one is, then acknowledged while one is.
    pub status: IncidentStatus,
    /// How many are not over.
    pub open: usize,
    /// How bad it is as a whole.
    pub level: GroupLevel,
    /// Why.
    pub level_reason: String,
    /// Members of groups that would be one with it without a limit, and the limit.
    pub adjoining: Vec<(IncidentId, GroupLimit)>,
    /// Whether its chain reaches further back than was looked at, or some incident has more origins than are.
    pub truncated: bool,
}

/// An incident of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupMember {
    /// The incident.
    pub incident: IncidentId,
    /// How many members its lowest item explains, itself among them.
    pub explains: usize,
    /// Why it belongs: none for what began first.
    pub reasons: Vec<MemberReason>,
}

impl<'v> IncidentGroups<'v> {
    /// Every group of a time.
    pub fn find(view: &'v GraphView, asked: GroupsAsked) -> Self {
        let span = GROUPING.span();
        let window = GROUPING.window();
        // What began a window after the last member may be a group beside it.
        let until = asked.to.plus_nanos(span).plus_nanos(window);
        let until = until.min(asked.seen_until);
        let first = asked.from.plus_nanos(-span);
        let division = GROUPING.division();
        let begin = first.unix_nanos().div_euclid(division) - 1;
        let begin = Timestamp::from_unix_nanos(begin.saturating_mul(division));
        let mut rows: Vec<(Timestamp, IncidentRow<'v>)> = view
            .incidents_unsorted()
            .map(|row| (row.started_at(), row))
            .filter(|(start, _)| begin.plus_nanos(-window) <= *start && *start <= until)
            .collect();
        rows.sort_by_cached_key(|(start, row)| (*start, row.id()));
        let judged = view.judged_within(span);
        let (from, follows) = pause_before(&rows, first, begin, &judged);
        rows.drain(..from);
        let too_many = rows.len().saturating_sub(asked.looked_at_max);
        rows.drain(..too_many);
        let edge = rows.first().map(|(start, _)| start.plus_nanos(window));
        let swept = sweep(view, rows, &judged);
        let is_cut = follows || 0 < too_many;
        Self::of(view, swept, asked, edge.filter(|_| is_cut), 0 < too_many)
    }

    fn of(
        view: &'v GraphView,
        mut swept: Swept<'v>,
        asked: GroupsAsked,
        edge: Option<Timestamp>,
        cut_short: bool,
    ) -> Self {
        let numbers = 0..swept.alerts.len();
        let group_of: Vec<usize> = numbers.map(|number| swept.sets.root(number)).collect();
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (number, group) in group_of.iter().enumerate() {
            members.entry(*group).or_default().push(number);
        }
        let mut begun_before = BTreeSet::new();
        if let Some(edge) = edge {
            let early = swept.alerts.iter().take_while(|alert| alert.start <= edge);
            let early = early.count();
            begun_before.extend((0..early).map(|number| swept.chains.root(number)));
        }
        Self {
            view,
            swept,
            asked,
            members,
            begun_before,
            group_of,
            cut_short,
        }
    }

    /// Whether there were more incidents than are looked at.
    pub fn cut_short(&self) -> bool {
        self.cut_short
    }

    /// The groups of which an incident began in the time asked about, in order of their beginning.
    pub fn numbers(&self) -> impl Iterator<Item = GroupNumber> {
        let in_time = |number: &usize| {
            let start = self.swept.alerts.get(*number).map(|alert| alert.start);
            start.is_some_and(|start| self.asked.from <= start && start < self.asked.to)
        };
        let groups = self.members.iter();
        groups
            .filter(move |(_, members)| members.iter().any(in_time))
            .map(|(group, _)| GroupNumber(*group))
    }

    /// The group of an incident, if it began in a time that was looked at.
    pub fn number_of(&self, incident: IncidentId) -> Option<GroupNumber> {
        let number = self.swept.alerts.iter().position(|it| it.id == incident)?;
        self.group_of.get(number).copied().map(GroupNumber)
    }

    /// The incidents of a group, in order of beginning.
    pub fn rows(&self, group: GroupNumber) -> impl Iterator<Item = IncidentRow<'v>> {
        self.alerts(group).map(|alert| alert.row)
    }

    /// A group in full.
    pub fn group(&self, group: GroupNumber) -> IncidentGroup {
        let view = self.view;
        let alerts: Vec<&Alert<'v>> = self.alerts(group).collect();
        let links = said::links_of(&self.swept, &self.group_of, group.0);
        let through = links.iter().filter_map(|link| link.through).collect();
        let components = Components::of(view, &alerts, &through);
        let mut order: Vec<(usize, &Alert<'v>)> = alerts
            .iter()
            .map(|alert| (components.place_of(&alert.items), *alert))
            .collect();
        // It is stable: what lies on one component stays in order of beginning.
        order.sort_by_key(|(place, _)| *place);
        let mut reasons = said::reasons(view, &self.swept, &links);
        let members: Vec<GroupMember> = order
            .iter()
            .map(|(_, alert)| GroupMember {
                incident: alert.id,
                explains: components.explains(&alert.items),
                reasons: reasons.remove(&alert.id).unwrap_or_default(),
            })
            .collect();
        let declared = alerts.iter().filter(|alert| alert.row.is_declared());
        let declared: Vec<IncidentId> = declared.map(|alert| alert.id).collect();
        let lowest = order.first().map(|(_, alert)| alert.id);
        let head = declared.first().copied().or(lowest);
        let (level, level_reason) = level(view, &alerts);
        let open = alerts.iter().filter(|alert| !is_over(alert.row)).count();
        IncidentGroup {
            head: head.expect("a group has a member"),
            declared,
            members,
            components: components.all,
            items: items(view, &order),
            started_at: alerts.first().map_or(Timestamp::MIN, |alert| alert.start),
            last_started_at: alerts.last().map_or(Timestamp::MIN, |alert| alert.start),
            ended_at: (open == 0).then(|| ended_at(&alerts)).flatten(),
            status: status(&alerts),
            open,
            level,
            level_reason,
            adjoining: self.adjoining(group),
            truncated: self.is_truncated(group),
        }
    }

    fn alerts(&self, group: GroupNumber) -> impl Iterator<Item = &Alert<'v>> {
        let members = self.members.get(&group.0).into_iter().flatten();
        members.filter_map(|number| self.swept.alerts.get(*number))
    }

    /// One incident of each group that a limit keeps apart from a group.
    fn adjoining(&self, group: GroupNumber) -> Vec<(IncidentId, GroupLimit)> {
        let mut found: BTreeMap<usize, GroupLimit> = BTreeMap::new();
        for (one, other, limit) in &self.swept.apart {
            let of = |number: &usize| self.group_of.get(*number).copied();
            for (here, there) in [(of(one), of(other)), (of(other), of(one))] {
                if let Some(there) = there.filter(|it| here == Some(group.0) && *it != group.0) {
                    found.entry(there).or_insert(*limit);
                }
            }
        }
        let first = |number: &usize| self.swept.alerts.get(*number).map(|alert| alert.id);
        let found = found.iter();
        found
            .filter_map(|(other, limit)| Some((first(other)?, *limit)))
            .collect()
    }

    fn is_truncated(&self, group: GroupNumber) -> bool {
        let members = self.members.get(&group.0).into_iter().flatten();
        let cut = |number: &usize| self.swept.origins_cut.get(*number) == Some(&true);
        let begun_before = self.swept.chains.standing(group.0);
        self.begun_before.contains(&begun_before) || members.into_iter().any(cut)
    }
}

/// From where on a list is looked at: from the last pause of a whole window that no chain crosses, and nobody says
/// that what lies on both sides is one, else from a fixed moment, and whether something came right before that.
fn pause_before(
    rows: &[(Timestamp, IncidentRow<'_>)],
    first: Timestamp,
    begin: Timestamp,
    judged: &[JudgedPair<'_>],
) -> (usize, bool) {
    let early = rows.partition_point(|(start, _)| *start < begin);
    let wanted = rows.partition_point(|(start, _)| *start < first);
    let window = GROUPING.window();
    let pairs = rows
        .windows(2)
        .enumerate()
        .take(wanted)
        .skip(early.saturating_sub(1));
    let is_tied = |before: Timestamp, after: Timestamp| {
        let tied = |pair: &JudgedPair<'_>| {
            let is_across = pair.earlier.0 <= before && after <= pair.later.0;
            is_across && pair.said.verdict == Belonging::Together
        };
        judged.iter().any(tied)
    };
    let mut pauses = pairs.filter_map(|(place, pair)| match pair {
        [(before, _), (after, _)] => {
            let is_pause = before.plus_nanos(window) < *after && !is_tied(*before, *after);
            is_pause.then_some(place + 1)
        }
        _ => None,
    });
    match pauses.next_back() {
        Some(place) => (place, false),
        None => (early, 0 < early),
    }
}

fn is_over(row: IncidentRow<'_>) -> bool {
    row.status() == IncidentStatus::Resolved
}

fn status(alerts: &[&Alert<'_>]) -> IncidentStatus {
    let of = |status: IncidentStatus| alerts.iter().any(|alert| alert.row.status() == status);
    let standing = [IncidentStatus::Open, IncidentStatus::Acknowledged];
    let standing = standing.into_iter().find(|status| of(*status));
    standing.unwrap_or(IncidentStatus::Resolved)
}

fn ended_at(alerts: &[&Alert<'_>]) -> Option<Timestamp> {
    alerts.iter().filter_map(|it| it.row.resolved_at()).max()
}

/// Every item once, in the order of the members.
fn items(view: &GraphView, order: &[(usize, &Alert<'_>)]) -> Vec<CiId> {
    let mut seen = BTreeSet::new();
    let items = order.iter().flat_map(|(_, alert)| &alert.items);
    items
        .filter(|item| seen.insert(**item))
        .map(|item| view.item_at(*item).id())
        .collect()
}

/// How bad a group is: the worst that any source says, moved by the most critical item that shows symptoms.
fn level(view: &GraphView, alerts: &[&Alert<'_>]) -> (GroupLevel, String) {
    let said = alerts.iter().filter_map(|alert| {
        let word = alert.row.severity()?;
        Some((GroupLevel::read(word)?, word))
    });
    let worst = said.min_by_key(|(level, _)| *level);
    let items: BTreeSet<_> = alerts.iter().flat_map(|alert| &alert.items).collect();
    let criticality = |item: &crate::identity::ItemIx| {
        let item = view.item_at(*item);
        Some((Criticality::read(item.criticality()?)?, item.key()))
    };
    let most = items.into_iter().filter_map(criticality).min();
    let (stated, base) = match worst {
        Some((level, word)) => (format!("the worst is stated as {word:?}"), level),
        None => ("no stated severity is known".to_owned(), LEVEL_UNSTATED),
    };
    match most {
        None => (base, format!("{stated}: {}", base.name())),
        Some((criticality, key)) => {
            let level = base.on(Some(criticality));
            let moved = match level.cmp(&base) {
                std::cmp::Ordering::Less => ", one worse",
                std::cmp::Ordering::Greater => ", one better",
                std::cmp::Ordering::Equal => "",
            };
            let critical = criticality.name();
            let reason = format!(
                "{stated}: {}; the most critical that shows symptoms is {key} ({critical}){moved}: {}",
                base.name(),
                level.name()
            );
            (level, reason)
        }
    }
}
