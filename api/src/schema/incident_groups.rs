//! Incidents that are one: groups of them, and why each belongs.

use std::cmp::Reverse;
use std::sync::Arc;

use async_graphql::connection::{Connection, EmptyFields, OpaqueCursor};
use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use graph::{GROUPING_VERSION, GroupsAsked, IncidentGroups, Judgements, NearbyQuestion};
use model::{CiId, IncidentId, Lookback, Timestamp};

use super::Shared;
use super::asking::ask;
use super::change::word;
use super::change_filter::ChangeFilter;
use super::change_meaning::ChangeMeaning;
use super::incident::{Incident, IncidentCriteria, IncidentFilter};
use super::item::ConfigurationItem;
use super::nearby::NearbyChanges;
use super::paging::{PageArguments, PageOf, page_cost, question_size};
use super::radius::PathStep;
use super::scalars::{DateTime, Duration, LogPosition};
use super::standpoint::{AsOfInput, Moment, Standpoint};
use crate::error::ErrorCode;

/// How far back groups are listed when nobody says.
const LISTED_DEFAULT: Lookback = Lookback::hours(24);
/// How far back changes are looked for when nobody says.
const LOOKBACK_DEFAULT: Lookback = Lookback::hours(72);
/// Most incidents one question looks at.
const LOOKED_AT_MAX: usize = 50_000;
/// Members whose words and judgements count when changes are ranked for a whole group.
const WORDS_OF_MAX: usize = 100;
/// What computing a group costs beside its fields.
const GROUP_COST: usize = 50;

/// Questions about incidents that are one.
#[derive(Default)]
pub(crate) struct IncidentGroupQuery;

/// Incidents that are one.
pub(crate) struct IncidentGroup {
    at: Standpoint,
    group: Arc<graph::IncidentGroup>,
}

/// An incident of a group, and why it belongs.
pub(crate) struct IncidentGroupMember {
    at: Standpoint,
    member: graph::GroupMember,
}

/// What links a member to another one of its group.
pub(crate) struct IncidentLink {
    at: Standpoint,
    reason: graph::MemberReason,
}

/// An item that explains members of a group.
#[derive(SimpleObject)]
pub(crate) struct IncidentComponent {
    /// The item.
    item: ConfigurationItem,
    /// How many members it explains: they are on it, or harm from it comes to them.
    explains: usize,
    /// How many members are on it; with none it shows no symptom itself.
    alerts: usize,
    /// When the first of those began.
    first_at: Option<DateTime>,
}

/// A group that would be one with this one, were it not for a limit.
#[derive(SimpleObject)]
pub(crate) struct AdjoiningIncidentGroup {
    /// The first incident of it.
    incident: Incident,
    /// The limit that keeps both apart.
    limit: IncidentGroupLimit,
}

/// Why two groups stay two although harm links them.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "graph::GroupLimit")]
pub(crate) enum IncidentGroupLimit {
    /// From the first beginning to the last it would be too long.
    Span,
    /// It would have too many members.
    Members,
    /// Somebody says that an incident of one is not one with an incident of the other.
    Judged,
}

/// Additional fields of a list of groups.
#[derive(SimpleObject)]
pub(crate) struct IncidentGroupTotals {
    /// How many groups there are on all pages.
    total_count: usize,
    /// Whether there were more incidents than are looked at; the newest were.
    truncated: bool,
    /// The rules by which incidents become one.
    rules_version: &'static str,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

/// Additional fields of a list of members.
#[derive(SimpleObject)]
pub(crate) struct IncidentGroupMemberTotals {
    /// How many members there are on all pages.
    total_count: usize,
}

/// The order of a list of groups: the newest first, then by the id of the first incident.
type GroupOrder = (Reverse<Timestamp>, IncidentId);

/// A page of groups of incidents.
pub(crate) type IncidentGroupConnection =
    Connection<OpaqueCursor<GroupOrder>, IncidentGroup, IncidentGroupTotals, EmptyFields>;

/// A page of members.
pub(crate) type IncidentGroupMemberConnection =
    Connection<OpaqueCursor<usize>, IncidentGroupMember, IncidentGroupMemberTotals, EmptyFields>;

/// Questions about incidents that are one.
#[Object]
impl IncidentGroupQuery {
    /// Incidents grown together by time and graph, the newest group first. Every incident is in exactly one group,
    /// be it of itself alone.
    #[graphql(complexity = "page_cost(first, last, child_complexity) + GROUP_COST")]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the arguments of the question"
    )]
    async fn incident_groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Groups of which an incident passes this; `from` is a day before the moment of the question when missing."
        )]
        filter: Option<IncidentFilter>,
        #[graphql(desc = "Groups of at least so many; 1 when missing.")] members_min: Option<i32>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
        #[graphql(desc = "The size of the page, from its beginning; 20 when missing.")]
        first: Option<i32>,
        #[graphql(desc = "Begin after the entry with this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page, from its end.")] last: Option<i32>,
        #[graphql(desc = "End before the entry with this cursor.")] before: Option<String>,
    ) -> Result<IncidentGroupConnection> {
        let arguments = PageArguments {
            first,
            after,
            last,
            before,
        };
        let page = arguments.check(ctx.data::<Shared>()?.limits.page_max)?;
        let members_min = usize::try_from(members_min.unwrap_or(1))
            .map_err(|_| ErrorCode::BadInput.error("membersMin is 0 or more"))?;
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        ask(ctx, move || {
            listed(&at, filter.as_ref(), members_min, &page)
        })
        .await
    }
}

/// A page of the groups that pass.
fn listed(
    at: &Standpoint,
    filter: Option<&IncidentFilter>,
    members_min: usize,
    page: &PageOf<GroupOrder>,
) -> IncidentGroupConnection {
    let criteria = IncidentCriteria::read(filter, at);
    let day_before = at.valid_at.plus_nanos(-LISTED_DEFAULT.nanos());
    let (from, to) = criteria.times();
    let groups = IncidentGroups::find(&at.view.graph, asked(at, from.unwrap_or(day_before), to));
    let mut total_count = 0;
    let passing = groups.numbers().filter_map(|number| {
        let rows: Vec<graph::IncidentRow<'_>> = groups.rows(number).collect();
        let passes = members_min <= rows.len() && rows.iter().any(|row| criteria.passes(row));
        let first = rows.first().filter(|_| passes)?;
        total_count += 1;
        Some(((Reverse(first.started_at()), first.id()), number))
    });
    let page = page.select(passing);
    let totals = IncidentGroupTotals {
        total_count,
        truncated: groups.cut_short(),
        rules_version: GROUPING_VERSION,
        position: at.position(),
    };
    page.connection(totals, |number| IncidentGroup {
        at: at.clone(),
        group: Arc::new(groups.group(number)),
    })
}

fn asked(at: &Standpoint, from: Timestamp, to: Timestamp) -> GroupsAsked {
    GroupsAsked {
        from,
        to,
        seen_until: at.stated_moment().unwrap_or(Timestamp::MAX),
        looked_at_max: LOOKED_AT_MAX,
    }
}

impl IncidentGroup {
    /// The group of an incident at the standpoint; none when the incident began after its moment.
    pub(crate) async fn around(
        ctx: &Context<'_>,
        at: Standpoint,
        incident: IncidentId,
    ) -> Result<Option<Self>> {
        ask(ctx, move || {
            let start = at.view.graph.incident(incident)?.started_at();
            let asked = asked(&at, start, start.plus_nanos(1));
            let groups = IncidentGroups::find(&at.view.graph, asked);
            let group = groups.group(groups.number_of(incident)?);
            drop(groups);
            Some(Self {
                at,
                group: Arc::new(group),
            })
        })
        .await
    }

    /// The other incidents of it, in the order of the group.
    pub(crate) fn others(&self, incident: IncidentId) -> Vec<IncidentId> {
        let members = self.group.members.iter().map(|member| member.incident);
        members.filter(|member| *member != incident).collect()
    }

    fn head_row(&self) -> Option<graph::IncidentRow<'_>> {
        self.at.view.graph.incident(self.group.head)
    }

    fn items_of(&self, ids: &[CiId]) -> Vec<ConfigurationItem> {
        let found = ids.iter().filter_map(|id| self.at.view.graph.item(*id));
        found
            .map(|item| ConfigurationItem::of(&self.at, item))
            .collect()
    }
}

/// Incidents that are one: they began near in time, and harm from one item explains them.
#[Object]
impl IncidentGroup {
    /// What the group is called by: the first incident that people declared, else the first on its lowest component.
    async fn head(&self) -> Incident {
        Incident::of(&self.at, self.group.head)
    }

    /// The incidents in it that people declared, in order of beginning.
    async fn declared(&self) -> Vec<Incident> {
        let declared = self.group.declared.iter();
        declared.map(|id| Incident::of(&self.at, *id)).collect()
    }

    /// The line for people of its head.
    async fn title(&self) -> &str {
        self.head_row().map_or("", |row| row.title())
    }

    /// Where it stands: `open` while one of it is, then `acknowledged` while one is, else `resolved`.
    async fn status(&self) -> String {
        word(&self.group.status)
    }

    /// How bad it is, from `P0` to `P5`: the worst that a source says of a member, one worse where an item without
    /// which the business stands shows symptoms, one better where only items that can wait do.
    async fn level(&self) -> String {
        self.group.level.name()
    }

    /// How the level came about, as a sentence.
    async fn level_reason(&self) -> &str {
        &self.group.level_reason
    }

    /// When its first member began.
    async fn started_at(&self) -> DateTime {
        DateTime(self.group.started_at)
    }

    /// When its last member began.
    async fn last_started_at(&self) -> DateTime {
        DateTime(self.group.last_started_at)
    }

    /// When the last of it ended, if all of it is over.
    async fn ended_at(&self) -> Option<DateTime> {
        self.group.ended_at.map(DateTime)
    }

    /// How many incidents it has.
    async fn member_count(&self) -> usize {
        self.group.members.len()
    }

    /// How many of them are not over.
    async fn open_count(&self) -> usize {
        self.group.open
    }

    /// How many items show symptoms.
    async fn item_count(&self) -> usize {
        self.group.items.len()
    }

    /// Its members: those on the lowest component first, then in order of beginning.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The size of the page; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "Begin after the entry with this cursor.")] after: Option<String>,
    ) -> Result<IncidentGroupMemberConnection> {
        let arguments = PageArguments {
            first,
            after,
            ..PageArguments::default()
        };
        let page: PageOf<usize> = arguments.check(ctx.data::<Shared>()?.limits.page_max)?;
        let members = &self.group.members;
        let totals = IncidentGroupMemberTotals {
            total_count: members.len(),
        };
        let page = page.select(members.iter().enumerate());
        Ok(page.connection(totals, |member| IncidentGroupMember {
            at: self.at.clone(),
            member: member.clone(),
        }))
    }

    /// The items that show symptoms, in the order of the members.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many are listed; 20 when missing.")] first: Option<i32>,
    ) -> Result<Vec<ConfigurationItem>> {
        let first = question_size(ctx, first)?.min(self.group.items.len());
        let listed = self.group.items.get(..first).unwrap_or_default();
        Ok(self.items_of(listed))
    }

    /// What explains its members, the lowest first: what the most symptoms depend on. One without alerts of its own
    /// is among them where enough of what needs it shows symptoms.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn components(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many are listed; 20 when missing.")] first: Option<i32>,
    ) -> Result<Vec<IncidentComponent>> {
        let first = question_size(ctx, first)?;
        let components = self.group.components.iter().take(first);
        let shown = components.filter_map(|component| {
            let item = self.at.view.graph.item(component.item)?;
            Some(IncidentComponent {
                item: ConfigurationItem::of(&self.at, item),
                explains: component.explains,
                alerts: component.alerts,
                first_at: component.first_at.map(DateTime),
            })
        });
        Ok(shown.collect())
    }

    /// Groups that would be one with it, were it not for a limit.
    async fn adjoining(&self) -> Vec<AdjoiningIncidentGroup> {
        let adjoining = self.group.adjoining.iter();
        adjoining
            .map(|(id, limit)| AdjoiningIncidentGroup {
                incident: Incident::of(&self.at, *id),
                limit: (*limit).into(),
            })
            .collect()
    }

    /// What changed near all of its items before its first member began, the most suspect first.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn changes_nearby(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How far back changes are looked for; `PT72H` when missing.")]
        lookback: Option<Duration>,
        #[graphql(desc = "How many changes are listed; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "Which changes; all when missing.")] filter: Option<ChangeFilter>,
    ) -> Result<NearbyChanges> {
        let first = question_size(ctx, first)?;
        let began = self.group.started_at;
        let moment = Moment::of(Some(DateTime(began)), None)?;
        let at = Standpoint::at(ctx, self.at.view.clone(), moment).await?;
        let meaning = ChangeMeaning::read(filter.as_ref(), &at)?;
        let members = self.group.members.iter().map(|member| member.incident);
        let question = NearbyQuestion {
            items: self.group.items.clone(),
            incidents: members.take(WORDS_OF_MAX).collect(),
            unknown_items: Vec::new(),
            at: began,
            lookback: lookback.map_or(LOOKBACK_DEFAULT, |lookback| lookback.0),
            judgements: Judgements::Count,
            model: (*ctx.data::<Shared>()?.ports.ranking).clone(),
        };
        let from = began.plus_nanos(question.lookback.nanos().saturating_neg());
        let meaning = meaning.within(from, began.plus_nanos(1));
        let criteria = meaning.found(ctx, &at).await?;
        NearbyChanges::of(ctx, at, question, criteria, first).await
    }

    /// Whether its chain reaches further back than is looked at, or more items than are looked at may harm a member.
    async fn truncated(&self) -> bool {
        self.group.truncated
    }

    /// The rules by which incidents became one.
    async fn rules_version(&self) -> &str {
        GROUPING_VERSION
    }
}

/// An incident of a group, and why it belongs.
#[Object]
impl IncidentGroupMember {
    /// The incident.
    async fn incident(&self) -> Incident {
        Incident::of(&self.at, self.member.incident)
    }

    /// How many members its lowest item explains, itself among them.
    async fn explains(&self) -> usize {
        self.member.explains
    }

    /// What links it to others of the group; nothing for the one that began first.
    async fn reasons(&self) -> Vec<IncidentLink> {
        let reasons = self.member.reasons.iter().cloned();
        reasons
            .map(|reason| IncidentLink {
                at: self.at.clone(),
                reason,
            })
            .collect()
    }
}

/// What links a member to another one of its group.
#[Object]
impl IncidentLink {
    /// The other one.
    async fn with(&self) -> Incident {
        Incident::of(&self.at, self.reason.with)
    }

    /// Where the harm comes from that explains both; null where somebody says that they are one.
    async fn through(&self) -> Option<ConfigurationItem> {
        let item = self.at.view.graph.item(self.reason.through?)?;
        Some(ConfigurationItem::of(&self.at, item))
    }

    /// Who says that they are one; null where harm links them.
    async fn said_by(&self) -> Option<&str> {
        self.reason.said_by.as_deref()
    }

    /// Whether that shows symptoms itself.
    async fn shows_symptoms(&self) -> bool {
        self.reason.shows_symptoms
    }

    /// The way of harm from there to the member; empty where it shows on it.
    async fn path(&self) -> Vec<PathStep> {
        PathStep::path(&self.at, &self.reason.path)
    }

    /// The way of harm from there to the other one.
    async fn path_of_other(&self) -> Vec<PathStep> {
        PathStep::path(&self.at, &self.reason.path_of_other)
    }

    /// How many milliseconds after the other one the member began; negative when before.
    async fn after_ms(&self) -> f64 {
        self.reason.after_ms
    }

    /// The share of harm that gets to both, from 0 to 1; 0 where somebody says that they are one.
    async fn harm(&self) -> f64 {
        self.reason.harm
    }

    /// The same as a sentence.
    async fn sentence(&self) -> &str {
        &self.reason.sentence
    }
}
