//! Everything a client may ask.

use async_graphql::{Context, ID, Object, Result};
use graph::{Judgements, NearbyQuestion};
use model::{ChangeId, CiId, ContentHash, IncidentId, Lookback};

use super::Shared;
use super::anomaly::Anomaly;
use super::asking::ask;
use super::change::Change;
use super::change_filter::ChangeFilter;
use super::change_list::{ChangeConnection, ChangeOrder, ListWanted};
use super::change_meaning::ChangeMeaning;
use super::incident::{
    Incident, IncidentConnection, IncidentCriteria, IncidentFilter, IncidentTotals,
};
use super::item::{ConfigurationItem, ItemConnection, ItemTotals};
use super::item_filter::{ItemChoice, ItemFilter, ItemOrder};
use super::keys::{self, Meant};
use super::kinds::findings;
use super::measurements::dropped;
use super::nearby::{Coverage, NearbyChanges};
use super::node::{AnyId, Node};
use super::paging::{PageArguments, page_cost, question_size};
use super::quarantine::{
    QuarantineConnection, QuarantineTotals, QuarantinedInput, quarantine_error,
};
use super::radius::BlastRadius;
use super::scalars::{DateTime, Duration};
use super::source::Source;
use super::standpoint::{AsOfInput, Moment, Standpoint, view_of};
use crate::error::ErrorCode;

/// How far a question looks back when nobody says.
const LOOKBACK_DEFAULT: Lookback = Lookback::hours(72);
/// Most changes of the last thirty days that open questions are looked for in.
const CHANGES_CHECKED_MAX: usize = 100_000;

/// The queries of the core.
#[derive(Default)]
pub(crate) struct CoreQuery;

/// The queries of the core.
#[Object]
impl CoreQuery {
    /// Anything by its global id; null when there is nothing.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global id.")] id: ID,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Option<Node>> {
        let id = AnyId::read(&id)?;
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        Ok(Node::find(&at, id))
    }

    /// The item that a key, alias or id means; null when nothing is known by it.
    async fn item(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "`kind:[environment/[namespace/]]name`, `scheme=value`, or an id.")]
        key: String,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Option<ConfigurationItem>> {
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        match keys::meant(&at, &key, None) {
            Meant::Item(id) => Ok(ConfigurationItem::find_shown(&at, id)),
            Meant::Unknown => Ok(None),
            Meant::Ambiguous(candidates) => Err(keys::ambiguous(&key, &candidates)),
        }
    }

    /// Items, ordered by key unless something else is asked for.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the arguments of the contract"
    )]
    async fn items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which items; all that exist at the moment when missing.")] filter: Option<
            ItemFilter,
        >,
        #[graphql(desc = "What they are ordered by; the key when missing.")] order_by: Option<
            ItemOrder,
        >,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
        #[graphql(desc = "The size of the page, from its beginning; 20 when missing.")]
        first: Option<i32>,
        #[graphql(desc = "Begin after the entry with this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page, from its end.")] last: Option<i32>,
        #[graphql(desc = "End before the entry with this cursor.")] before: Option<String>,
    ) -> Result<ItemConnection> {
        let arguments = PageArguments {
            first,
            after,
            last,
            before,
        };
        let page = arguments.check(ctx.data::<Shared>()?.limits.page_max)?;
        let at = Standpoint::with_words(ctx, as_of.as_ref()).await?;
        let order = ItemOrder::read(order_by);
        let choice = ItemChoice::of(ctx, &at, filter).await?;
        ask(ctx, move || {
            let (selection, cuts) = choice.select(&at);
            let totals = ItemTotals {
                total_count: selection.count(),
                hidden_count: ItemChoice::hidden_count(&at),
                truncated: !cuts.is_empty(),
                cuts,
                position: at.position(),
            };
            let page = page.of_items(&selection, order);
            page.connection(totals, |item| ConfigurationItem::of(&at, item))
        })
        .await
    }

    /// A change by its id; null when there is none.
    async fn change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change's id.")] id: ID,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Option<Change>> {
        let Ok(id) = id.parse::<ChangeId>() else {
            return Ok(None);
        };
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        Ok(Change::find(&at, id))
    }

    /// Changes, the newest first unless something else is asked for. A moment in `asOf` leaves out what starts after it.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the arguments of the contract"
    )]
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which changes; all when missing.")] filter: Option<ChangeFilter>,
        #[graphql(desc = "What they are ordered by; the newest start first when missing.")]
        order_by: Option<ChangeOrder>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
        #[graphql(desc = "The size of the page, from its beginning; 20 when missing.")]
        first: Option<i32>,
        #[graphql(desc = "Begin after the entry with this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page, from its end.")] last: Option<i32>,
        #[graphql(desc = "End before the entry with this cursor.")] before: Option<String>,
    ) -> Result<ChangeConnection> {
        let arguments = PageArguments {
            first,
            after,
            last,
            before,
        };
        let page_max = ctx.data::<Shared>()?.limits.page_max;
        let wanted = ListWanted::read(order_by, arguments, page_max)?;
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        // How well something is found depends on how often its words stand anywhere.
        at.needs_all(wanted.by_relevance(), "an order by RELEVANCE")?;
        let mut meaning = ChangeMeaning::read(filter.as_ref(), &at)?;
        if wanted.by_relevance() {
            meaning = meaning.by_relevance(wanted.statistics())?;
        }
        let criteria = meaning.found(ctx, &at).await?;
        wanted.page(ctx, at, criteria).await
    }

    /// An incident by its id; null when there is none.
    async fn incident(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The incident's id.")] id: ID,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Option<Incident>> {
        let Ok(id) = id.parse::<IncidentId>() else {
            return Ok(None);
        };
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        Ok(Incident::find(&at, id))
    }

    /// Incidents, the newest first. A moment in `asOf` leaves out what began after it.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the arguments of the contract"
    )]
    async fn incidents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which incidents; all when missing.")] filter: Option<IncidentFilter>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
        #[graphql(desc = "The size of the page, from its beginning; 20 when missing.")]
        first: Option<i32>,
        #[graphql(desc = "Begin after the entry with this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page, from its end.")] last: Option<i32>,
        #[graphql(desc = "End before the entry with this cursor.")] before: Option<String>,
    ) -> Result<IncidentConnection> {
        let arguments = PageArguments {
            first,
            after,
            last,
            before,
        };
        let page = arguments.check(ctx.data::<Shared>()?.limits.page_max)?;
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        ask(ctx, move || {
            let criteria = IncidentCriteria::read(filter.as_ref(), &at);
            let mut total_count = 0;
            let counted = criteria.passing(&at).inspect(|_| total_count += 1);
            let page = page.select(counted);
            let totals = IncidentTotals {
                total_count,
                hidden_count: IncidentCriteria::hidden_count(&at),
                position: at.position(),
            };
            page.connection(totals, |id| Incident::of(&at, id))
        })
        .await
    }

    /// What is harmed when these items are, or what a change touches. Exactly one of `items` and `change` is given.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the arguments of the contract"
    )]
    async fn blast_radius(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The items that are harmed first. Keys, aliases or ids; all unknown is ITEM_NOT_FOUND."
        )]
        items: Option<Vec<String>>,
        #[graphql(desc = "The change whose targets are harmed first.")] change: Option<ID>,
        #[graphql(
            desc = "Only what this batch of the change touches, from 0; all of it when missing."
        )]
        batch: Option<u32>,
        #[graphql(desc = "The moment asked about; `asOf.validAt`, else now, when missing.")]
        at: Option<DateTime>,
        #[graphql(desc = "How many relations harm may travel; as far as it goes when missing.")]
        hops_max: Option<i32>,
        #[graphql(desc = "How many impacts are listed, the worst first; 20 when missing.")]
        first: Option<i32>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<BlastRadius> {
        let first = question_size(ctx, first)?;
        let moment = Moment::of(at, as_of.as_ref())?;
        let view = view_of(ctx, as_of.as_ref()).await?;
        let at = Standpoint::at(ctx, view, moment).await?;
        let origins = match (items, change, batch) {
            (Some(items), None, None) => keys::known(&at, &items, false)?.known,
            (None, Some(change), batch) => touched(&Change::require(&at, &change)?, batch)?,
            (Some(_), None, Some(_)) => {
                return Err(ErrorCode::BadInput.error("batch: only a change has batches"));
            }
            _ => return Err(ErrorCode::BadInput.error("give either items or a change")),
        };
        BlastRadius::of(ctx, at, origins, hops_max, first).await
    }

    /// What changed nearby: the changes around affected items, the most suspect first. An incident, items or both are given.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the arguments of the contract"
    )]
    async fn changes_nearby(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The incident, whose items, words and beginning count.")] incident: Option<
            ID,
        >,
        #[graphql(
            desc = "The affected items. Keys, aliases or ids; unknown ones are told in `coverage`, all unknown is ITEM_NOT_FOUND."
        )]
        items: Option<Vec<String>>,
        #[graphql(
            desc = "The moment of the question: what starts after it is not ranked. `asOf.validAt`, else the incident's start, else now, when missing."
        )]
        at: Option<DateTime>,
        #[graphql(desc = "How far back changes are looked for; `PT72H` when missing.")]
        lookback: Option<Duration>,
        #[graphql(desc = "How many changes are listed; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "Which changes; all when missing.")] filter: Option<ChangeFilter>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<NearbyChanges> {
        let first = question_size(ctx, first)?;
        let moment = Moment::of(at, as_of.as_ref())?;
        let view = view_of(ctx, as_of.as_ref()).await?;
        let mut at = Standpoint::at(ctx, view, moment).await?;
        let incident = match &incident {
            Some(id) => {
                let incident = Incident::require(&at, id)?;
                let (id, began) = (incident.id(), incident.started_at());
                at = Standpoint::at(ctx, at.view.clone(), moment.or(Some(began))).await?;
                Some(id)
            }
            None => None,
        };
        let items = match &items {
            Some(items) => keys::known(&at, items, incident.is_some())?,
            None if incident.is_some() => keys::Known::default(),
            None => return Err(ErrorCode::BadInput.error("give an incident, items or both")),
        };
        let meaning = ChangeMeaning::read(filter.as_ref(), &at)?;
        let question = NearbyQuestion {
            items: items.known,
            incidents: incident.into_iter().collect(),
            unknown_items: items.unknown,
            at: at.valid_at,
            lookback: lookback.map_or(LOOKBACK_DEFAULT, |lookback| lookback.0),
            judgements: Judgements::Count,
            model: (*ctx.data::<Shared>()?.ports.ranking).clone(),
        };
        let from = at
            .valid_at
            .plus_nanos(question.lookback.nanos().saturating_neg());
        let meaning = meaning.within(from, at.valid_at.plus_nanos(1));
        let criteria = meaning.found(ctx, &at).await?;
        NearbyChanges::of(ctx, at, question, criteria, first).await
    }

    /// What answers cannot see: silent sources and known gaps of the time that is looked back on.
    async fn coverage(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How far to look back; `PT72H` when missing.")] lookback: Option<Duration>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Coverage> {
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        let lookback = lookback.map_or(LOOKBACK_DEFAULT, |lookback| lookback.0);
        let kept = ctx.data::<Shared>()?.ports.measurements.kept();
        ask(ctx, move || {
            let since = at.valid_at.plus_nanos(-lookback.nanos());
            let mut coverage = graph::coverage(&at.view.graph, since, at.valid_at);
            coverage.gaps.extend(dropped(&kept));
            coverage.into()
        })
        .await
    }

    /// Contradictions and open questions met while folding the log, ordered by code and key.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn anomalies(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many at most; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Vec<Anomaly>> {
        let first = question_size(ctx, first)?;
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        let broken = findings(ctx, &at).await?;
        ask(ctx, move || {
            let graph = &at.view.graph;
            let open = graph.anomalies().into_iter();
            let relations = graph.broken_relation_kinds(at.valid_at);
            let changes = graph.open_changes(at.valid_at, CHANGES_CHECKED_MAX);
            let open = open.chain(relations).chain(changes);
            let mut all: Vec<Anomaly> = open.map(Anomaly::from).collect();
            all.extend(broken);
            all.sort_by(|one, other| (one.code, &one.key).cmp(&(other.code, &other.key)));
            all.truncate(first);
            all
        })
        .await
    }

    /// Everyone who told us something, and whether they still do, by name.
    async fn sources(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Vec<Source>> {
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        let sources = at.view.graph.sources().iter();
        Ok(sources
            .map(|(name, row)| Source::of(&at, name, row))
            .collect())
    }

    /// Input that parsed but was not understood, the newest first.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn quarantine(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The size of the page; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "Begin after the entry with this cursor.")] after: Option<String>,
    ) -> Result<QuarantineConnection> {
        let shared = ctx.data::<Shared>()?;
        let arguments = PageArguments {
            first,
            after,
            ..PageArguments::default()
        };
        let page = arguments.check::<ContentHash>(shared.limits.page_max)?;
        let listed = shared.ports.quarantine.list(page.after, page.size()).await;
        let listed = listed.map_err(|error| quarantine_error(&error))?;
        let totals = QuarantineTotals {
            total_count: listed.total,
        };
        let entries = listed.entries.into_iter().map(|entry| (entry.hash, entry));
        let page = page.taken(entries.collect(), listed.more);
        Ok(page.connection(totals, QuarantinedInput::from))
    }
}

/// The items a change touches, each once.
/// What a change touches, or one batch of it.
fn touched(change: &graph::ChangeRow<'_>, batch: Option<u32>) -> Result<Vec<CiId>> {
    let items = match batch {
        None => change.items(),
        Some(batch) => change.items_of_batch(batch).ok_or_else(|| {
            let known: Vec<String> = change
                .batches()
                .iter()
                .map(|it| it.index.to_string())
                .collect();
            let known = match known.is_empty() {
                true => "none".to_owned(),
                false => known.join(", "),
            };
            let message = format!("batch: the change has no batch {batch}; known are {known}");
            ErrorCode::BadInput.error(message)
        })?,
    };
    Ok(items.iter().map(graph::Item::id).collect())
}
