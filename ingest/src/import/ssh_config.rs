//! Hosts of an SSH client's configuration. Pure.
//!
//! Only names and addresses are read; patterns, `Match` blocks and included files say nothing here.

use model::KeyParts;

use super::ImportFile;
use super::listing::{ItemWriter, Listing, Surroundings};

/// Every host that a configuration names.
pub(super) fn decode(files: &[ImportFile], around: &Surroundings) -> Listing {
    let mut listing = Listing::default();
    for file in files {
        let Ok(text) = std::str::from_utf8(&file.bytes) else {
            listing.reject(&file.name, "", "is not UTF-8");
            continue;
        };
        let mut block = Block::default();
        for line in text.lines() {
            let Some((keyword, value)) = setting(line) else {
                continue;
            };
            match keyword.to_lowercase().as_str() {
                "host" => {
                    block.say(around, &mut listing);
                    block = Block::of(&value, &mut listing);
                }
                "match" => {
                    block.say(around, &mut listing);
                    block = Block::default();
                }
                // The first word counts, as it does for the client.
                "hostname" => block.host_name = block.host_name.take().or(Some(value)),
                "port" => block.port = block.port.or(value.parse().ok()),
                "include" => listing.passed_over += 1,
                _ => {}
            }
        }
        block.say(around, &mut listing);
    }
    listing
}

/// What stands under one `Host` line.
#[derive(Default)]
struct Block {
    names: Vec<String>,
    host_name: Option<String>,
    port: Option<u16>,
}

impl Block {
    fn of(names: &str, listing: &mut Listing) -> Self {
        let is_name = |name: &&str| !name.contains(['*', '?', '!']);
        let names: Vec<String> = names
            .split_whitespace()
            .filter(is_name)
            .map(str::to_owned)
            .collect();
        if names.is_empty() {
            listing.passed_over += 1;
        }
        Self {
            names,
            ..Self::default()
        }
    }

    fn say(&self, around: &Surroundings, listing: &mut Listing) {
        let Some((name, others)) = self.names.split_first() else {
            return;
        };
        let key =
            |name: &str| KeyParts::new("host", name).in_environment(around.environment.clone());
        let mut item = ItemWriter::new(key(name));
        others.iter().for_each(|other| item.also_called(key(other)));
        // `%h` stands for the name that was typed.
        let host_name = self
            .host_name
            .as_deref()
            .map(|host| host.replace("%h", name));
        let host_name = host_name.as_deref().unwrap_or(name);
        if host_name.parse::<std::net::IpAddr>().is_ok() {
            item.address(Some(host_name), around.at, None);
        } else {
            item.also_called(key(host_name));
        }
        item.attribute("ssh.port", self.port);
        listing.items.push(item.done());
    }
}

/// The keyword and the value of a line; both `Keyword value` and `Keyword=value` are written.
fn setting(line: &str) -> Option<(&str, String)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (keyword, value) =
        line.split_once(|letter: char| letter.is_whitespace() || letter == '=')?;
    let value = value.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '=');
    Some((keyword, value.trim().trim_matches('"').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::shown::shown;
    use crate::import::{Format, decode as decode_files};

    #[test]
    fn a_configuration_becomes_hosts() {
        let text = "Include more\nHost web-1 w1\n  HostName 10.0.0.1\n  Port=2222\n  User planted\n\
            Host db\n  HostName \"%h.shop.example\"\nHost *\n  HostName nobody\nMatch host x\n  HostName y\nHost bare\n";
        let file = ImportFile {
            name: "config".to_owned(),
            bytes: text.as_bytes().to_vec(),
        };
        let around = Surroundings {
            environment: None,
            cluster: None,
            at: "2026-11-20T10:00:00Z".parse().unwrap(),
        };
        let listing = decode_files(Format::SshConfig, &[file], &around).unwrap();
        assert_eq!(
            shown(&listing),
            "host:bare\n\
             host:db\n  also key=host:db.shop.example\n\
             host:web-1\n  also ip=10.0.0.1 from 2026-11-20T10:00:00Z\n  also key=host:w1\n  ssh.port: 2222\n\
             passed over 2\n"
        );
    }
}
