//! Senders to the intake that need more than an address: `[[senders]]`, one table each.

use std::path::{Path, PathBuf};

use ingest::{CalendarMeaning, Intake, Proof, Secret, Sender};
use model::{
    ChangeScope, KeyParts, RuleEffect, RuleReach, RuleTimes, SourceKey, SourceName, WeeklyTime,
};
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
    /// How it proves itself, where its form leaves that open: `token`, `header:NAME`, `hmac-sha256:NAME`,
    /// `hmac-sha512:NAME` or `standard-webhooks`; for the form `mapping` only.
    #[serde(default)]
    pub proof: String,
    /// Of a feed of iCalendar: what its events mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<CalendarSettings>,
}

/// What the events of a feed mean; `items` and `environment` of the sender are part of the scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarSettings {
    /// `freeze`: each event is one; `window`: all events are the times of one.
    pub means: RuleEffect,
    /// How far the rules reach from the items: `depends_on`, `used_by`, `both`.
    #[serde(default)]
    pub reach: RuleReach,
    /// Most relations on the way; as far as it goes when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hops_max: Option<u32>,
    /// Changes that take effect in one of these environments.
    #[serde(default)]
    pub environments: Vec<String>,
    /// Changes of these kinds.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// Changes of these levels of control.
    #[serde(default)]
    pub levels: Vec<String>,
    /// Changes of these scenes.
    #[serde(default)]
    pub scenes: Vec<String>,
    /// Goals of a change for which the rules do not count.
    #[serde(default)]
    pub lifted_for: Vec<String>,
    /// Whether the rules bind administrators too.
    #[serde(default = "yes")]
    pub binds_administrators: bool,
    /// Where days and times that name no zone are read from a clock; what the feed says when empty, else UTC.
    #[serde(default)]
    pub time_zone: String,
}

const fn yes() -> bool {
    true
}

impl CalendarSettings {
    /// Freezes or windows, about every change.
    pub fn meaning_of(means: RuleEffect) -> Self {
        Self {
            means,
            reach: RuleReach::Itself,
            hops_max: None,
            environments: Vec::new(),
            kinds: Vec::new(),
            levels: Vec::new(),
            scenes: Vec::new(),
            lifted_for: Vec::new(),
            binds_administrators: true,
            time_zone: String::new(),
        }
    }

    fn fault(&self) -> Option<&'static str> {
        let hours = WeeklyTime {
            days: Vec::new(),
            from: "00:00".to_owned(),
            until: "00:00".to_owned(),
            time_zone: self.time_zone.clone(),
        };
        let in_zone = RuleTimes {
            spans: Vec::new(),
            weekly: vec![hours],
        };
        if self.means == RuleEffect::Spacing {
            return Some("the events of a feed mean freeze or window");
        }
        let is_named = !self.time_zone.is_empty();
        (is_named && in_zone.fault().is_some())
            .then_some("calendar.time_zone is no name of the IANA database")
    }

    fn meaning(&self) -> CalendarMeaning {
        CalendarMeaning {
            effect: self.means,
            scope: ChangeScope {
                items: Vec::new(),
                reach: self.reach,
                hops_max: self.hops_max,
                environments: self.environments.clone(),
                kinds: self.kinds.clone(),
                levels: self.levels.clone(),
                scenes: self.scenes.clone(),
            },
            lifted_for: self.lifted_for.clone(),
            binds_administrators: self.binds_administrators,
            time_zone: (!self.time_zone.is_empty()).then(|| self.time_zone.clone()),
        }
    }
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
        if let Some(calendar) = &self.calendar {
            if self.form != "ical" {
                return refused("`calendar` is for feeds of the form ical");
            }
            if let Some(fault) = calendar.fault() {
                return refused(fault);
            }
        }
        if !self.proof.is_empty() && self.form != "mapping" {
            return refused("only senders to a mapping choose how they prove themselves");
        }
        if !self.proof.is_empty() && Proof::named(&self.proof).is_none() {
            return refused(
                "a proof is token, header:NAME, hmac-sha256:NAME, hmac-sha512:NAME or standard-webhooks",
            );
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
        let mut sender = Sender::new(&self.form, &self.name);
        sender.source = given(&self.source).map(SourceName::new);
        sender.environment = given(&self.environment);
        sender.items = self.items.iter().cloned().map(SourceKey::Text).collect();
        sender.secrets = secrets.collect::<Result<_, _>>()?;
        sender.proof = Proof::named(&self.proof);
        sender.calendar = self.calendar.as_ref().map(CalendarSettings::meaning);
        Ok(sender)
    }
}

fn read_secret(path: &Path) -> Result<Secret, ConfigError> {
    let line = first_line(path)?;
    Secret::new(line.as_bytes()).ok_or_else(|| ConfigError::EmptySecret {
        path: path.to_owned(),
    })
}

/// The first line of a file, so that an editor's newline at the end does no harm.
pub(super) fn first_line(path: &Path) -> Result<String, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::SecretFile {
        path: path.to_owned(),
        source,
    })?;
    match text.lines().next().unwrap_or_default().trim() {
        "" => Err(ConfigError::EmptySecret {
            path: path.to_owned(),
        }),
        line => Ok(line.to_owned()),
    }
}
