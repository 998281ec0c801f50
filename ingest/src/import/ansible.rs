//! Hosts of an Ansible inventory, INI or YAML. Pure.
//!
//! Of variables only the address is read: inventories hold passwords.

mod ini;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use model::KeyParts;
use serde_json::{Map, Value};

use super::ImportFile;
use super::listing::{ItemWriter, Listing, Surroundings};
use super::read::pieces;

/// Deepest nesting of groups.
const DEPTH_MAX: usize = 32;
/// Most hosts that one range stands for.
const RANGE_MAX: usize = 10_000;

/// What an inventory says.
#[derive(Default)]
struct Inventory {
    /// The groups of each host that name it, and its address.
    hosts: BTreeMap<String, Host>,
    /// The groups within each group.
    within: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Default)]
struct Host {
    groups: BTreeSet<String>,
    address: Option<String>,
}

/// Every host of the inventories.
pub(super) fn decode(files: &[ImportFile], around: &Surroundings) -> Listing {
    let mut listing = Listing::default();
    let mut inventory = Inventory::default();
    for file in files {
        if is_tree(file) {
            for piece in pieces(&file.name, &file.bytes, &mut listing) {
                match piece.value {
                    Value::Object(groups) => inventory.groups(&groups, None, 0),
                    _ => listing.reject(&piece.place, "", "is no inventory"),
                }
            }
        } else {
            ini::read(file, &mut inventory, &mut listing);
        }
    }
    inventory.say(around, &mut listing);
    listing
}

/// YAML and JSON are known by their ending, or by how they begin.
fn is_tree(file: &ImportFile) -> bool {
    let ending = file.name.rsplit('.').next().unwrap_or_default();
    let begins = |with: &str| file.bytes.trim_ascii_start().starts_with(with.as_bytes());
    matches!(ending, "yml" | "yaml" | "json") || begins("---") || begins("all:") || begins("{")
}

impl Inventory {
    fn groups(&mut self, groups: &Map<String, Value>, above: Option<&str>, depth: usize) {
        if DEPTH_MAX < depth {
            return;
        }
        // What `ansible-inventory --list` says of hosts stands in a place of its own.
        let variables = groups.get("_meta").and_then(|meta| meta.get("hostvars"));
        for (name, group) in groups.iter().filter(|(name, _)| *name != "_meta") {
            if let Some(above) = above {
                self.within
                    .entry(above.to_owned())
                    .or_default()
                    .insert(name.clone());
            }
            match group.get("hosts") {
                Some(Value::Object(hosts)) => {
                    for (host, variables) in hosts {
                        self.host(host, name, variables);
                    }
                }
                Some(Value::Array(hosts)) => {
                    for host in hosts.iter().filter_map(Value::as_str) {
                        let variables = variables.and_then(|variables| variables.get(host));
                        self.host(host, name, variables.unwrap_or(&Value::Null));
                    }
                }
                _ => {}
            }
            match group.get("children") {
                Some(Value::Object(inner)) => self.groups(inner, Some(name), depth + 1),
                Some(Value::Array(inner)) => {
                    let names = inner.iter().filter_map(Value::as_str).map(str::to_owned);
                    self.within.entry(name.clone()).or_default().extend(names);
                }
                _ => {}
            }
        }
    }

    fn host(&mut self, pattern: &str, group: &str, variables: &Value) {
        let address = ["ansible_host", "ansible_ssh_host"]
            .iter()
            .find_map(|name| {
                let address = variables.get(name)?.as_str()?;
                // A template is filled in only when it is used.
                Some(address.to_owned()).filter(|address| !address.contains("{{"))
            });
        for name in ini::expanded(pattern) {
            let host = self.hosts.entry(name).or_default();
            host.groups.insert(group.to_owned());
            host.address = host.address.take().or_else(|| address.clone());
        }
    }

    fn say(&self, around: &Surroundings, listing: &mut Listing) {
        for (name, host) in &self.hosts {
            if matches!(name.as_str(), "localhost" | "127.0.0.1") {
                listing.passed_over += 1;
                continue;
            }
            let key =
                |name: &str| KeyParts::new("host", name).in_environment(around.environment.clone());
            let mut item = ItemWriter::new(key(name));
            let address = host.address.as_deref();
            item.address(address.or(Some(name)), around.at, None);
            if let Some(named) =
                address.filter(|address| address.parse::<std::net::IpAddr>().is_err())
            {
                item.also_called(key(named));
            }
            let groups: Vec<Value> = self.groups_of(host).into_iter().map(Value::from).collect();
            item.attribute("ansible.groups", groups);
            listing.items.push(item.done());
        }
    }

    /// The groups that name it, and those around them.
    fn groups_of(&self, host: &Host) -> BTreeSet<String> {
        let mut all = host.groups.clone();
        loop {
            let around = self
                .within
                .iter()
                .filter(|(_, within)| !within.is_disjoint(&all));
            let found: Vec<String> = around.map(|(name, _)| name.clone()).collect();
            let before = all.len();
            all.extend(found);
            if all.len() == before {
                break;
            }
        }
        all.retain(|group| !matches!(group.as_str(), "all" | "ungrouped"));
        all
    }
}
