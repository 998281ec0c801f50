//! Hands the calls of closed windows over to be measured, by relation and by the item that takes them.
//!
//! Under the names that the spans state, as the log has them. It happens outside the lock that
//! spans wait for: only the names are looked up under it.

use std::collections::HashMap;

use hashbrown::DefaultHashBuilder;
use model::Timestamp;
use store::{Measured, Rollups, Series};

use super::calls::CallRoute;
use super::items::{ItemNumber, Items};
use super::windows::{ClosedWindow, RouteStats};

/// A closed window with the names of all it speaks of.
#[derive(Debug)]
pub(super) struct NamedWindow {
    window: ClosedWindow,
    names: HashMap<ItemNumber, String, DefaultHashBuilder>,
}

impl NamedWindow {
    pub(super) fn of(window: ClosedWindow, items: &Items) -> Self {
        let mut names = HashMap::default();
        for (route, _) in &window.routes {
            for item in [route.dependent, route.provider] {
                if let Some(key) = items.key(item) {
                    names.entry(item).or_insert_with(|| key.canonical());
                }
            }
        }
        Self { window, names }
    }

    pub(super) fn add_to(&self, rollups: &Rollups) {
        let from = Timestamp::from_unix_nanos(self.window.from);
        let routes = self.window.routes.iter();
        rollups.add(from, routes.filter_map(|route| self.relation(route)));
        let mut providers: HashMap<ItemNumber, Measured, DefaultHashBuilder> = HashMap::default();
        for (route, stats) in &self.window.routes {
            providers
                .entry(route.provider)
                .and_modify(|sum| sum.merge(&stats.measured()))
                .or_insert_with(|| stats.measured());
        }
        let items = providers.into_iter().filter_map(|(item, measured)| {
            let series = Series::of_item(self.names.get(&item)?);
            Some((series, measured))
        });
        rollups.add(from, items);
    }

    fn relation(&self, (route, stats): &(CallRoute, RouteStats)) -> Option<(Series, Measured)> {
        let dependent = self.names.get(&route.dependent)?;
        let provider = self.names.get(&route.provider)?;
        let kind = route.kind.relation();
        let series = Series::of_relation(dependent, provider, kind.as_str());
        Some((series, stats.measured()))
    }
}
