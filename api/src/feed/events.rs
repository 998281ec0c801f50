//! The events of a feed, as iCalendar writes them.

use std::collections::BTreeSet;

use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarProperty, ICalendarStatus,
    ICalendarTransparency, ICalendarValue,
};
use graph::{AskedChange, ChangeRow, Declared, Exemption, GraphView, MayLimits};
use model::{
    AsOf, CalendarRuleDeclared, ChangeScope, ExemptionKind, RuleEffect, TimeSpan, Timestamp,
};
use sha2::{Digest, Sha256};

use super::Asked;

/// Most changes of a feed, those that begin last first.
const CHANGES_MAX: usize = 5_000;
/// How far rules are followed, as in a question to the calendar.
const LIMITS: MayLimits = MayLimits {
    visited_max: 50_000,
    changes_max: 200,
};

/// One event.
struct Event {
    uid: String,
    stamped_at: Timestamp,
    /// How often it was stated before.
    sequence: usize,
    from: Timestamp,
    until: Option<Timestamp>,
    summary: String,
    description: String,
    category: &'static str,
    status: ICalendarStatus,
    /// Whether somebody who is asked for a meeting would be free.
    is_free: bool,
}

/// The whole feed.
pub(super) fn written(graph: &GraphView, asked: &Asked) -> String {
    let mut events = Vec::new();
    let mut notes = Vec::new();
    changes(graph, asked, &mut events, &mut notes);
    rules(graph, asked, &mut events);
    let exemptions = graph.exemptions(asked.to);
    let meant = exemptions.filter(|it| is_meant(graph, &it.granted.scope, asked));
    events.extend(meant.filter_map(|it| exemption(&it, asked)));
    events.sort_by(|one, other| (one.from, &one.uid).cmp(&(other.from, &other.uid)));
    let mut root = ICalendarComponent::new(ICalendarComponentType::VCalendar);
    root.add_property(ICalendarProperty::Version, "2.0");
    root.add_property(
        ICalendarProperty::Prodid,
        "-//Epicenter//Calendar of changes//EN",
    );
    root.add_property(ICalendarProperty::Method, "PUBLISH");
    for name in ["NAME", "X-WR-CALNAME"] {
        root.add_property(
            ICalendarProperty::Other(name.to_owned()),
            "Calendar of changes",
        );
    }
    // How often a program should come again.
    let interval = ICalendarProperty::Other("X-PUBLISHED-TTL".to_owned());
    root.add_property(interval, "PT15M");
    if !notes.is_empty() {
        root.add_property(ICalendarProperty::Description, notes.join(" "));
    }
    let mut components = vec![root];
    components.extend(events.into_iter().map(Event::into_component));
    let events = 1..u32::try_from(components.len()).unwrap_or(u32::MAX);
    if let Some(root) = components.first_mut() {
        root.component_ids.extend(events);
    }
    ICalendar { components }.to_string()
}

fn changes(graph: &GraphView, asked: &Asked, events: &mut Vec<Event>, notes: &mut Vec<String>) {
    let item = asked.item.and_then(|item| graph.item(item));
    let in_time = graph.changes_between(asked.from, asked.to);
    let meant = in_time.filter(|change| {
        let is_planned = change.planned_start_at().is_some();
        let touches = item.is_none_or(|item| change.touches(item));
        is_planned && touches && in_environment(change, asked)
    });
    for (taken, change) in meant.enumerate() {
        if taken == CHANGES_MAX {
            notes.push(format!(
                "Only the {CHANGES_MAX} changes that begin last are shown."
            ));
            break;
        }
        events.push(event_of(&change, asked));
    }
}

fn in_environment(change: &ChangeRow<'_>, asked: &Asked) -> bool {
    let Some(wanted) = asked.environment.as_deref() else {
        return true;
    };
    match change.environment() {
        Some(own) => is_inside(own, wanted),
        None => {
            let items = change.items();
            let mut own = items.iter().filter_map(graph::Item::environment);
            own.any(|own| is_inside(own, wanted))
        }
    }
}

fn is_inside(name: &str, wanted: &str) -> bool {
    name == wanted
        || name
            .strip_prefix(wanted)
            .is_some_and(|rest| rest.starts_with('/'))
}

fn event_of(change: &ChangeRow<'_>, asked: &Asked) -> Event {
    let from = change.planned_start_at().unwrap_or(change.started_at());
    let until = change.planned_finish_at().filter(|until| from < *until);
    let mut said = vec![format!("status: {}", word(change))];
    let texts = [
        ("environment", change.environment()),
        ("level", change.level()),
        ("kind", change.kind()),
    ];
    said.extend(
        texts
            .into_iter()
            .filter_map(|(name, text)| Some(format!("{name}: {}", text?))),
    );
    let items = change.items();
    let touched: Vec<String> = items.iter().take(20).map(graph::Item::key).collect();
    if !touched.is_empty() {
        said.push(format!("touches: {}", touched.join(", ")));
    }
    said.push(format!("{} {}", change.source(), change.source_id()));
    let status = match change.status().came_to_nothing() {
        true => ICalendarStatus::Cancelled,
        false => ICalendarStatus::Confirmed,
    };
    Event {
        uid: format!("{}@epicenter", change.id()),
        stamped_at: change.started_at().min(asked.today),
        sequence: change.statements().len().saturating_sub(1),
        from,
        until,
        summary: change.title().to_owned(),
        description: said.join("\n"),
        category: "CHANGE",
        status,
        is_free: false,
    }
}

/// Where a change stands, as events write it.
fn word(change: &ChangeRow<'_>) -> String {
    let word = serde_json::to_value(change.status()).unwrap_or_default();
    word.as_str().unwrap_or_default().to_owned()
}

fn rules(graph: &GraphView, asked: &Asked, events: &mut Vec<Event>) {
    let applying = asked.item.map(|_| applying(graph, asked));
    for rule in graph.calendar_rules(asked.to) {
        let is_meant = match &applying {
            Some(names) => names.contains(rule.what.name.as_str()),
            None => environments_fit(&rule.what.scope, asked),
        };
        let (category, called) = match rule.what.effect {
            RuleEffect::Freeze => ("FREEZE", "Freeze"),
            RuleEffect::Window => ("WINDOW", "Window"),
            RuleEffect::Spacing => continue,
        };
        if !is_meant {
            continue;
        }
        let spans = rule.what.times.overlapping(asked.from, asked.to);
        // What always holds has no place on a calendar.
        let bounded = spans
            .into_iter()
            .filter(|span| Timestamp::MIN < span.from && span.until < Timestamp::MAX);
        events.extend(bounded.map(|span| rule_event(&rule, span, category, called)));
    }
}

fn rule_event(
    rule: &Declared<'_, CalendarRuleDeclared>,
    span: TimeSpan,
    category: &'static str,
    called: &str,
) -> Event {
    let what = &rule.what;
    let mut said: Vec<String> = what.reason.iter().cloned().collect();
    said.extend(scope_said(&what.scope));
    said.push(format!("rule {}", what.name));
    Event {
        uid: uid("rule", &what.name, span.from),
        stamped_at: rule.declared_at,
        sequence: 0,
        from: span.from,
        until: Some(span.until),
        summary: format!("{called}: {}", what.title.as_ref().unwrap_or(&what.name)),
        description: said.join("\n"),
        category,
        status: ICalendarStatus::Confirmed,
        is_free: what.effect == RuleEffect::Window,
    }
}

fn exemption(exemption: &Exemption<'_>, asked: &Asked) -> Option<Event> {
    let (granted, span) = (exemption.granted, exemption.span);
    if asked.to <= span.from || span.until <= asked.from || span.until <= span.from {
        return None;
    }
    let called = match granted.kind {
        ExemptionKind::GreenChannel => "Green channel",
        ExemptionKind::WhiteList => "White list",
    };
    let mut said = vec![granted.reason.clone()];
    said.extend(
        granted
            .approver
            .iter()
            .map(|who| format!("allowed by: {who}")),
    );
    if !granted.rules.is_empty() {
        said.push(format!("lifts: {}", granted.rules.join(", ")));
    }
    said.extend(
        granted
            .change
            .iter()
            .map(|change| format!("for: {} {}", change.source, change.source_id)),
    );
    said.extend(scope_said(&granted.scope));
    Some(Event {
        uid: uid("exemption", &granted.name, span.from),
        stamped_at: span.from.min(asked.today),
        sequence: 0,
        from: span.from,
        until: Some(span.until),
        summary: format!("{called}: {}", granted.name),
        description: said.join("\n"),
        category: "EXEMPTION",
        status: ICalendarStatus::Confirmed,
        is_free: true,
    })
}

/// The same name and beginning have the same id whenever the feed is asked for.
fn uid(kind: &str, name: &str, from: Timestamp) -> String {
    let digest = Sha256::digest(format!("{kind}\n{name}\n{from}").as_bytes());
    let hash: String = digest
        .iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{kind}-{hash}@epicenter")
}

fn scope_said(scope: &ChangeScope) -> Vec<String> {
    let items: Vec<String> = scope.items.iter().map(ToString::to_string).collect();
    let lists = [
        ("items", &items),
        ("environments", &scope.environments),
        ("kinds", &scope.kinds),
        ("levels", &scope.levels),
        ("scenes", &scope.scenes),
    ];
    let given = lists.into_iter().filter(|(_, list)| !list.is_empty());
    given
        .map(|(name, list)| format!("{name}: {}", list.join(", ")))
        .collect()
}

fn environments_fit(scope: &ChangeScope, asked: &Asked) -> bool {
    let Some(wanted) = asked.environment.as_deref() else {
        return true;
    };
    let mut own = scope.environments.iter();
    scope.environments.is_empty() || own.any(|own| is_inside(wanted, own) || is_inside(own, wanted))
}

fn is_meant(graph: &GraphView, scope: &ChangeScope, asked: &Asked) -> bool {
    let Some(wanted) = asked.item else {
        return environments_fit(scope, asked);
    };
    let means = |key: &model::SourceKey| {
        let item = graph.resolve(key, None, asked.now).item();
        item.is_some_and(|item| item.id() == wanted)
    };
    environments_fit(scope, asked) && (scope.items.is_empty() || scope.items.iter().any(means))
}

/// What a rule asks for besides items and environments, one of each.
type Sort<'v> = (Option<&'v String>, Option<&'v String>, Option<&'v String>);

fn sort_of(scope: &ChangeScope) -> Sort<'_> {
    (
        scope.kinds.first(),
        scope.levels.first(),
        scope.scenes.first(),
    )
}

/// The names of the rules that are about changes of the item, of whatever sort.
fn applying<'v>(graph: &'v GraphView, asked: &Asked) -> BTreeSet<&'v str> {
    let rules = || graph.calendar_rules(asked.to);
    let sorts: BTreeSet<Sort<'v>> = rules().map(|rule| sort_of(&rule.what.scope)).collect();
    let mut names = BTreeSet::new();
    for sort in sorts {
        let change = AskedChange {
            change: None,
            targets: asked.item.into_iter().collect(),
            unknown_targets: Vec::new(),
            environment: asked.environment.clone(),
            kind: sort.0.cloned(),
            level: sort.1.cloned(),
            scene: sort.2.cloned(),
            goal: None,
            by_administrator: false,
            start: asked.from,
            finish: asked.to,
        };
        let as_of = AsOf {
            valid_at: asked.now,
            known_at: graph.position(),
        };
        let may = graph::may_change(graph, &change, as_of, LIMITS);
        let of_sort = may
            .findings
            .iter()
            .filter(|it| sort_of(&it.rule.what.scope) == sort);
        names.extend(of_sort.map(|it| it.rule.what.name.as_str()));
    }
    names
}

impl Event {
    fn into_component(self) -> ICalendarComponent {
        let mut event = ICalendarComponent::new(ICalendarComponentType::VEvent);
        event.add_uid(&self.uid);
        event.add_dtstamp(utc(self.stamped_at));
        event.add_sequence(i64::try_from(self.sequence).unwrap_or(i64::MAX));
        event.add_property(ICalendarProperty::Dtstart, utc(self.from));
        if let Some(until) = self.until {
            event.add_property(ICalendarProperty::Dtend, utc(until));
        }
        event.add_property(ICalendarProperty::Summary, self.summary);
        event.add_property(ICalendarProperty::Description, self.description);
        event.add_property(ICalendarProperty::Categories, self.category);
        event.add_property(
            ICalendarProperty::Status,
            ICalendarValue::Status(self.status),
        );
        let transparency = match self.is_free {
            true => ICalendarTransparency::Transparent,
            false => ICalendarTransparency::Opaque,
        };
        event.add_property(ICalendarProperty::Transp, transparency);
        event
    }
}

fn utc(at: Timestamp) -> PartialDateTime {
    PartialDateTime::from_utc_timestamp(at.unix_nanos().div_euclid(1_000_000_000))
}
