//! What `BlueKing` CMDB answers of hosts and of the business topology. Pure.
//!
//! Read are the answers of `list_biz_hosts_topo`, `list_host_total_mainline_topo`,
//! `list_biz_hosts`, `list_hosts_without_biz` and `search_biz_inst_topo`, as they
//! are published. Places in the topology are known by their numbers: every
//! business has an idle pool of the same name.

#[cfg(test)]
mod tests;

use model::KeyParts;
use serde_json::Value;

use super::ImportFile;
use super::listing::{ItemWriter, Listing, Surroundings};
use super::read::pieces;

/// Fields of a host that are kept, and what they are called here.
const FIELDS: [(&str, &str); 19] = [
    ("bk_os_type", "os.type"),
    ("bk_os_name", "os.name"),
    ("bk_os_version", "os.version"),
    ("bk_os_bit", "os.bit"),
    ("bk_cpu", "host.cpu.count"),
    ("bk_cpu_module", "host.cpu.model"),
    ("bk_cpu_architecture", "host.arch"),
    ("bk_mem", "host.memory"),
    ("bk_disk", "host.disk"),
    ("bk_mac", "host.mac"),
    ("bk_outer_mac", "host.mac.outer"),
    ("bk_cloud_id", "bk.cloud.id"),
    ("bk_cloud_host_status", "cloud.instance.state"),
    ("bk_state", "state"),
    ("bk_province_name", "province"),
    ("bk_isp_name", "isp"),
    ("bk_sla", "sla"),
    ("bk_bak_operator", "operator.backup"),
    ("bk_service_term", "warranty.years"),
];

/// Deepest topology.
const DEPTH_MAX: usize = 32;

/// Everything that the answers say.
pub(super) fn decode(files: &[ImportFile], around: &Surroundings) -> Listing {
    let mut listing = Listing::default();
    for file in files {
        for piece in pieces(&file.name, &file.bytes, &mut listing) {
            if piece.value.get("result") == Some(&Value::Bool(false)) {
                listing.reject(&piece.place, "result", "is an answer that failed");
                continue;
            }
            let data = piece.value.get("data").unwrap_or(&piece.value);
            let mut answer = Answer {
                around,
                place: &piece.place,
                listing: &mut listing,
            };
            answer.read(data);
        }
    }
    listing
}

/// One answer while it is read.
struct Answer<'a> {
    around: &'a Surroundings,
    place: &'a str,
    listing: &'a mut Listing,
}

impl Answer<'_> {
    fn read(&mut self, data: &Value) {
        let entries = data.get("info").unwrap_or(data);
        match entries {
            Value::Array(entries) => {
                for (index, entry) in entries.iter().enumerate() {
                    self.entry(index, entry);
                }
            }
            Value::Object(_) => self.entry(0, entries),
            _ => self
                .listing
                .reject(self.place, "data", "holds neither hosts nor a topology"),
        }
    }

    fn entry(&mut self, index: usize, entry: &Value) {
        let is_place = entry.get("bk_obj_id").is_some() && entry.get("bk_inst_id").is_some();
        if is_place {
            self.instance(entry, None, 0);
            return;
        }
        let host = entry.get("host").unwrap_or(entry);
        let Some(key) = self.host(host) else {
            let field = format!("data[{index}]");
            return self
                .listing
                .reject(self.place, &field, "is no host: it has no bk_host_id");
        };
        for place in list(entry.get("topo")) {
            match place.get("inst") {
                Some(_) => self.mainline(place, None, &key, 0),
                None => self.set(place, &key),
            }
        }
    }

    fn host(&mut self, host: &Value) -> Option<KeyParts> {
        let text = |name: &str| text(host.get(name));
        let id = text("bk_host_id")?;
        let addresses = [
            addresses(host.get("bk_host_innerip")),
            addresses(host.get("bk_host_innerip_v6")),
        ]
        .concat();
        // Addresses repeat from one cloud area to the next.
        let area = text("bk_cloud_id").filter(|area| area != "0");
        let by_address = addresses.first().map(|ip| match &area {
            Some(area) => format!("{area}:{ip}"),
            None => ip.clone(),
        });
        let name = text("bk_host_name").or(by_address);
        let key = KeyParts::new("host", name.unwrap_or_else(|| id.clone()))
            .in_environment(self.around.environment.clone());
        let mut item = ItemWriter::new(key.clone());
        item.claim("bk.host_id", Some(&id));
        item.claim("asset", text("bk_asset_id").as_deref());
        item.claim("serial", text("bk_sn").as_deref());
        item.claim("host.id", text("bk_cloud_inst_id").as_deref());
        let outer = addresses_of(host, &["bk_host_outerip", "bk_host_outerip_v6"]);
        for ip in addresses.iter().chain(&outer) {
            item.address(Some(ip), self.around.at, None);
        }
        item.owner(text("operator").as_deref());
        for (field, name) in FIELDS {
            item.attribute(name, host.get(field).cloned().unwrap_or_default());
        }
        self.listing.items.push(item.done());
        Some(key)
    }

    /// `list_biz_hosts_topo`: sets with their modules.
    fn set(&mut self, set: &Value, host: &KeyParts) {
        let set_key = self.place("set", set.get("bk_set_id"), set.get("bk_set_name"));
        for module in list(set.get("module")) {
            let module = self.place(
                "module",
                module.get("bk_module_id"),
                module.get("bk_module_name"),
            );
            if let (Some(set), Some(module)) = (&set_key, &module) {
                self.listing.relate(set.clone(), "includes", module.clone());
            }
            if let Some(module) = module {
                self.listing.relate(module, "includes", host.clone());
            }
        }
    }

    /// `list_host_total_mainline_topo`: levels of any number.
    fn mainline(&mut self, level: &Value, above: Option<&KeyParts>, host: &KeyParts, depth: usize) {
        let field = |name: &str| level.get("inst").and_then(|inst| inst.get(name));
        let Some(kind) = text(field("obj")).filter(|_| depth < DEPTH_MAX) else {
            return;
        };
        let Some(key) = self.place(&kind, field("id"), field("name")) else {
            return;
        };
        if let Some(above) = above {
            self.listing.relate(above.clone(), "includes", key.clone());
        }
        let within = list(level.get("children"));
        if within.is_empty() {
            self.listing.relate(key.clone(), "includes", host.clone());
        }
        for level in within {
            self.mainline(level, Some(&key), host, depth + 1);
        }
    }

    /// `search_biz_inst_topo`: a business and all that it is divided into.
    fn instance(&mut self, instance: &Value, above: Option<&KeyParts>, depth: usize) {
        let Some(kind) = text(instance.get("bk_obj_id")).filter(|_| depth < DEPTH_MAX) else {
            return;
        };
        let (id, name) = (instance.get("bk_inst_id"), instance.get("bk_inst_name"));
        let Some(key) = self.place(&kind, id, name) else {
            return;
        };
        if let Some(above) = above {
            self.listing.relate(above.clone(), "includes", key.clone());
        }
        for within in list(instance.get("child")) {
            self.instance(within, Some(&key), depth + 1);
        }
    }

    /// An item of the topology.
    fn place(
        &mut self,
        object: &str,
        id: Option<&Value>,
        name: Option<&Value>,
    ) -> Option<KeyParts> {
        let (id, name) = (text(id)?, text(name));
        let kind = match object {
            "biz" => "business",
            other => other,
        };
        let key = KeyParts::new(kind.to_lowercase(), id).in_namespace(Some("bk-cmdb".to_owned()));
        let mut item = ItemWriter::new(key.clone());
        item.display_name(name.as_deref());
        if let Some(name) = name.filter(|_| kind == "business") {
            item.also_called(KeyParts::new(kind, name));
        }
        self.listing.items.push(item.done());
        Some(key)
    }
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Several addresses are written as a list, or with commas between them.
fn addresses(value: Option<&Value>) -> Vec<String> {
    let texts: Vec<String> = match value {
        Some(Value::Array(entries)) => entries
            .iter()
            .filter_map(|entry| text(Some(entry)))
            .collect(),
        other => text(other).into_iter().collect(),
    };
    let each = texts.iter().flat_map(|text| text.split(','));
    each.map(|ip| ip.trim().to_owned())
        .filter(|ip| !ip.is_empty())
        .collect()
}

fn addresses_of(host: &Value, fields: &[&str]) -> Vec<String> {
    fields
        .iter()
        .flat_map(|field| addresses(host.get(field)))
        .collect()
}
