//! Holds a change against the scene it names. A scene nobody registered has no rules.

use model::{Change, ChangeModel, SceneBreach};

use super::{KnownKinds, shown};
use crate::fields::{Path, Problems};

/// Adds a problem for everything a change says that its scene does not allow.
///
/// A statement that names no scene but states values of one is held against the scene that is known of
/// its change.
pub(super) fn check_change(
    model: &ChangeModel,
    known: &dyn KnownKinds,
    change: &Change,
    problems: &mut Problems,
) {
    let platform = change.source.as_str();
    let named = change.scene.clone();
    let says_values = !change.basic.is_empty() || !change.control.is_empty();
    let scene = named.or_else(|| match says_values {
        true => known.scene_of(&change.reference()),
        false => None,
    });
    let Some(rules) = scene.and_then(|scene| model.scene(platform, &scene)) else {
        return;
    };
    let name = &rules.registered().name;
    let data = Path::Field(&Path::Root, "data");
    for breach in rules.breaches(change) {
        let reason = reason(change, &breach, name);
        problems.add_at(&data, &field(&breach), reason);
    }
}

fn field(breach: &SceneBreach) -> String {
    match breach.list {
        "basic" | "control" => format!("{}.{}", breach.list, breach.entry),
        list => format!("{list}[{}]", breach.entry),
    }
}

fn reason(change: &Change, breach: &SceneBreach, scene: &str) -> String {
    let values = match breach.list {
        "basic" => Some(&change.basic),
        "control" => Some(&change.control),
        _ => None,
    };
    let rule = &breach.rule;
    match values {
        Some(_) if breach.is_missing => {
            format!("{rule} of a change that names the scene {scene}")
        }
        Some(values) => {
            let found = shown(values, &breach.entry);
            format!("{rule}, found {found} (scene {scene})")
        }
        None => format!("{rule} (scene {scene})"),
    }
}
