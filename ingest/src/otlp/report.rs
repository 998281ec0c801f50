//! What a closed window says to the log: what is new, materially different, or
//! due for its periodic summary, and what left its baseline.
//!
//! A route is said again when its evidence got better, or when its newest
//! window, against the one last reported, has an error rate more than
//! [`ERRORS_APART`] and more than chance away, a median of the duration [`SLOWER`] times higher or
//! lower, or [`BUSIER`] times more or fewer calls, each with at least
//! [`SAMPLES_MIN`] spans; or a 99th percentile [`SLOWER`] times higher or lower,
//! each with at least [`TAIL_SAMPLES_MIN`]: of fewer it is the slowest call.

mod silence;

use std::collections::{BTreeMap, HashMap};

use hashbrown::DefaultHashBuilder;
use model::{
    Actor, ActorKind, Deviation, Event, EventId, Evidence, ItemDeviated, KeyParts, NewEvent,
    ObservedCall, ObservedCalls, ObservedItem, ObservedRelation, Occurred, RelationDeviated,
    SourceName, Timestamp, ValidInterval,
};

use store::Series;

use super::aggregate::{Aggregate, Places};
use super::baseline::{Baseline, OffBaseline, SAMPLES_MIN, TAIL_SAMPLES_MIN, error_noise};
use super::calls::{CallKind, CallRoute};
use super::items::{ItemNumber, Items};
use super::warm::Warm;
use super::windows::{ClosedWindow, RouteStats};

const ERRORS_APART: f64 = 0.05;
const SLOWER: f64 = 2.0;
const BUSIER: f64 = 4.0;
/// Most calls, and most items, in one event.
const PER_EVENT_MAX: usize = 500;
/// Most deviations that one window tells.
const DEVIATIONS_MAX: usize = 2_000;

/// The name under which spans enter the log.
pub(crate) const SOURCE: &str = "otlp";

/// Turns closed windows into events, and remembers what was said.
#[derive(Debug)]
pub(crate) struct Reporter {
    /// Start of this process by its clock: what makes ids of events its own.
    instance: i64,
    sequence: u64,
    summary_nanos: i64,
    routes: HashMap<CallRoute, KnownRoute, DefaultHashBuilder>,
    providers: HashMap<ItemNumber, (Baseline, i64), DefaultHashBuilder>,
    warm: Warm,
    /// Deviations that were not told because a window had too many.
    pub(crate) deviations_dropped: u64,
}

#[derive(Debug, Default)]
struct KnownRoute {
    reported: Option<ReportedWindow>,
    baseline: Baseline,
    used_at: i64,
}

/// What stands in the log about a route.
#[derive(Clone, Copy, Debug)]
struct ReportedWindow {
    until: i64,
    evidence: Evidence,
    samples: u64,
    calls: u64,
    error_rate: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl Reporter {
    /// A reporter that has said nothing yet.
    pub(crate) fn new(instance: Timestamp, summary_nanos: i64) -> Self {
        Self {
            instance: instance.unix_nanos(),
            sequence: 0,
            summary_nanos,
            routes: HashMap::default(),
            providers: HashMap::default(),
            warm: Warm::default(),
            deviations_dropped: 0,
        }
    }

    /// The events of one closed window.
    pub(crate) fn report(
        &mut self,
        window: &ClosedWindow,
        aggregate: &mut Aggregate,
        now: i64,
    ) -> Vec<NewEvent> {
        let news = aggregate.items.take_news(now, self.summary_nanos);
        let items = &aggregate.items;
        let mut routes: Vec<KeyedRoute<'_>> = window
            .routes
            .iter()
            .filter_map(|(route, stats)| KeyedRoute::of(*route, stats, items))
            .collect();
        routes.sort_by(|left, right| left.order().cmp(&right.order()));
        let mut calls = Vec::new();
        let mut deviated = Vec::new();
        for route in &routes {
            self.judge_route(route, window, now, &mut calls, &mut deviated);
        }
        let mut of_items = Vec::new();
        self.judge_providers(&routes, window, now, &mut of_items);
        self.judge_silence(window, items, &mut deviated, &mut of_items);
        self.bound(&mut deviated, &mut of_items);
        deviated.append(&mut of_items);
        let mut events = self.observed_calls(window, news, calls);
        events.extend(self.observed_places(&mut aggregate.places, items, window));
        for event in deviated {
            events.push(self.event(window.from, event, window.from));
        }
        events
    }

    /// Begins with what was usual before.
    pub(crate) fn warm(&mut self, warm: Warm) {
        self.warm = warm;
    }

    /// Lets go of what was not used since `before`.
    pub(crate) fn forget_unused(&mut self, before: i64) {
        self.warm.forget();
        self.routes.retain(|_, route| before <= route.used_at);
        self.providers.retain(|_, (_, used_at)| before <= *used_at);
    }

    /// An event of this process: the same window, sequence and start are the same event, however often it is sent.
    fn event(&mut self, window_from: i64, event: Event, at: i64) -> NewEvent {
        self.sequence += 1;
        NewEvent {
            id: EventId {
                source: SourceName::new(SOURCE),
                delivery: format!("{window_from}-{}-{}", self.sequence, self.instance),
            },
            occurred: Occurred::Stated(Timestamp::from_unix_nanos(at)),
            actor: automatic(),
            event,
        }
    }

    /// When everything deviates at once, items say more than their relations.
    fn bound(&mut self, of_relations: &mut Vec<Event>, of_items: &mut Vec<Event>) {
        let before = of_relations.len() + of_items.len();
        of_items.truncate(DEVIATIONS_MAX);
        of_relations.truncate(DEVIATIONS_MAX - of_items.len());
        let after = of_relations.len() + of_items.len();
        self.deviations_dropped += (before - after) as u64;
    }

    fn judge_route(
        &mut self,
        route: &KeyedRoute<'_>,
        window: &ClosedWindow,
        now: i64,
        calls: &mut Vec<ObservedCall>,
        deviated: &mut Vec<Event>,
    ) {
        let known = self.routes.entry(route.route).or_default();
        known.used_at = now;
        self.warm
            .take_if_better(|| route.series(), &mut known.baseline);
        let off = known
            .baseline
            .judge(route.stats, window, self.summary_nanos);
        for off in off {
            let ends = (route.dependent, route.provider);
            deviated.push(relation_deviated(ends, route.route.kind, off));
        }
        let seen = ReportedWindow::of(window, route.stats);
        let is_due = known.reported.is_none_or(|reported| {
            reported.is_older_by(self.summary_nanos, &seen) || reported.differs_from(&seen)
        });
        if is_due {
            known.reported = Some(seen);
            route.observed(calls);
        }
    }

    fn judge_providers(
        &mut self,
        routes: &[KeyedRoute<'_>],
        window: &ClosedWindow,
        now: i64,
        deviated: &mut Vec<Event>,
    ) {
        let mut providers: BTreeMap<&KeyParts, (ItemNumber, RouteStats)> = BTreeMap::new();
        for route in routes {
            providers
                .entry(route.provider)
                .and_modify(|(_, stats)| stats.merge(route.stats))
                .or_insert_with(|| (route.route.provider, route.stats.clone()));
        }
        for (key, (number, stats)) in providers {
            let (baseline, used_at) = self.providers.entry(number).or_default();
            *used_at = now;
            let series = || Some(Series::of_item(&key.canonical()));
            self.warm.take_if_better(series, baseline);
            for off in baseline.judge(&stats, window, self.summary_nanos) {
                deviated.push(item_deviated(key, off));
            }
        }
    }

    fn observed_calls(
        &mut self,
        window: &ClosedWindow,
        items: Vec<ObservedItem>,
        calls: Vec<ObservedCall>,
    ) -> Vec<NewEvent> {
        let mut events = Vec::new();
        let mut items = items.into_iter().peekable();
        let mut calls = calls.into_iter().peekable();
        while items.peek().is_some() || calls.peek().is_some() {
            let observed = ObservedCalls {
                window: interval(window),
                report_interval_ms: self.summary_nanos.unsigned_abs() / 1_000_000,
                items: items.by_ref().take(PER_EVENT_MAX).collect(),
                calls: calls.by_ref().take(PER_EVENT_MAX).collect(),
            };
            events.push(self.event(window.from, Event::CallsObserved(observed), window.from));
        }
        events
    }

    fn observed_places(
        &mut self,
        places: &mut Places,
        items: &Items,
        window: &ClosedWindow,
    ) -> Vec<NewEvent> {
        let mut due = Vec::new();
        for ((dependent, provider), place) in places.iter_mut() {
            let is_due = place.reported_at.is_none_or(|reported| {
                reported.saturating_add(self.summary_nanos) <= place.last_seen_at
            });
            let keys = (items.key(*dependent), items.key(*provider));
            if let ((Some(dependent), Some(provider)), true) = (keys, is_due) {
                // The first time it is said, it is said from its beginning.
                let at = match place.reported_at {
                    None => place.first_seen_at,
                    Some(_) => place.last_seen_at,
                };
                place.reported_at = Some(place.last_seen_at);
                due.push((dependent, provider, at, place.relation()));
            }
        }
        due.sort_by(|left, right| (left.0, left.1, left.2).cmp(&(right.0, right.1, right.2)));
        let report_interval_ms = Some(self.summary_nanos.unsigned_abs() / 1_000_000);
        let mut events = Vec::with_capacity(due.len());
        for (dependent, provider, at, kind) in due {
            let relation = ObservedRelation {
                dependent: dependent.clone().into(),
                provider: provider.clone().into(),
                kind,
                strength: None,
                valid_from: None,
                valid_until: None,
                report_interval_ms,
            };
            events.push(self.event(window.from, Event::RelationObserved(relation), at));
        }
        events
    }
}

/// A route with the keys of its ends.
struct KeyedRoute<'a> {
    route: CallRoute,
    dependent: &'a KeyParts,
    provider: &'a KeyParts,
    stats: &'a RouteStats,
}

impl<'a> KeyedRoute<'a> {
    fn of(route: CallRoute, stats: &'a RouteStats, items: &'a Items) -> Option<Self> {
        Some(Self {
            route,
            dependent: items.key(route.dependent)?,
            provider: items.key(route.provider)?,
            stats,
        })
    }

    fn series(&self) -> Option<Series> {
        let (dependent, provider) = (self.dependent.canonical(), self.provider.canonical());
        let kind = self.route.kind.relation();
        Some(Series::of_relation(&dependent, &provider, kind.as_str()))
    }

    const fn order(&self) -> (&KeyParts, &KeyParts, CallKind) {
        (self.dependent, self.provider, self.route.kind)
    }

    fn observed(&self, calls: &mut Vec<ObservedCall>) {
        calls.push(ObservedCall {
            dependent: self.dependent.clone().into(),
            provider: self.provider.clone().into(),
            kind: self.route.kind.relation(),
            evidence: self.stats.evidence,
            calls: self.stats.calls(),
            errors: self.stats.errors(),
            duration_p50_ms: Some(three_digits(self.stats.duration_ms(0.5))),
            duration_p99_ms: Some(three_digits(self.stats.duration_ms(0.99))),
            first_seen_at: whole_millis(self.stats.first_seen_at),
            last_seen_at: whole_millis(self.stats.last_seen_at),
        });
    }
}

/// A sketch knows no more, and digits that mean nothing are most of what such a row would take in the log.
fn three_digits(value: f64) -> f64 {
    if value <= 0.0 {
        return 0.0;
    }
    let places = 2 - value.log10().floor() as i32;
    let scale = 10_f64.powi(places.abs());
    if places < 0 {
        (value / scale).round() * scale
    } else {
        (value * scale).round() / scale
    }
}

fn whole_millis(nanos: i64) -> Timestamp {
    Timestamp::from_unix_nanos(nanos.saturating_sub(nanos.rem_euclid(1_000_000)))
}

impl ReportedWindow {
    fn of(window: &ClosedWindow, stats: &RouteStats) -> Self {
        Self {
            until: window.until,
            evidence: stats.evidence,
            samples: stats.samples,
            calls: stats.calls(),
            error_rate: stats.error_rate(),
            p50_ms: stats.duration_ms(0.5),
            p99_ms: stats.duration_ms(0.99),
        }
    }

    const fn is_older_by(&self, nanos: i64, seen: &Self) -> bool {
        nanos.unsigned_abs() <= self.until.abs_diff(seen.until)
    }

    #[expect(clippy::cast_precision_loss, reason = "ratios of counts")]
    fn differs_from(&self, seen: &Self) -> bool {
        if seen.evidence < self.evidence {
            return true;
        }
        let samples = self.samples.min(seen.samples);
        if samples < SAMPLES_MIN {
            return false;
        }
        let apart = |one: f64, other: f64, times: f64| {
            times * one.min(other).max(f64::MIN_POSITIVE) <= one.max(other)
        };
        let noise = error_noise(self.error_rate.min(seen.error_rate), samples);
        ERRORS_APART.max(noise) <= (self.error_rate - seen.error_rate).abs()
            || apart(self.p50_ms, seen.p50_ms, SLOWER)
            || (TAIL_SAMPLES_MIN <= samples && apart(self.p99_ms, seen.p99_ms, SLOWER))
            || apart(self.calls as f64, seen.calls as f64, BUSIER)
    }
}

/// Windows are made by machines.
pub(crate) fn automatic() -> Actor {
    Actor {
        kind: ActorKind::Automatic,
        name: None,
    }
}

pub(super) fn relation_deviated(
    (dependent, provider): (&KeyParts, &KeyParts),
    kind: CallKind,
    off: OffBaseline,
) -> Event {
    Event::RelationDeviated(RelationDeviated {
        dependent: dependent.clone().into(),
        provider: provider.clone().into(),
        kind: Some(kind.relation()),
        deviation: deviation(off),
    })
}

pub(super) fn item_deviated(key: &KeyParts, off: OffBaseline) -> Event {
    Event::ItemDeviated(ItemDeviated {
        key: key.clone().into(),
        deviation: deviation(off),
    })
}

fn deviation(off: OffBaseline) -> Deviation {
    Deviation {
        metric: off.metric.to_owned(),
        baseline: off.usual,
        value: off.value,
        window: between(off.from, off.until),
        samples: Some(off.samples),
    }
}

fn interval(window: &ClosedWindow) -> ValidInterval {
    between(window.from, window.until)
}

fn between(from: i64, until: i64) -> ValidInterval {
    let from = Timestamp::from_unix_nanos(from);
    let until = Timestamp::from_unix_nanos(until);
    ValidInterval::new(from, Some(until)).unwrap_or(ValidInterval::starting(from))
}
