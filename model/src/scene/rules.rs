//! Holds what a change says against the rules of its scene.

use super::SceneRegistered;
use crate::{Change, KindDefined, KindRules, SourceKey};

/// A scene's registration with its regular expressions compiled once.
#[derive(Clone, Debug)]
pub struct SceneRules {
    registered: SceneRegistered,
    basic: KindRules,
    control: KindRules,
}

/// What a change says that its scene does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SceneBreach {
    /// The list of the change it stands in: `basic`, `control` or `targets`.
    pub list: &'static str,
    /// The entry: the name of a value, or the place of a target.
    pub entry: String,
    /// What it must be, as the end of a sentence that begins with the field.
    pub rule: String,
    /// Whether there is no value at all.
    pub is_missing: bool,
}

impl SceneRules {
    /// The rules of a registration.
    pub fn of(registered: SceneRegistered) -> Self {
        let rules = |attributes: &Vec<_>| {
            KindRules::alone(KindDefined {
                closed: registered.closed,
                attributes: attributes.clone(),
                ..KindDefined::new(registered.name.clone())
            })
        };
        Self {
            basic: rules(&registered.basic),
            control: rules(&registered.control),
            registered,
        }
    }

    /// The registration.
    pub fn registered(&self) -> &SceneRegistered {
        &self.registered
    }

    /// Everything a statement says that the scene does not allow. One that names the scene describes the
    /// change, so it must carry what the scene requires; another one may say a part.
    pub fn breaches(&self, change: &Change) -> Vec<SceneBreach> {
        let describes = change.scene.is_some();
        let mut breaches = Vec::new();
        for (list, rules, stated) in [
            ("basic", &self.basic, &change.basic),
            ("control", &self.control, &change.control),
        ] {
            breaches.extend(
                rules
                    .breaches(stated)
                    .into_iter()
                    .map(|breach| SceneBreach {
                        list,
                        entry: breach.attribute,
                        rule: breach.rule,
                        is_missing: false,
                    }),
            );
            let missing = rules.missing(stated).into_iter().filter(|_| describes);
            breaches.extend(missing.map(|name| SceneBreach {
                list,
                entry: name.to_owned(),
                rule: "is required".to_owned(),
                is_missing: true,
            }));
        }
        let of_batches = change.batches.iter().flat_map(|batch| &batch.targets);
        breaches.extend(self.foreign("targets", change.targets.iter()));
        breaches.extend(self.foreign("batches.targets", of_batches));
        breaches
    }

    /// Which values of a whole change are still missing.
    pub fn missing(&self, change: &Change) -> Vec<(&'static str, String)> {
        let lists = [
            ("basic", &self.basic, &change.basic),
            ("control", &self.control, &change.control),
        ];
        let each = lists.into_iter().flat_map(|(list, rules, stated)| {
            let names = rules.missing(stated).into_iter();
            names
                .map(move |name| (list, name.to_owned()))
                .collect::<Vec<_>>()
        });
        each.collect()
    }

    fn foreign<'a>(
        &self,
        list: &'static str,
        targets: impl Iterator<Item = &'a SourceKey>,
    ) -> Vec<SceneBreach> {
        let taken = &self.registered.resource_kinds;
        if taken.is_empty() {
            return Vec::new();
        }
        let foreign = targets.enumerate().filter_map(|(place, key)| {
            let kind = key.stated_kind().filter(|kind| !taken.contains(kind))?;
            Some(SceneBreach {
                list,
                entry: place.to_string(),
                rule: format!("must be a {}, found a {kind}", taken.join(" or ")),
                is_missing: false,
            })
        });
        foreign.collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(change: serde_json::Value) -> Vec<String> {
        let scene = json!({"platform": "cd", "name": "release", "closed": true,
            "resourceKinds": ["service"],
            "basic": [{"name": "version", "type": "string", "pattern": "[0-9.]+", "required": true}],
            "control": [{"name": "grey", "type": "boolean"}]});
        let rules = SceneRules::of(serde_json::from_value(scene).unwrap());
        let change = serde_json::from_value(change).unwrap();
        let line = |it: SceneBreach| format!("{}.{} {}", it.list, it.entry, it.rule);
        rules.breaches(&change).into_iter().map(line).collect()
    }

    #[test]
    fn a_statement_that_names_its_scene_must_carry_what_the_scene_requires() {
        let bare = json!({"source": "cd", "sourceId": "1", "scene": "release"});
        assert_eq!(told(bare), ["basic.version is required"]);
        let part = json!({"source": "cd", "sourceId": "1", "control": {"grey": true}});
        assert_eq!(told(part), [""; 0]);
    }

    #[test]
    fn what_breaks_a_rule_is_told_by_its_list_and_name() {
        let wrong = json!({"source": "cd", "sourceId": "1", "scene": "release",
            "targets": ["service:a", "host:b", "ip=10.0.0.1"],
            "basic": {"version": "new", "colour": "red"}, "control": {"grey": "yes"}});
        assert_eq!(
            told(wrong),
            [
                "basic.colour is not one of the attributes of release, which takes no others",
                "basic.version must match [0-9.]+",
                "control.grey must be true or false",
                "targets.1 must be a service, found a host",
            ]
        );
    }
}
