//! One row, whichever way its fields are written.

use model::{Timestamp, bounds};
use serde_json::Value;

use crate::fields::{Problems, shortened};
use crate::said::Said;

/// A row of a table.
#[derive(Clone, Copy)]
pub(super) struct Row<'a>(pub(super) &'a Value);

/// What a field refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) sys_id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) class: String,
}

/// Where the configuration items besides the first are, as a business rule or a dot-walked query names them.
const LISTS: [&str; 4] = ["affected_cis", "task_ci", "ci_items", "configuration_items"];

impl<'a> Row<'a> {
    /// The stored value.
    pub(super) fn value(self, field: &str) -> Option<String> {
        let field = self.field(field)?;
        Said(field).line("/value").or_else(|| plain(field))
    }

    /// The value as people see it.
    pub(super) fn shown(self, field: &str) -> Option<String> {
        let field = self.field(field)?;
        let said = Said(field);
        said.line("/display_value")
            .or_else(|| said.line("/value"))
            .or_else(|| plain(field))
    }

    /// A person or a group by name; an id says nothing to people.
    pub(super) fn named(self, field: &str) -> Option<String> {
        self.shown(field).filter(|name| !is_id(name))
    }

    /// The stored value in lower case; empty when there is none.
    pub(super) fn word(self, field: &str) -> String {
        self.value(field).unwrap_or_default().to_lowercase()
    }

    /// A text of any length.
    pub(super) fn text(self, field: &str) -> Option<String> {
        let field = self.field(field)?;
        let said = Said(field);
        let text = said.text("/value").or_else(|| said.text("/display_value"));
        text.or_else(|| {
            let text = field.as_str()?.trim();
            (!text.is_empty()).then(|| shortened(text, bounds::TEXT_BYTES))
        })
    }

    /// A moment: ServiceNow keeps them in UTC.
    pub(super) fn moment(self, field: &str, problems: &mut Problems) -> Option<Timestamp> {
        let inner = self.field(field)?.get("value").is_some();
        match inner {
            true => Said(self.0.get(field)?).moment("/value", problems),
            false => Said(self.0).moment(&format!("/{field}"), problems),
        }
    }

    /// What a field refers to.
    pub(super) fn reference(self, field: &str) -> Option<Reference> {
        let class = self
            .value(&format!("{field}.sys_class_name"))
            .unwrap_or_default();
        let name = self.shown(&format!("{field}.name"));
        let found = reference(self.field(field)?, class.to_lowercase())?;
        let name = name.or(found.name);
        Some(Reference { name, ..found })
    }

    /// The item the change is about, then the others it affects.
    pub(super) fn configuration_items(self) -> Vec<Reference> {
        let mut items: Vec<Reference> = self.reference("cmdb_ci").into_iter().collect();
        for list in LISTS {
            let entries = self.field(list).and_then(Value::as_array);
            for entry in entries.into_iter().flatten() {
                let inner = entry.get("ci_item").unwrap_or(entry);
                let class = Row(inner).value("sys_class_name").unwrap_or_default();
                let found = reference(inner, class.to_lowercase());
                items.extend(found.filter(|item| !items.contains(item)));
            }
        }
        items.truncate(bounds::TARGETS_MAX);
        items
    }

    /// Dot-walked fields have a dot in their name, so they are asked for as they stand.
    fn field(self, field: &str) -> Option<&'a Value> {
        self.0.get(field).filter(|value| !value.is_null())
    }
}

fn reference(value: &Value, class: String) -> Option<Reference> {
    let said = Said(value);
    let written = plain(value)
        .or_else(|| said.line("/value"))
        .or_else(|| said.line("/sys_id"));
    let named = said.line("/display_value").or_else(|| said.line("/name"));
    let reference = Reference {
        name: named.or_else(|| written.clone().filter(|text| !is_id(text))),
        sys_id: written.filter(|text| is_id(text)),
        class,
    };
    let says_something = reference.sys_id.is_some() || reference.name.is_some();
    says_something.then_some(reference)
}

fn plain(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let line = text.lines().next()?;
    Some(shortened(line, bounds::LINE_BYTES))
}

/// Whether it is a `sys_id`.
fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
