//! Scenes: the sorts of changes a platform makes, and what the changes of each must say.
//!
//! A scene is an event with versions, like a kind of items. A change that names a scene nobody
//! registered stays welcome and has no rules.

mod registry;
mod rules;

use serde::{Deserialize, Serialize};

use crate::kind::{DefinitionFault, attribute_list_faults, kind_name_fault};
use crate::{AttributeRule, CheckPoint, FlowKind, SourceName, bounds};

pub use registry::ChangeModel;
pub use rules::{SceneBreach, SceneRules};

/// `platform.registered`: a source that makes changes, told by name. A later registration replaces an earlier one whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlatformRegistered {
    /// The platform, called as its changes call their source.
    pub name: SourceName,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Which team answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Where people read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// `platform.withdrawn`: a platform no longer makes changes. Its changes and scenes stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlatformWithdrawn {
    /// The platform.
    pub name: SourceName,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `scene.registered`: one sort of changes of a platform. A later registration of its name replaces an earlier one whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SceneRegistered {
    /// The platform it belongs to, called as its changes call their source.
    pub platform: SourceName,
    /// The scene as changes of the platform name it.
    pub name: String,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What is done in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Kinds of items it operates on; any when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_kinds: Vec<String>,
    /// What its changes tell in general (`basic`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub basic: Vec<AttributeRule>,
    /// What its changes are controlled by (`control`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub control: Vec<AttributeRule>,
    /// Whether values that are not listed are refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    /// The checks its changes go through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<SceneCheck>,
    /// The level of control its changes are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// How its changes take effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowKind>,
}

/// A check that the changes of a scene go through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SceneCheck {
    /// The check, as results name it.
    pub name: String,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<CheckPoint>,
    /// What it looks at: `freeze`, `slo`, `batch`, `environment` or the platform's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `observer` or `enforcer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// `block`, `warn` or `escalate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
}

/// `scene.withdrawn`: a registration no longer counts. Changes that name the scene stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SceneWithdrawn {
    /// The platform it belongs to.
    pub platform: SourceName,
    /// The scene.
    pub name: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl SceneRegistered {
    /// A scene without any rule.
    pub fn new(platform: SourceName, name: impl Into<String>) -> Self {
        Self {
            platform,
            name: name.into(),
            title: None,
            description: None,
            resource_kinds: Vec::new(),
            basic: Vec::new(),
            control: Vec::new(),
            closed: false,
            checks: Vec::new(),
            level: None,
            flow: None,
        }
    }
}

/// Everything that is wrong with a scene's registration.
pub fn scene_faults(scene: &SceneRegistered) -> Vec<DefinitionFault> {
    let mut faults = Vec::new();
    let mut add = |field: String, reason: String| faults.push(DefinitionFault { field, reason });
    if scene.name.trim().is_empty() || bounds::LINE_BYTES < scene.name.len() {
        let reason = format!("has 1 to {} bytes", bounds::LINE_BYTES);
        add("name".to_owned(), reason);
    }
    for (place, check) in scene.checks.iter().enumerate() {
        let earlier = scene.checks.iter().take(place);
        let same = |other: &SceneCheck| other.name == check.name && other.at == check.at;
        if earlier.into_iter().any(same) {
            let reason = format!("{} is listed twice", check.name);
            add(format!("checks[{place}].name"), reason);
        }
    }
    for (place, kind) in scene.resource_kinds.iter().enumerate() {
        faults.extend(kind_name_fault(&format!("resourceKinds[{place}]"), kind));
    }
    for (field, rules) in [("basic", &scene.basic), ("control", &scene.control)] {
        faults.extend(attribute_list_faults(field, rules));
        let unique = rules.iter().enumerate().filter(|(_, rule)| rule.unique);
        faults.extend(unique.map(|(place, _)| DefinitionFault {
            field: format!("{field}[{place}].unique"),
            reason: "has no meaning for changes".to_owned(),
        }));
    }
    faults
}
