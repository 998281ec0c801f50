//! Which items a list shows.

use async_graphql::InputObject;

use super::standpoint::Standpoint;

/// Which items to show. Everything that is given must hold.
#[derive(InputObject, Default)]
pub(crate) struct ItemFilter {
    /// Key, display name or another name holds this text, whatever its case.
    text: Option<String>,
    /// It is of this kind.
    kind: Option<String>,
    /// It is in this environment.
    environment: Option<String>,
    /// It is in this namespace.
    namespace: Option<String>,
    /// This team answers for it.
    owner: Option<String>,
    /// Its latest source calls it as critical as this.
    criticality: Option<String>,
    /// Whether items that do not exist at the moment asked about are shown too.
    #[graphql(default)]
    include_ended: bool,
}

/// A filter ready to be applied.
pub(crate) struct ItemCriteria {
    filter: ItemFilter,
    text: Option<String>,
}

impl ItemCriteria {
    /// Reads a filter.
    pub(crate) fn read(filter: Option<ItemFilter>) -> Self {
        let filter = filter.unwrap_or_default();
        Self {
            text: filter.text.as_ref().map(|text| text.to_lowercase()),
            filter,
        }
    }

    /// The items that pass at a standpoint.
    pub(crate) fn passing<'v>(&self, at: &'v Standpoint) -> Vec<graph::Item<'v>> {
        let items = at.view.graph.items();
        items.filter(|item| self.passes(at, item)).collect()
    }

    fn passes(&self, at: &Standpoint, item: &graph::Item<'_>) -> bool {
        let equal = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| is == Some(wanted))
        };
        let filter = &self.filter;
        equal(&filter.kind, Some(item.kind()))
            && equal(&filter.environment, item.environment())
            && equal(&filter.namespace, item.namespace())
            && equal(&filter.owner, item.owner())
            && equal(&filter.criticality, item.criticality())
            && self.text.as_ref().is_none_or(|text| holds(item, text))
            && (filter.include_ended || item.exists_at(at.valid_at))
    }
}

/// Whether one of an item's names holds a text in lower case.
fn holds(item: &graph::Item<'_>, text: &str) -> bool {
    let holds = |name: &str| name.to_lowercase().contains(text);
    holds(&item.key())
        || item.display_name().is_some_and(holds)
        || item.aliases().iter().any(|alias| holds(&alias.value))
}
