//! Where an item stands: what contains it, where it is, who answers for it, and what is around it.

use async_graphql::{Context, Enum, Json, Object, Result, SimpleObject};
use graph::{Climb, ClimbLimits, NeighbourLimits, Towards};
use model::CiId;
use serde_json::Value;

use crate::error::ErrorCode;
use crate::schema::Shared;
use crate::schema::asking::ask;
use crate::schema::item::{ConfigurationItem, Relation};
use crate::schema::paging::{page_cost, question_size};
use crate::schema::standpoint::Standpoint;
use crate::schema::values;

/// How many containers or places of one item are told.
const CLIMB: ClimbLimits = ClimbLimits {
    depth_max: 32,
    items_max: 200,
};

/// How many relations may be gone.
const HOPS_MAX: i32 = 6;

/// How many relations are shown for each item that is.
const RELATIONS_EACH: usize = 8;

/// In how many containers on-call people are looked for.
const CHAIN_MAX: usize = 10;

/// The attributes that name people.
const ON_CALL: &str = "on_call";
const MAINTAINERS: &str = "maintainers";

/// The structural side of an item.
pub(crate) struct ItemPlace {
    pub(crate) at: Standpoint,
    pub(crate) id: CiId,
}

/// How much depends on an item, whatever words its sources use.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "graph::Criticality")]
pub(crate) enum CriticalityLevel {
    /// The business stands when it does: `P0`, `critical`.
    P0,
    /// Many notice at once: `P1`, `high`.
    P1,
    /// It can wait: `P2`, `medium`, `low` and less.
    P2,
}

/// Which way to go from an item.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum Direction {
    /// Nowhere: the item itself.
    #[graphql(name = "SELF")]
    Itself,
    /// With the arrow: what it needs.
    DependsOn,
    /// Against the arrow: who needs it.
    UsedBy,
    /// Both ways at every step.
    Both,
}

impl Direction {
    /// How far to go which way, so many relations at most.
    pub(crate) fn around(self, hops: u32) -> (u32, Towards) {
        match self {
            Self::Itself => (0, Towards::Both),
            Self::DependsOn => (hops, Towards::Providers),
            Self::UsedBy => (hops, Towards::Dependents),
            Self::Both => (hops, Towards::Both),
        }
    }
}

/// An item that was reached by one kind of order: containment, or place.
#[derive(SimpleObject)]
pub(crate) struct ReachedItem {
    /// The item.
    item: ConfigurationItem,
    /// How many steps away it is.
    hops: usize,
    /// The last relation on the way to it.
    relation: Relation,
}

/// Items reached, the nearest first; what is as near in order of key.
#[derive(SimpleObject)]
pub(crate) struct ReachedItems {
    /// The items.
    items: Vec<ReachedItem>,
    /// Whether there were more than may be looked at.
    truncated: bool,
}

/// Who answers for an item.
#[derive(SimpleObject)]
pub(crate) struct Responsible {
    /// The team: the item's own owner or, without one, that of the nearest container that has one.
    owner: Option<String>,
    /// The container whose owner it is; null when the item names its own.
    inherited_from: Option<ConfigurationItem>,
    /// How many steps away that container is.
    hops: usize,
    /// Other teams that own a container just as near: an open question.
    others: Vec<String>,
    /// Who is on call: the attribute `on_call` of the item, of its nearest container, or of the team's own item.
    on_call: Option<Json<Value>>,
    /// The item that says who is on call.
    on_call_from: Option<ConfigurationItem>,
    /// Who maintains it: the attribute `maintainers`, found in the same way.
    maintainers: Option<Json<Value>>,
    /// The item that says who maintains it.
    maintainers_from: Option<ConfigurationItem>,
}

/// An item of a neighbourhood.
#[derive(SimpleObject)]
pub(crate) struct Neighbour {
    /// The item.
    item: ConfigurationItem,
    /// How many relations away it is.
    hops: u32,
}

/// What stands around an item, to be drawn.
#[derive(SimpleObject)]
pub(crate) struct Neighbourhood {
    /// The items, the nearest first; the item itself is the first.
    items: Vec<Neighbour>,
    /// The relations between them.
    relations: Vec<Relation>,
    /// Whether there was more within the distance than is shown.
    truncated: bool,
}

impl ItemPlace {
    fn item(&self) -> graph::Item<'_> {
        let item = self.at.view.graph.item(self.id);
        item.expect("a handle is made of an item of its own view")
    }

    fn reached(&self, climb: &Climb<'_>) -> ReachedItems {
        let items = climb.reached.iter().map(|one| ReachedItem {
            item: ConfigurationItem::of(&self.at, one.item),
            hops: one.hops,
            relation: Relation::of(&self.at, &one.relation),
        });
        ReachedItems {
            items: items.collect(),
            truncated: climb.truncated,
        }
    }
}

/// The structural side of an item.
#[Object]
impl ItemPlace {
    /// How much depends on it as one of three levels; null when nobody said so in words that are understood.
    async fn criticality_level(&self) -> Option<CriticalityLevel> {
        self.item().criticality_level().map(Into::into)
    }

    /// What it is contained in, up to the top: module, cluster, environment, business ...
    #[graphql(complexity = "page_cost(None, None, child_complexity)")]
    async fn contained_in(&self) -> ReachedItems {
        self.reached(&graph::contained_in(self.item(), self.at.valid_at, CLIMB))
    }

    /// What it contains.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn contains(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many steps down; 1 when missing.")] depth: Option<i32>,
        #[graphql(desc = "How many items at most; 20 when missing.")] first: Option<i32>,
    ) -> Result<ReachedItems> {
        let items_max = question_size(ctx, first)?;
        let depth = depth.unwrap_or(1);
        let depth_max = usize::try_from(depth)
            .ok()
            .filter(|depth| *depth <= CLIMB.depth_max);
        let message =
            || ErrorCode::BadInput.error(format!("depth is from 0 to {}", CLIMB.depth_max));
        let limits = ClimbLimits {
            depth_max: depth_max.ok_or_else(message)?,
            items_max,
        };
        Ok(self.reached(&graph::contents(self.item(), self.at.valid_at, limits)))
    }

    /// Where it is: the host, rack, room, zone and region it runs on or lies in.
    #[graphql(complexity = "page_cost(None, None, child_complexity)")]
    async fn placement(&self) -> ReachedItems {
        self.reached(&graph::placement(self.item(), self.at.valid_at, CLIMB))
    }

    /// Who answers for it.
    #[graphql(complexity = "20 + child_complexity")]
    async fn responsible(&self, ctx: &Context<'_>) -> Result<Responsible> {
        let found = graph::responsible(self.item(), self.at.valid_at);
        let handle = |item| ConfigurationItem::of(&self.at, item);
        let mut people: [Option<(Value, CiId)>; 2] = [None, None];
        if ctx.look_ahead().field("onCall").exists()
            || ctx.look_ahead().field("maintainers").exists()
        {
            let team = found
                .owner
                .map(|owner| model::SourceKey::text(format!("team:{owner}")));
            let team =
                team.and_then(|key| self.at.view.graph.item(CiId::of(&graph::claim_of(&key))));
            let chain = found.chain.iter().take(CHAIN_MAX).copied().chain(team);
            let chain: Vec<CiId> = chain.map(|item| item.id()).collect();
            people = self.people(ctx, &chain).await?;
        }
        let from = |person: &Option<(Value, CiId)>| {
            let id = person.as_ref().map(|(_, id)| *id)?;
            ConfigurationItem::find(&self.at, id)
        };
        let [on_call, maintainers] = people;
        Ok(Responsible {
            owner: found.owner.map(str::to_owned),
            inherited_from: found.inherited_from.map(handle),
            hops: found.hops,
            others: found
                .others
                .iter()
                .map(|other| (*other).to_owned())
                .collect(),
            on_call_from: from(&on_call),
            on_call: on_call.map(|(value, _)| Json(value)),
            maintainers_from: from(&maintainers),
            maintainers: maintainers.map(|(value, _)| Json(value)),
        })
    }

    /// What stands around it: items, and all relations between them.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn neighbours(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which way to go; both when missing.")] direction: Option<Direction>,
        #[graphql(desc = "How many relations to go, at most 6; 1 when missing.")] hops: Option<i32>,
        #[graphql(desc = "Only by relations of these kinds; of all when missing.")] kinds: Option<
            Vec<String>,
        >,
        #[graphql(desc = "How many items at most; 20 when missing.")] first: Option<i32>,
    ) -> Result<Neighbourhood> {
        let items_max = question_size(ctx, first)?;
        let hops = hops.unwrap_or(1);
        let within = u32::try_from(hops).ok().filter(|_| hops <= HOPS_MAX);
        let hops = within
            .ok_or_else(|| ErrorCode::BadInput.error(format!("hops is from 0 to {HOPS_MAX}")))?;
        let (hops_max, towards) = direction.unwrap_or(Direction::Both).around(hops);
        let limits = NeighbourLimits {
            hops_max,
            items_max,
            relations_max: items_max.saturating_mul(RELATIONS_EACH),
            visited_max: ctx.data::<Shared>()?.limits.radius_visited_max,
        };
        let (at, id) = (self.at.clone(), self.id);
        ask(ctx, move || {
            let item = at.view.graph.item(id)?;
            let kinds = kinds.unwrap_or_default();
            let found = graph::neighbours(item, at.valid_at, towards, &kinds, &limits);
            let items = found.items.iter().map(|(item, hops)| Neighbour {
                item: ConfigurationItem::of(&at, *item),
                hops: *hops,
            });
            Some(Neighbourhood {
                items: items.collect(),
                relations: found
                    .relations
                    .iter()
                    .map(|it| Relation::of(&at, it))
                    .collect(),
                truncated: found.truncated,
            })
        })
        .await?
        .ok_or_else(|| ErrorCode::Internal.error("internal error"))
    }
}

impl ItemPlace {
    /// Who is on call and who maintains, by the first of the items that says so.
    async fn people(
        &self,
        ctx: &Context<'_>,
        chain: &[CiId],
    ) -> Result<[Option<(Value, CiId)>; 2]> {
        let mut people = [None, None];
        for id in chain {
            let Some(item) = self.at.view.graph.item(*id) else {
                continue;
            };
            for (place, name) in people.iter_mut().zip([ON_CALL, MAINTAINERS]) {
                if place.is_none() {
                    let value = values::value_of(ctx, &self.at, item, name).await?;
                    *place = value.map(|value| (value, *id));
                }
            }
            if people.iter().all(Option::is_some) {
                break;
            }
        }
        Ok(people)
    }
}
