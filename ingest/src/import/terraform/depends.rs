//! Which resource needs which.
//!
//! A raw state lists everything a resource needs, near and far; what one of the
//! others needs already is left out, so that only the direct needs remain.

use std::collections::{BTreeMap, BTreeSet};

use super::resource::Resource;
use crate::import::listing::{Listing, Surroundings};

/// Adds `dependent depends_on provider` for every direct need between items.
pub(super) fn relate(resources: &[Resource], around: &Surroundings, listing: &mut Listing) {
    let mut instances: BTreeMap<&str, Vec<&Resource>> = BTreeMap::new();
    for resource in resources {
        instances.entry(&resource.base).or_default().push(resource);
        if resource.address != resource.base {
            instances
                .entry(&resource.address)
                .or_default()
                .push(resource);
        }
    }
    let needs: BTreeMap<&str, BTreeSet<&str>> = resources
        .iter()
        .map(|resource| {
            let all = resource.depends_on.iter().map(String::as_str);
            (resource.base.as_str(), all.collect())
        })
        .collect();
    for dependent in resources {
        let Some(key) = dependent.key(around) else {
            continue;
        };
        for needed in &dependent.depends_on {
            let is_far = dependent.depends_on.iter().any(|other| {
                let through = needs.get(other.as_str());
                other != needed && through.is_some_and(|needs| needs.contains(needed.as_str()))
            });
            if is_far {
                continue;
            }
            for provider in instances.get(needed.as_str()).into_iter().flatten() {
                if let Some(provider) = provider.key(around) {
                    listing.relate(key.clone(), "depends_on", provider);
                }
            }
        }
    }
}
