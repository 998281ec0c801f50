//! What the events of a feed mean, as the configuration or the request says.

use model::{ChangeScope, RuleEffect, SourceName};
use serde_json::Value;

use super::{FORMAT, MEANING_HEADER};
use crate::decoded::Malformed;
use crate::events::calendar_scope;
use crate::fields::{self, Fields, Path, Problems};
use crate::intake::Delivery;

const EFFECTS: [(&str, RuleEffect); 2] = [
    ("freeze", RuleEffect::Freeze),
    ("window", RuleEffect::Window),
];
/// Most goals for which a rule does not count.
const NAMES_MAX: usize = model::bounds::DEFINED_NAMES_MAX;

/// What the events of a feed mean.
#[derive(Clone, Debug, PartialEq)]
pub struct CalendarMeaning {
    /// Freezes, each event one, or windows, all events one rule.
    pub effect: RuleEffect,
    /// Which changes they are about.
    pub scope: ChangeScope,
    /// Goals of a change for which they do not count.
    pub lifted_for: Vec<String>,
    /// Whether they bind administrators too.
    pub binds_administrators: bool,
    /// Where days and times that name no zone are read from a clock; what the feed says when missing, else UTC.
    pub time_zone: Option<String>,
}

/// The meaning of one feed, and as whose word its rules count.
pub(super) struct Meant {
    pub(super) meaning: CalendarMeaning,
    pub(super) source: SourceName,
}

impl Meant {
    /// What the sender's configuration says, else what the request says.
    pub(super) fn of(delivery: &Delivery) -> Result<Self, Malformed> {
        let sender = &delivery.sender;
        let (meaning, stated) = match (&sender.calendar, delivery.headers.get(MEANING_HEADER)) {
            (Some(meaning), _) => (meaning.clone(), None),
            (None, Some(header)) => read(header.as_bytes())?,
            (None, None) => {
                return Err(Malformed::because(format!(
                    "nobody says what the events mean: give the sender a table `calendar` in the configuration, or send the header {MEANING_HEADER}"
                )));
            }
        };
        let own = match sender.name.as_str() {
            "" => FORMAT.to_owned(),
            name => format!("{FORMAT}/{name}"),
        };
        let source = stated.unwrap_or_else(|| sender.source_or(&own));
        let mut meaning = meaning;
        let scope = &mut meaning.scope;
        scope.items = sender.items_or(std::mem::take(&mut scope.items));
        if scope.environments.is_empty() {
            scope.environments.extend(sender.environment.clone());
        }
        Ok(Self { meaning, source })
    }
}

/// A meaning in the words of a rule: `{effect, scope?, liftedFor?, bindsAdministrators?, timeZone?, source?}`.
fn read(header: &[u8]) -> Result<(CalendarMeaning, Option<SourceName>), Malformed> {
    let value: Value = serde_json::from_slice(header)
        .map_err(|_| Malformed::because(format!("the header {MEANING_HEADER} is not JSON")))?;
    let mut problems = Problems::default();
    let read = fields_of(value, &mut problems);
    match (read, problems.told.first()) {
        (Some(read), None) => Ok(read),
        (_, told) => {
            let (field, reason) = told.cloned().unwrap_or_default();
            Err(Malformed::because(format!(
                "the header {MEANING_HEADER}: {field} {reason}"
            )))
        }
    }
}

fn fields_of(
    value: Value,
    problems: &mut Problems,
) -> Option<(CalendarMeaning, Option<SourceName>)> {
    let mut fields = Fields::open(value, &Path::Root, problems)?;
    let effect = fields.must("effect", |value, path, problems| {
        fields::word(&EFFECTS, value, path, problems)
    });
    let scope = fields.may("scope", calendar_scope).unwrap_or_default();
    let lifted_for = fields.list("liftedFor", NAMES_MAX, fields::line);
    let binds_administrators = fields.may("bindsAdministrators", fields::truth);
    let time_zone = fields.may("timeZone", fields::name);
    let source = fields.may("source", fields::source_name);
    fields.close();
    let meaning = CalendarMeaning {
        effect: effect?,
        scope,
        lifted_for,
        binds_administrators: binds_administrators.unwrap_or(true),
        time_zone,
    };
    Some((meaning, source))
}
