//! What a filter means at a standpoint: conditions of the graph, scopes of items, and what texts must hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{Context, Result};
use graph::{ChangeConditions, ChangeNumber, ChangeRow, ChangeScope, ChangeSelection};
use index::{Statistics, TextQuestion};
use model::{Change, CiId, EventEnvelope, LogPosition, Timestamp};

use super::Shared;
use super::asking::ask;
use super::change_filter::{ChangeFilter, ImpactScope};
use super::details::failed;
use super::keys;
use super::scalars::DateTime;
use super::standpoint::Standpoint;
use crate::Texts;
use crate::error::ErrorCode;

/// Most items that an impact scope reaches; the schema's answer says when there are more.
const SCOPE_ITEMS_MAX: usize = 200_000;

/// A filter with its keys resolved in one view.
#[derive(Clone)]
pub(crate) struct ChangeMeaning {
    conditions: ChangeConditions,
    /// It touches something in each of these.
    scopes: Vec<ChangeScope>,
    pub(super) texts: TextQuestion,
    /// Whether a scope was too large.
    truncated: bool,
    /// Whether it asks for what may be said of hidden targets, too.
    asks_targets: bool,
    /// Whether it asks for anything at all.
    asks: bool,
}

/// The changes that a filter means, everything looked up.
pub(crate) struct ChangeCriteria {
    pub(super) selection: ChangeSelection,
    pub(super) scores: Vec<(ChangeNumber, f32)>,
    /// The measure of the scores.
    pub(super) statistics: Option<Statistics>,
    pub(super) texts: TextQuestion,
    /// Up to where texts were seen, if texts were asked.
    pub(super) texts_seen: Option<LogPosition>,
    truncated: bool,
    asks: bool,
}

impl ChangeMeaning {
    /// Reads a filter at a standpoint. A moment that was asked for hides what starts after it.
    pub(crate) fn read(filter: Option<&ChangeFilter>, at: &Standpoint) -> Result<Self> {
        let asked_until = at.stated.then(|| at.valid_at.plus_nanos(1));
        let nothing = ChangeFilter::default();
        let filter = filter.unwrap_or(&nothing);
        filter.check()?;
        // Who answers for a thing may be said by what contains it, and that may be hidden.
        at.needs_all(filter.teams.is_some(), "filter.teams")?;
        let list = |one: &Option<String>, more: &Option<Vec<String>>| {
            let mut list = more.clone().unwrap_or_default();
            list.extend(one.clone());
            list
        };
        let moment = |moment: &Option<DateTime>| moment.as_ref().map(|it| it.0);
        let statuses = filter.status.iter().flatten();
        let actors = filter.operator_kinds.iter().flatten();
        let until = moment(&filter.to).into_iter().chain(asked_until).min();
        let conditions = ChangeConditions {
            sources: list(&filter.source, &filter.sources),
            kinds: list(&filter.kind, &filter.kinds),
            scenes: list(&filter.scene, &filter.scenes),
            environments: list(&filter.environment, &filter.environments),
            levels: filter.levels.clone().unwrap_or_default(),
            operators: list(&filter.operator, &filter.operators),
            actors: actors.map(|kind| (*kind).into()).collect(),
            statuses: statuses.map(|status| (*status).into()).collect(),
            emergency: filter.emergency,
            bookkeeping: filter.bookkeeping,
            from: moment(&filter.from),
            until,
            finished_from: moment(&filter.finished_from),
            finished_until: moment(&filter.finished_to),
            among: Vec::new(),
        };
        let became = filter.became.iter().map(|became| {
            let statuses = became.status.iter().map(|status| (*status).into());
            let from = moment(&became.from).unwrap_or(Timestamp::MIN);
            let until = moment(&became.to).unwrap_or(Timestamp::MAX);
            (statuses.collect(), from, until)
        });
        let texts = TextQuestion {
            query: filter.queries()?,
            exact: filter.exact()?,
            became: became.collect(),
            ..TextQuestion::default()
        };
        let (scopes, truncated) = scopes(filter, at);
        let asks_texts =
            texts.query.is_some() || !texts.exact.is_empty() || !texts.became.is_empty();
        let unfiltered = ChangeConditions {
            until: asked_until,
            ..ChangeConditions::default()
        };
        Ok(Self {
            asks_targets: asks_texts || !conditions.environments.is_empty(),
            asks: asks_texts || !scopes.is_empty() || conditions != unfiltered,
            conditions,
            scopes,
            texts,
            truncated,
        })
    }

    /// Narrows the time to look at.
    pub(crate) fn within(mut self, from: Timestamp, until: Timestamp) -> Self {
        let conditions = &mut self.conditions;
        conditions.from = conditions.from.into_iter().chain([from]).max();
        conditions.until = conditions.until.into_iter().chain([until]).min();
        self
    }

    /// Asks how well changes are found: by a measure, or by what is counted now.
    pub(crate) fn by_relevance(mut self, statistics: Option<Statistics>) -> Result<Self> {
        if self.texts.query.is_none() {
            let message = "an order by relevance needs filter.text or filter.title";
            return Err(ErrorCode::BadInput.error(message));
        }
        self.texts.scored = true;
        self.texts.statistics = statistics;
        Ok(self)
    }

    /// Looks up what the texts and the items say.
    pub(crate) async fn found(self, ctx: &Context<'_>, at: &Standpoint) -> Result<ChangeCriteria> {
        let Self {
            mut conditions,
            scopes,
            texts,
            mut truncated,
            asks_targets,
            asks,
        } = self;
        let (mut scores, mut statistics, mut texts_seen) = (Vec::new(), None, None);
        let asks_texts =
            texts.query.is_some() || !texts.exact.is_empty() || !texts.became.is_empty();
        if asks_texts {
            let view = Arc::clone(&at.view.graph);
            let port = &ctx.data::<Shared>()?.ports.texts;
            let answer = port.find(texts.clone(), view).await;
            let answer = answer.map_err(|error| failed(&error))?;
            conditions.among.push(Arc::new(answer.found.changes));
            (scores, statistics) = (answer.found.scores, answer.found.statistics);
            truncated |= answer.cut;
            texts_seen = Some(answer.seen);
        }
        let standpoint = at.clone();
        ask(ctx, move || {
            let graph = &standpoint.view.graph;
            for scope in &scopes {
                let mut items = scope.items(graph, standpoint.valid_at);
                if standpoint.sight.is_some() {
                    items.retain(|id| graph.item(*id).is_some_and(|item| standpoint.sees(item)));
                }
                let touching = graph.changes_touching(items.into_iter());
                conditions.among.push(Arc::new(touching));
            }
            if let Some(sight) = &standpoint.sight {
                let passing = ChangeSelection::new(graph, conditions.clone());
                let changes = sight.eyes.changes(graph, &passing);
                // Texts of a change name everything that it touches.
                conditions.among.push(Arc::new(match asks_targets {
                    true => changes.whole,
                    false => changes.seen,
                }));
            }
            ChangeCriteria {
                asks,
                selection: ChangeSelection::new(graph, conditions),
                scores,
                statistics,
                texts,
                texts_seen,
                truncated,
            }
        })
        .await
    }

    /// Whether a change passes of which an event tells, as a live list asks.
    pub(crate) fn passes_telling(
        &self,
        at: &Standpoint,
        change: &ChangeRow<'_>,
        telling: (&EventEnvelope, &Change),
        texts: &dyn Texts,
    ) -> bool {
        let selection = ChangeSelection::new(&at.view.graph, self.conditions.clone());
        let in_scope = |scope: &ChangeScope| {
            let mut items = change.items().into_iter();
            items.any(|item| scope.holds(item, at.valid_at))
        };
        let (envelope, said) = telling;
        let mut said = said.clone();
        said.title.get_or_insert_with(|| change.title().to_owned());
        selection.passes(change)
            && self.scopes.iter().all(in_scope)
            && texts.holds(&self.texts, envelope.occurred_at, &said)
    }
}

impl ChangeCriteria {
    /// Whether there were more texts, or more items, than are looked at.
    pub(crate) fn truncated(&self) -> bool {
        self.truncated
    }

    /// Whether it leaves anything out.
    pub(crate) fn asks(&self) -> bool {
        self.asks
    }

    /// How many changes that start by the moment are hidden from whoever asks.
    pub(crate) fn hidden_count(at: &Standpoint) -> usize {
        let Some(sight) = &at.sight else {
            return 0;
        };
        let every = ChangeConditions {
            until: at.stated.then(|| at.valid_at.plus_nanos(1)),
            ..ChangeConditions::default()
        };
        let every = ChangeSelection::new(&at.view.graph, every);
        let seen = sight.eyes.changes(&at.view.graph, &every).seen;
        every.count(&at.view.graph).saturating_sub(seen.len())
    }

    /// How many changes pass.
    pub(crate) fn count(&self, at: &Standpoint) -> usize {
        self.selection.count(&at.view.graph)
    }

    /// How many of the changes that pass differ in bookkeeping only.
    pub(crate) fn count_bookkeeping(&self, at: &Standpoint) -> usize {
        self.selection.only_bookkeeping().count(&at.view.graph)
    }

    /// The changes that pass, the newest first.
    pub(crate) fn newest_first<'v>(
        &'v self,
        at: &'v Standpoint,
    ) -> impl Iterator<Item = ChangeRow<'v>> {
        self.selection.newest_first(&at.view.graph)
    }

    /// Whether it says if bookkeeping is wanted.
    pub(crate) fn names_bookkeeping(&self) -> bool {
        self.selection.asks_bookkeeping()
    }

    /// Whether a change passes.
    pub(crate) fn passes(&self, change: &ChangeRow<'_>) -> bool {
        self.selection.passes(change)
    }
}

fn scopes(filter: &ChangeFilter, at: &Standpoint) -> (Vec<ChangeScope>, bool) {
    let environment = filter.environment.as_deref();
    let meant = |keys: &[String]| -> Vec<CiId> {
        let meant = keys.iter().map(|key| keys::meant(at, key, environment));
        meant.filter_map(keys::Meant::into_id).collect()
    };
    let graph = &at.view.graph;
    let mut scopes = Vec::new();
    let mut truncated = false;
    if let Some(items) = &filter.items {
        let items: BTreeSet<CiId> = meant(items).into_iter().collect();
        scopes.push(ChangeScope::Items(items));
    }
    if let Some(outer) = &filter.inside {
        let inside = graph::items_inside(graph, &meant(outer), at.valid_at);
        truncated |= inside.truncated;
        scopes.push(ChangeScope::Items(inside.items));
    }
    if let Some(impact) = &filter.impact {
        let origins = meant(&impact.items);
        let around = around(impact, &origins, at);
        truncated |= around.truncated;
        scopes.push(ChangeScope::Items(around.items));
    }
    let kinds = filter.item_kinds.iter().cloned();
    scopes.extend(kinds.map(ChangeScope::Kinds));
    let teams = filter.teams.iter().cloned();
    scopes.extend(teams.map(ChangeScope::Teams));
    (scopes, truncated)
}

fn around(impact: &ImpactScope, origins: &[CiId], at: &Standpoint) -> graph::ReachedItems {
    let hops_max = impact.hops_max.unwrap_or(u32::MAX);
    let (hops_max, towards) = impact.direction.around(hops_max);
    let graph = &at.view.graph;
    let max = SCOPE_ITEMS_MAX;
    graph::items_around(graph, origins, towards, hops_max, at.valid_at, max)
}
