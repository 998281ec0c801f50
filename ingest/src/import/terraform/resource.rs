//! One resource: the item it becomes, and the names by which others know it.

use model::{Claim, KeyParts, SourceKey};
use serde_json::Value;

use super::kinds::{ATTRIBUTES, kind_of};
use crate::import::listing::{ItemWriter, Listing, Surroundings};

/// A resource whose sensitive values were taken out.
#[derive(Debug)]
pub(super) struct Resource {
    /// Its address, with the index of the instance.
    pub(super) address: String,
    /// Its address without that.
    pub(super) base: String,
    /// Its type.
    pub(super) kind: String,
    /// Its attributes.
    pub(super) values: Value,
    /// The addresses it needs.
    pub(super) depends_on: Vec<String>,
}

/// Ports that spans leave out of a database's name.
const UNNAMED_PORTS: [u64; 12] = [
    80, 443, 1433, 1521, 3306, 5432, 6379, 9042, 9200, 11211, 26257, 27017,
];

impl Resource {
    /// The item's key; `None` if the resource is a helper of the configuration.
    pub(super) fn key(&self, around: &Surroundings) -> Option<KeyParts> {
        let kind = kind_of(&self.kind)?;
        let name = match (kind, self.kind.as_str()) {
            // The tag *Name* is shared by every instance of a group.
            (_, "aws_instance") | ("network" | "subnet", _) => self.text("id").map(str::to_owned),
            ("domain", _) => self.domain(),
            ("cloud_resource", kind) => self.text("id").map(|id| format!("{kind}.{id}")),
            _ => self.name().map(str::to_owned),
        };
        let name = name.unwrap_or_else(|| self.address.clone());
        // Names that mean the same everywhere, and those that spans know without an environment.
        let everywhere = matches!(kind, "domain" | "cluster");
        let environment = self.environment(around).filter(|_| !everywhere);
        Some(KeyParts::new(kind, name).in_environment(environment))
    }

    /// Adds what it says.
    pub(super) fn say(&self, around: &Surroundings, listing: &mut Listing) {
        let Some(key) = self.key(around) else {
            listing.passed_over += 1;
            return;
        };
        let mut item = ItemWriter::new(key.clone());
        item.attribute("terraform.type", self.kind.as_str());
        item.attribute("terraform.address", self.address.as_str());
        self.identify(&mut item);
        self.describe(&mut item);
        match key.kind.as_str() {
            "host" => self.host(&key, &mut item),
            "database" | "cache" => self.store(&key, &mut item),
            "load_balancer" => self.balancer(&mut item),
            "domain" => item.also_called(KeyParts::new("endpoint", key.name.clone())),
            _ => {}
        }
        for name in [
            "private_ip",
            "public_ip",
            "private_ip_address",
            "public_ip_address",
            "ipv4_address",
            "access_ip_v4",
        ] {
            // A state does not tell since when; it holds at the moment it speaks of.
            item.address(self.text(name), around.at, None);
        }
        listing.items.push(item.done());
        self.place(key.clone(), listing);
        if key.kind == "domain" {
            self.answers(&key, listing);
        }
    }

    fn identify(&self, item: &mut ItemWriter) {
        item.claim("arn", self.text("arn"));
        item.claim("cloud.resource_id", self.text("arn"));
        let id = self.text("id").unwrap_or_default();
        if id.starts_with("projects/") {
            item.claim("cloud.resource_id", Some(id));
        }
        if id.starts_with("/subscriptions/") {
            item.claim("cloud.resource_id", Some(&id.to_lowercase()));
        }
        item.claim("hostname", self.host_name().as_deref());
    }

    fn describe(&self, item: &mut ItemWriter) {
        for name in ATTRIBUTES {
            let value = self
                .values
                .get(name)
                .filter(|value| !value.is_object() && !value.is_array());
            item.attribute(name, value.cloned().unwrap_or_default());
        }
        if let Some(tags) = self.tags() {
            item.attribute("labels", tags.clone());
        }
        item.display_name(self.tag(&["Name"]));
        item.owner(self.tag(&["owner", "Owner", "team", "Team"]));
        item.criticality(self.tag(&["criticality", "Criticality"]));
        if let Some(arn) = self.text("arn") {
            let parts: Vec<&str> = arn.splitn(6, ':').collect();
            if let ["arn", partition, _, region, account, _] = parts.as_slice() {
                item.attribute(
                    "cloud.provider",
                    partition.split('-').next().unwrap_or_default(),
                );
                item.attribute("cloud.region", *region);
                item.attribute("cloud.account.id", *account);
            }
        }
    }

    fn host(&self, key: &KeyParts, item: &mut ItemWriter) {
        // A thing has one `host.id`: the one that the cloud's own detectors report.
        let host_id = match self.kind.as_str() {
            "aws_instance" => self.text("id"),
            _ => self
                .text("instance_id")
                .or_else(|| self.text("virtual_machine_id")),
        };
        item.claim("host.id", host_id.map(str::to_lowercase).as_deref());
        item.claim(
            "system.uuid",
            self.text("uuid").map(str::to_lowercase).as_deref(),
        );
        for name in ["private_dns", "hostname", "computer_name"] {
            if let Some(host) = self.text(name) {
                item.also_called(named_like(key, "host", host));
            }
        }
        if let Some(name) = self.tag(&["Name"]) {
            item.also_called(named_like(key, "host", name));
        }
    }

    /// The names that spans make of `server.address`, `server.port` and `db.namespace`.
    fn store(&self, key: &KeyParts, item: &mut ItemWriter) {
        let port = self.values.get("port").and_then(Value::as_u64);
        let port = port.filter(|port| !UNNAMED_PORTS.contains(port));
        let hosts = [
            "address",
            "endpoint",
            "reader_endpoint",
            "host",
            "fqdn",
            "primary_endpoint_address",
            "reader_endpoint_address",
            "configuration_endpoint_address",
            "hostname",
        ];
        let nodes = super::list(self.values.get("cache_nodes"));
        let nodes = nodes
            .iter()
            .filter_map(|node| node.get("address")?.as_str());
        let stated = hosts.iter().filter_map(|name| self.text(name)).chain(nodes);
        for host in stated {
            let host = host.split(':').next().unwrap_or(host).to_lowercase();
            let server = match port {
                Some(port) => format!("{host}:{port}"),
                None => host,
            };
            item.also_called(named_like(key, &key.kind, &server));
            for name in ["db_name", "database_name", "name"] {
                if let Some(database) = self.text(name) {
                    item.also_called(named_like(key, &key.kind, &format!("{database}@{server}")));
                }
            }
        }
    }

    fn balancer(&self, item: &mut ItemWriter) {
        if let Some(host) = self.host_name() {
            item.also_called(KeyParts::new("endpoint", host));
        }
    }

    /// `host runs_on zone runs_on region`.
    fn place(&self, key: KeyParts, listing: &mut Listing) {
        let Some(zone) = self.text("availability_zone").or_else(|| self.text("zone")) else {
            return;
        };
        let zone = KeyParts::new("zone", zone);
        listing.items.push(ItemWriter::new(zone.clone()).done());
        listing.relate(key, "runs_on", zone);
    }

    /// Whom a name leads to.
    fn answers(&self, key: &KeyParts, listing: &mut Listing) {
        let aliases = super::list(self.values.get("alias")).iter();
        let aliases = aliases.filter_map(|alias| alias.get("name")?.as_str());
        let is_name = self.text("type") == Some("CNAME");
        let records = super::list(self.values.get("records")).iter();
        let records = records.filter_map(Value::as_str).filter(|_| is_name);
        for host in aliases.chain(records) {
            let host = host.trim_end_matches('.').trim_start_matches("dualstack.");
            let claim = Claim::new("hostname", host.to_lowercase());
            let provider = SourceKey::Claim {
                scheme: claim.scheme,
                value: claim.value,
            };
            listing.relate(key.clone(), "routes_to", provider);
        }
    }

    fn name(&self) -> Option<&str> {
        let names = [
            "identifier",
            "cluster_identifier",
            "replication_group_id",
            "cluster_id",
            "function_name",
            "name",
            "bucket",
        ];
        names.iter().find_map(|name| self.text(name))
    }

    fn domain(&self) -> Option<String> {
        let name = self
            .text("fqdn")
            .or_else(|| self.text("hostname"))
            .or_else(|| self.text("name"))?;
        Some(name.trim_end_matches('.').to_lowercase())
    }

    /// The name in the DNS that only it has.
    fn host_name(&self) -> Option<String> {
        let names = ["dns_name", "address", "endpoint", "fqdn"];
        let host = names.iter().find_map(|name| self.text(name))?;
        let host = host.split("://").last().unwrap_or(host);
        let host = host
            .split([':', '/'])
            .next()
            .unwrap_or(host)
            .trim_end_matches('.');
        let qualified = host.contains('.') && host.parse::<std::net::IpAddr>().is_err();
        (qualified && kind_of(&self.kind) != Some("domain")).then(|| host.to_lowercase())
    }

    fn environment(&self, around: &Surroundings) -> Option<String> {
        let stated = around.environment.as_deref();
        let stated = stated.or_else(|| self.tag(&["environment", "Environment", "env", "Env"]));
        stated.map(str::to_owned)
    }

    fn tags(&self) -> Option<&Value> {
        ["tags_all", "tags", "labels"].iter().find_map(|name| {
            let tags = self.values.get(name)?;
            tags.as_object()
                .filter(|tags| !tags.is_empty())
                .map(|_| tags)
        })
    }

    fn tag(&self, names: &[&str]) -> Option<&str> {
        let tags = self.tags()?;
        names.iter().find_map(|name| tags.get(name)?.as_str())
    }

    fn text(&self, name: &str) -> Option<&str> {
        let text = self.values.get(name)?.as_str()?;
        Some(text).filter(|text| !text.is_empty())
    }
}

/// A name in the same environment.
fn named_like(key: &KeyParts, kind: &str, name: &str) -> KeyParts {
    KeyParts::new(kind, name).in_environment(key.environment.clone())
}
