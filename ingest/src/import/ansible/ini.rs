//! An inventory line by line: sections, hosts, ranges.

use serde_json::{Value, json};

use super::{Inventory, RANGE_MAX};
use crate::import::ImportFile;
use crate::import::listing::Listing;

/// What the lines of a section are.
enum Section {
    Hosts(String),
    Groups(String),
    Variables,
}

/// Reads a file of sections.
pub(super) fn read(file: &ImportFile, inventory: &mut Inventory, listing: &mut Listing) {
    let Ok(text) = std::str::from_utf8(&file.bytes) else {
        return listing.reject(&file.name, "", "is not UTF-8");
    };
    let mut section = Section::Hosts("ungrouped".to_owned());
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            let Some((name, _)) = header.split_once(']') else {
                let place = format!("{} line {}", file.name, index + 1);
                listing.reject(&place, "", "begins a section and does not end it");
                section = Section::Variables;
                continue;
            };
            section = match name.split_once(':') {
                None => Section::Hosts(name.to_owned()),
                Some((name, "children")) => Section::Groups(name.to_owned()),
                Some(_) => Section::Variables,
            };
            continue;
        }
        match &section {
            Section::Hosts(group) => host(line, group, inventory),
            Section::Groups(group) => {
                let inner = line.split_whitespace().next().unwrap_or(line);
                let within = inventory.within.entry(group.clone()).or_default();
                within.insert(inner.to_owned());
            }
            Section::Variables => {}
        }
    }
}

fn host(line: &str, group: &str, inventory: &mut Inventory) {
    let mut words = line.split_whitespace();
    let Some(name) = words.next() else { return };
    let mut variables = Value::Null;
    for word in words {
        if word.starts_with('#') {
            break;
        }
        if let Some((name @ ("ansible_host" | "ansible_ssh_host"), address)) = word.split_once('=')
        {
            variables = json!({ name: address.trim_matches(['"', '\'']) });
        }
    }
    let bare = name
        .rsplit_once(':')
        .filter(|(_, port)| port.parse::<u16>().is_ok());
    inventory.host(bare.map_or(name, |(name, _)| name), group, &variables);
}

/// The hosts that a pattern such as `web[01:20].example` stands for.
pub(super) fn expanded(pattern: &str) -> Vec<String> {
    let range = pattern.split_once('[').and_then(|(before, rest)| {
        let (range, after) = rest.split_once(']')?;
        let mut parts = range.split(':');
        let (first, last) = (parts.next()?, parts.next()?);
        let step = parts.next().map_or(Some(1), |step| step.parse().ok())?;
        Some((before, members(first, last, step)?, after))
    });
    let Some((before, members, after)) = range else {
        return vec![pattern.to_owned()];
    };
    let each = members.into_iter();
    let each = each.flat_map(|member| expanded(&format!("{before}{member}{after}")));
    each.take(RANGE_MAX).collect()
}

fn members(first: &str, last: &str, step: usize) -> Option<Vec<String>> {
    let step = step.max(1);
    if let (Ok(from), Ok(to)) = (first.parse::<u32>(), last.parse::<u32>()) {
        let width = if first.starts_with('0') {
            first.len()
        } else {
            0
        };
        let numbers = (from..=to).step_by(step).take(RANGE_MAX);
        return Some(numbers.map(|number| format!("{number:0width$}")).collect());
    }
    let letter = |text: &str| text.parse::<char>().ok().filter(char::is_ascii_alphabetic);
    let letters = letter(first)?..=letter(last)?;
    Some(letters.step_by(step).map(String::from).collect())
}
