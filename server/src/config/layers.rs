//! Lays flags over the environment over the file over the defaults.
//!
//! Pure: the caller brings the texts. An unknown key is an error wherever it stands.

use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;
use toml::{Table, Value};

use super::Settings;

/// What every variable that sets something begins with.
pub const VARIABLE_PREFIX: &str = "EPICENTER_";

/// How variables begin that have the prefix and are read elsewhere: by the command line, by the build and by tests.
pub const RESERVED_VARIABLES: [&str; 7] = [
    "EPICENTER_BIN",
    "EPICENTER_CONFIG",
    "EPICENTER_POWERCUT_",
    "EPICENTER_SERVER",
    "EPICENTER_SKIP_WEB",
    "EPICENTER_TOKEN",
    "EPICENTER_YARDSTICK",
];

/// The texts that settings are read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layers {
    /// Key (such as `http.connections_max`) and value of each flag given.
    pub flags: Vec<(&'static str, String)>,
    /// Name and value of each variable; those without the prefix are passed over.
    pub variables: Vec<(String, String)>,
    /// The file's path and text, if there is one.
    pub file: Option<(PathBuf, String)>,
}

/// Why the settings cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file is not TOML.
    #[error("{} is not TOML", path.display())]
    NotToml {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: toml::de::Error,
    },
    /// Nothing is called so.
    #[error("{origin}: unknown key `{key}`{}", suggestion(.nearest.as_deref()))]
    UnknownKey {
        /// Who set it.
        origin: String,
        /// Its name.
        key: String,
        /// The known key that looks most like it.
        nearest: Option<String>,
    },
    /// The value is of another type.
    #[error("{origin}: `{key}` must be {wanted}, not {found:?}")]
    WrongType {
        /// Who set it.
        origin: String,
        /// Its name.
        key: String,
        /// What it must be.
        wanted: &'static str,
        /// What it is.
        found: String,
    },
    /// A value is of the right type and means nothing.
    #[error("a setting does not fit")]
    Value {
        /// Which, and why.
        source: toml::de::Error,
    },
    /// Others could reach it, and nobody could say who they are.
    #[error(
        "`{key}` is {address}, which others can reach, and no token counts; make one with \
         `epicenter token create NAME --scope admin --data-dir DIR`, or listen on 127.0.0.1"
    )]
    NoCredentials {
        /// Which address.
        key: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// Nothing would be answered.
    #[error("`graphql.documents_only` needs a list of documents in `graphql.documents`")]
    NoDocuments,
    /// It could not stand in a path, or on the disk.
    #[error(
        "{name:?} is no name of a tenant: it has 1 to 63 of a-z, 0-9 and `-`, and does not begin with `-`"
    )]
    TenantName {
        /// What it is.
        name: String,
    },
    /// One tenant would set it for all.
    #[error("{}: `{key}` is the same for all tenants and is set for the server", path.display())]
    Shared {
        /// The file of the tenant.
        path: PathBuf,
        /// Which setting.
        key: &'static str,
    },
    /// Two would end what the other says.
    #[error("each `[[kubernetes]]` needs a `cluster` and a source of its own, not {source_name:?}")]
    Cluster {
        /// The source that is named twice, or has no cluster.
        source_name: String,
    },
    /// Nothing it sends would be taken as meant.
    #[error("the `[[senders]]` table of form {form:?} and name {name:?}: {reason}")]
    Sender {
        /// Its form.
        form: String,
        /// Its name.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// It is no length of time.
    #[error("`deliveries.retry_after`: {text:?} is no length of time such as PT5M")]
    Wait {
        /// What it says.
        text: String,
    },
    /// It names no network.
    #[error("`deliveries.networks`: {text:?} is no network such as 10.1.0.0/16")]
    Network {
        /// What it says.
        text: String,
    },
    /// It would let in what has long been over.
    #[error("`{key}` may be at most {most}")]
    TooLong {
        /// Which setting.
        key: &'static str,
        /// The most it may be.
        most: u64,
    },
    /// Nobody would be let in by the word of an issuer, or somebody by that of another.
    #[error("the `[[auth.issuers]]` table of issuer {issuer:?}: {reason}")]
    Issuer {
        /// Which.
        issuer: String,
        /// Why.
        reason: &'static str,
    },
    /// Settings of TLS do not go together.
    #[error("{reason}")]
    Tls {
        /// Why.
        reason: &'static str,
    },
    /// Settings of mail do not go together.
    #[error("{reason}")]
    Mail {
        /// Why.
        reason: &'static str,
    },
    /// The authorities of the server of mail could not be read.
    #[error("could not read `mail.ca` {path}")]
    MailAuthorities {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Somebody would be known by nothing, or two by the same name.
    #[error("the `[[tls.clients]]` table of name {name:?}: {reason}")]
    TlsClient {
        /// Its name.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// A secret could not be read.
    #[error("could not read the secret file {path}")]
    SecretFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Everybody could prove it.
    #[error("the secret file {path} begins with an empty line")]
    EmptySecret {
        /// Which file.
        path: PathBuf,
    },
    /// It would never do anything.
    #[error("`{key}` must be at least 1")]
    Zero {
        /// Which setting.
        key: &'static str,
    },
    /// What is made of something would be gone before it.
    #[error("`{key}` must be at least {least}")]
    TooShort {
        /// Which setting.
        key: &'static str,
        /// The least it may be.
        least: u64,
    },
}

impl Layers {
    /// The settings these texts give, checked.
    pub fn settings(&self) -> Result<Settings, ConfigError> {
        let mut table = Table::try_from(Settings::defaults())
            .expect("settings hold text keys and plain values only");
        if let Some((path, text)) = &self.file {
            let given: Table = text.parse().map_err(|source| ConfigError::NotToml {
                path: path.clone(),
                source,
            })?;
            overlay(&mut table, given, "", &path.display().to_string())?;
        }
        let keys = leaves(&table, "");
        for (name, text) in &self.variables {
            let reserved = RESERVED_VARIABLES
                .iter()
                .any(|reserved| name.starts_with(reserved));
            if reserved || !name.starts_with(VARIABLE_PREFIX) {
                continue;
            }
            let Some(key) = keys.iter().find(|key| variable_of(key) == *name) else {
                let names: Vec<String> = keys.iter().map(|key| variable_of(key)).collect();
                return Err(unknown("the environment", name, &names));
            };
            set(&mut table, key, text, name)?;
        }
        for (key, text) in &self.flags {
            set(
                &mut table,
                key,
                text,
                &format!("--{}", key.replace('_', "-")),
            )?;
        }
        let settings: Settings = table
            .try_into()
            .map_err(|source| ConfigError::Value { source })?;
        settings.check()?;
        Ok(settings)
    }
}

/// The variable that sets a key: `http.head_timeout_ms` is `EPICENTER_HTTP_HEAD_TIMEOUT_MS`.
fn variable_of(key: &str) -> String {
    format!(
        "{VARIABLE_PREFIX}{}",
        key.replace('.', "_").to_ascii_uppercase()
    )
}

/// Lays the tables and values of `given` over those of `base`, which names every key there is.
pub(super) fn overlay(
    base: &mut Table,
    given: Table,
    within: &str,
    origin: &str,
) -> Result<(), ConfigError> {
    for (name, value) in given {
        let key = format!("{within}{name}");
        let Some(slot) = base.get_mut(&name) else {
            let names: Vec<String> = base.keys().map(|name| format!("{within}{name}")).collect();
            return Err(unknown(origin, &key, &names));
        };
        match (slot, value) {
            (Value::Table(inner), Value::Table(value)) => {
                overlay(inner, value, &format!("{key}."), origin)?;
            }
            (slot, value) if fits(slot, &value) => *slot = value,
            (slot, value) => {
                return Err(ConfigError::WrongType {
                    origin: origin.to_owned(),
                    key,
                    wanted: type_name(slot),
                    found: value.to_string(),
                });
            }
        }
    }
    Ok(())
}

/// Sets one key from text, read as the type the key has.
fn set(table: &mut Table, key: &str, text: &str, origin: &str) -> Result<(), ConfigError> {
    let slot = slot_of(table, key).expect("the key was taken from this table");
    let value = match slot {
        Value::Integer(_) => text.parse().ok().map(Value::Integer),
        Value::Float(_) => text.parse().ok().map(Value::Float),
        Value::Boolean(_) => text.parse().ok().map(Value::Boolean),
        Value::String(_) => Some(Value::String(text.to_owned())),
        Value::Array(_) => Some(texts(text)),
        Value::Datetime(_) | Value::Table(_) => None,
    };
    match value.filter(|value| fits(slot, value)) {
        Some(value) => {
            *slot = value;
            Ok(())
        }
        None => Err(ConfigError::WrongType {
            origin: origin.to_owned(),
            key: key.to_owned(),
            wanted: type_name(slot),
            found: text.to_owned(),
        }),
    }
}

/// A list of texts, as they stand between commas.
fn texts(text: &str) -> Value {
    let parts = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
}

fn slot_of<'a>(table: &'a mut Table, key: &str) -> Option<&'a mut Value> {
    match key.split_once('.') {
        None => table.get_mut(key),
        Some((section, rest)) => slot_of(table.get_mut(section)?.as_table_mut()?, rest),
    }
}

/// Every key that has a value, with its sections before it.
fn leaves(table: &Table, within: &str) -> Vec<String> {
    let mut keys = Vec::new();
    for (name, value) in table {
        match value {
            Value::Table(inner) => keys.extend(leaves(inner, &format!("{within}{name}."))),
            _ => keys.push(format!("{within}{name}")),
        }
    }
    keys
}

fn fits(slot: &Value, value: &Value) -> bool {
    let natural = value.as_integer().is_none_or(|number| 0 <= number);
    slot.same_type(value) && natural
}

fn type_name(slot: &Value) -> &'static str {
    match slot {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number from 0 on",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a time",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section",
    }
}

fn unknown(origin: &str, key: &str, known: &[String]) -> ConfigError {
    let nearest = known
        .iter()
        .map(|name| (distance(name, key), name))
        .min()
        .filter(|(distance, _)| *distance <= 3)
        .map(|(_, name)| name.clone());
    ConfigError::UnknownKey {
        origin: origin.to_owned(),
        key: key.to_owned(),
        nearest,
    }
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest
        .map(|name| format!("; did you mean `{name}`?"))
        .unwrap_or_default()
}

/// The edit distance of two names.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, a) in left.bytes().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(right.bytes()) {
            let replaced = diagonal + usize::from(a != b);
            diagonal = *cell;
            before = replaced.min(diagonal + 1).min(before + 1);
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or(left.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(file: &str, variables: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Layers {
        Layers {
            flags: flags.iter().map(|(k, v)| (*k, (*v).to_owned())).collect(),
            variables: variables
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            file: Some((PathBuf::from("epicenter.toml"), file.to_owned())),
        }
    }

    fn refused(file: &str, variables: &[(&str, &str)], flags: &[(&'static str, &str)]) -> String {
        layers(file, variables, flags)
            .settings()
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn nothing_given_gives_the_defaults() {
        assert_eq!(Layers::default().settings().unwrap(), Settings::defaults());
    }

    #[test]
    fn a_flag_beats_the_environment_beats_the_file() {
        let file = "listen = '127.0.0.1:1'\ndata_dir = 'file'\n[http]\nconnections_max = 1";
        let variables = [
            ("EPICENTER_LISTEN", "127.0.0.1:2"),
            ("EPICENTER_HTTP_CONNECTIONS_MAX", "2"),
        ];
        let settings = layers(file, &variables, &[("listen", "127.0.0.1:3")])
            .settings()
            .unwrap();
        assert_eq!(settings.listen.port(), 3);
        assert_eq!(settings.http.connections_max, 2);
        assert_eq!(settings.data_dir, PathBuf::from("file"));
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_one() {
        assert_eq!(
            refused("[http]\nconections_max = 1", &[], &[]),
            "epicenter.toml: unknown key `http.conections_max`; did you mean `http.connections_max`?"
        );
        assert_eq!(
            refused("", &[("EPICENTER_LISTN", "x")], &[]),
            "the environment: unknown key `EPICENTER_LISTN`; did you mean `EPICENTER_LISTEN`?"
        );
        assert_eq!(
            refused("[quuxquux]", &[], &[]),
            "epicenter.toml: unknown key `quuxquux`"
        );
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        assert_eq!(
            refused("[http]\nconnections_max = -1", &[], &[]),
            "epicenter.toml: `http.connections_max` must be a whole number from 0 on, not \"-1\""
        );
        assert_eq!(
            refused("", &[("EPICENTER_HTTP_CONNECTIONS_MAX", "many")], &[]),
            "EPICENTER_HTTP_CONNECTIONS_MAX: `http.connections_max` must be a whole number from 0 on, not \"many\""
        );
        assert!(refused("listen = 8080", &[], &[]).contains("`listen` must be a text"));
        assert!(refused("listen =", &[], &[]).contains("is not TOML"));
    }

    #[test]
    fn a_server_that_others_can_reach_is_locked_whatever_is_set() {
        let is_locked = |file: &str, flags: &[(&'static str, &str)]| {
            let settings = layers(file, &[], flags).settings().unwrap();
            settings.is_locked()
        };
        assert!(!is_locked("", &[]));
        assert!(is_locked("auth.required = true", &[]));
        for key in ["listen", "otlp_grpc", "otlp_http"] {
            assert!(is_locked("auth.required = false", &[(key, "0.0.0.0:80")]));
        }
    }

    #[test]
    fn the_settings_read_back_from_their_own_toml() {
        let text = Settings::defaults().to_toml();
        assert_eq!(
            layers(&text, &[], &[]).settings().unwrap(),
            Settings::defaults()
        );
    }
}
