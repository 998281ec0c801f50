//! Senders to the intake that need more than an address: `[[senders]]`, one table each.

use std::path::{Path, PathBuf};

use ingest::{Intake, Secret, Sender};
use model::{KeyParts, SourceKey, SourceName};
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// One sender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SenderSettings {
    /// What it speaks: `github`, `gitlab`, ...
    pub form: String,
    /// The last part of its address, `/ingest/FORM/NAME`; empty for `/ingest/FORM` itself.
    #[serde(default)]
    pub name: String,
    /// The source that its facts come from; the form's own when empty.
    #[serde(default)]
    pub source: String,
    /// The environment of what names none.
    #[serde(default)]
    pub environment: String,
    /// The items of what names none, as keys: `service:checkout`.
    #[serde(default)]
    pub items: Vec<String>,
    /// Files that hold one secret each; any of them proves a body. Without any, nothing is proved.
    #[serde(default)]
    pub secret_files: Vec<PathBuf>,
}

impl SenderSettings {
    /// Refuses what could never be reached.
    pub(super) fn check(&self, earlier: &[Self]) -> Result<(), ConfigError> {
        let refused = |reason| {
            Err(ConfigError::Sender {
                form: self.form.clone(),
                name: self.name.clone(),
                reason,
            })
        };
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !Intake::forms().any(|form| form == self.form) {
            return refused("no address takes this form");
        }
        if !self.name.bytes().all(is_part) {
            return refused("a name has letters, digits, `-`, `_` and `.` only");
        }
        if self.items.iter().any(|key| KeyParts::parse(key).is_err()) {
            return refused("an item is a key as in service:checkout");
        }
        let same = |other: &Self| other.form == self.form && other.name == self.name;
        match earlier.iter().any(same) {
            true => refused("there is another table for the same address"),
            false => Ok(()),
        }
    }

    /// The sender with its secrets. May wait for the disk.
    pub(crate) fn read(&self) -> Result<Sender, ConfigError> {
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        let secrets = self.secret_files.iter().map(|path| read_secret(path));
        Ok(Sender {
            form: self.form.clone(),
            name: self.name.clone(),
            source: given(&self.source).map(SourceName::new),
            environment: given(&self.environment),
            items: self.items.iter().cloned().map(SourceKey::Text).collect(),
            secrets: secrets.collect::<Result<_, _>>()?,
        })
    }
}

/// The first line of a file, so that an editor's newline at the end does no harm.
fn read_secret(path: &Path) -> Result<Secret, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::SecretFile {
        path: path.to_owned(),
        source,
    })?;
    let line = text.lines().next().unwrap_or_default().trim();
    Secret::new(line.as_bytes()).ok_or_else(|| ConfigError::EmptySecret {
        path: path.to_owned(),
    })
}
