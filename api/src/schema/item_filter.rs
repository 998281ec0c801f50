//! Which items a list shows, and in which order.

use async_graphql::{Context, Enum, InputObject, Result};
use graph::{Chosen, ItemCriteria, OrderBy};
use model::Sureness;

use super::item::Freshness;
use super::standpoint::Standpoint;
use crate::error::ErrorCode;

/// Most entries of one list in a filter.
const ENTRIES_MAX: usize = 100;

/// Most letters of a search.
const TEXT_MAX: usize = 200;

/// Which items to show. Everything that is given must hold; of a list, one entry.
#[derive(InputObject, Default)]
pub(crate) struct ItemFilter {
    /// Every word of it is found in the key, the display name, another name or the owner, whatever its case
    /// and width. Words are what stands between spaces; Chinese is searched as it stands, character by character.
    text: Option<String>,
    /// It is of this kind.
    kind: Option<String>,
    /// It is of one of these kinds.
    kinds: Option<Vec<String>>,
    /// It is in this environment or in one inside it: by its own environment if it has one, else by what contains it.
    environment: Option<String>,
    /// It is in this namespace.
    namespace: Option<String>,
    /// A source names this team as its owner.
    owner: Option<String>,
    /// This team answers for it: its own owner or, without one, that of the nearest container that has one.
    owned_by: Option<String>,
    /// It is as critical as this: `P0`, `P1`, `P2`, or a word that means the same, such as `critical`.
    criticality: Option<String>,
    /// It is as critical as one of these.
    criticalities: Option<Vec<String>>,
    /// We are as sure of it as one of these at the moment asked about.
    freshness: Option<Vec<Freshness>>,
    /// Whether items that do not exist at the moment asked about are shown too.
    #[graphql(default)]
    include_ended: bool,
}

/// What a list of items is ordered by. What is equal is ordered by key.
#[derive(InputObject)]
pub(crate) struct ItemOrder {
    /// What counts.
    by: ItemOrderBy,
    /// Whether the greatest comes first.
    #[graphql(default)]
    descending: bool,
}

/// What a list of items can be ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "OrderBy")]
pub(crate) enum ItemOrderBy {
    /// The canonical key.
    Key,
    /// The name, without kind and environment.
    Name,
    /// The first moment any source speaks of.
    FirstSeen,
    /// The last moment any source speaks of.
    LastSeen,
    /// How much depends on it, `P0` first; what nobody spoke of comes last.
    Criticality,
}

/// Which items are meant at a standpoint, everything read that lies on the disk.
pub(crate) struct ItemChoice {
    filters: Vec<model::ItemFilter>,
    chosen: Vec<Chosen>,
    cuts: Vec<String>,
}

impl ItemFilter {
    /// The filter in the words of the model.
    pub(crate) fn read(self) -> Result<model::ItemFilter> {
        let list = |one: Option<String>, more: Option<Vec<String>>| {
            let mut list = more.unwrap_or_default();
            list.extend(one);
            list
        };
        let filter = model::ItemFilter {
            text: self.text,
            kinds: list(self.kind, self.kinds),
            environment: self.environment,
            namespace: self.namespace,
            owners: list(self.owner, None),
            owned_by: list(self.owned_by, None),
            criticality: list(self.criticality, self.criticalities),
            freshness: self
                .freshness
                .unwrap_or_default()
                .into_iter()
                .map(sureness)
                .collect(),
            include_ended: self.include_ended,
            ..model::ItemFilter::default()
        };
        let lists = [
            filter.kinds.len(),
            filter.criticality.len(),
            filter.freshness.len(),
        ];
        if lists.into_iter().any(|entries| ENTRIES_MAX < entries) {
            let message = format!("a list in a filter has at most {ENTRIES_MAX} entries");
            return Err(ErrorCode::BadInput.error(message));
        }
        if filter
            .text
            .as_ref()
            .is_some_and(|text| TEXT_MAX < text.chars().count())
        {
            let message = format!("text has at most {TEXT_MAX} letters");
            return Err(ErrorCode::BadInput.error(message));
        }
        Ok(filter)
    }
}

impl ItemChoice {
    /// Reads what a filter needs from the disk.
    pub(crate) async fn of(
        _ctx: &Context<'_>,
        _at: &Standpoint,
        filter: Option<ItemFilter>,
    ) -> Result<Self> {
        let filter = filter.unwrap_or_default().read()?;
        Ok(Self {
            filters: vec![filter],
            chosen: Vec::new(),
            cuts: Vec::new(),
        })
    }

    /// The items that are meant, and sentences on what was not looked at.
    pub(crate) fn items(self, at: &Standpoint) -> (Vec<graph::Item<'_>>, Vec<String>) {
        let graph = &at.view.graph;
        let criteria = ItemCriteria::new(graph, self.filters, self.chosen, at.valid_at);
        let mut cuts = self.cuts;
        if criteria.truncated() {
            cuts.push("the environment contains more than was looked at".to_owned());
        }
        let passing = graph.items().filter(|item| criteria.passes(item));
        (passing.collect(), cuts)
    }
}

impl ItemOrder {
    /// The order, by key when nobody says.
    pub(crate) fn read(order: Option<Self>) -> graph::ItemOrder {
        order.map_or(graph::ItemOrder::BY_KEY, |order| graph::ItemOrder {
            by: OrderBy::from(order.by),
            descending: order.descending,
        })
    }
}

fn sureness(freshness: Freshness) -> Sureness {
    match freshness {
        Freshness::Confirmed => Sureness::Confirmed,
        Freshness::Ageing => Sureness::Ageing,
        Freshness::Unconfirmed => Sureness::Unconfirmed,
        Freshness::Closed => Sureness::Closed,
    }
}
