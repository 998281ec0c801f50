//! Every registration of a platform or scene and every definition of a level, so that what changes are like
//! can be asked of any moment. It keeps sets of versions, as [`crate::KindBook`] does.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    ChangeModel, LevelDefined, LogPosition, PlatformRegistered, SceneRegistered, SceneRules,
    SourceName, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::stamped::Stamp;
use crate::versions::{
    SavedVersion, Version, Versions, counting, from_json, next_after, saved, say, to_json,
};

/// Every version of every platform, scene and level.
#[derive(Clone, Debug, Default)]
pub struct ChangeBook {
    platforms: BTreeMap<String, Versions<PlatformRegistered>>,
    /// By platform and name.
    scenes: BTreeMap<(String, String), Versions<SceneRules>>,
    levels: BTreeMap<String, Versions<LevelDefined>>,
}

/// Every version as it is saved.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct SavedChangeBook {
    platforms: Vec<SavedVersion>,
    /// The name is the platform and the scene as JSON.
    scenes: Vec<SavedVersion>,
    levels: Vec<SavedVersion>,
}

impl ChangeBook {
    /// What changes are like at a moment: the built-in levels, and everything that counts then.
    pub(crate) fn at(&self, moment: Timestamp) -> ChangeModel {
        let mut model = ChangeModel::default();
        for platform in self
            .platforms
            .values()
            .filter_map(|it| standing(it, moment))
        {
            model.register_platform(Arc::clone(platform));
        }
        for scene in self.scenes.values().filter_map(|it| standing(it, moment)) {
            model.register_scene(Arc::clone(scene));
        }
        for level in self.levels.values().filter_map(|it| standing(it, moment)) {
            model.define_level(Arc::clone(level));
        }
        model
    }

    /// The first moment after this one at which that is different.
    pub(crate) fn next_change_after(&self, moment: Timestamp) -> Option<Timestamp> {
        let platforms = self
            .platforms
            .values()
            .filter_map(|it| next_after(it, moment));
        let scenes = self.scenes.values().filter_map(|it| next_after(it, moment));
        let levels = self.levels.values().filter_map(|it| next_after(it, moment));
        platforms.chain(scenes).chain(levels).min()
    }

    /// Every version of a platform's registration, the earliest first.
    pub fn platform_versions(
        &self,
        name: &str,
    ) -> impl Iterator<Item = &Version<PlatformRegistered>> {
        let versions = self.platforms.get(name).into_iter();
        versions.flat_map(BTreeMap::values)
    }

    /// Every version of a scene's registration, the earliest first.
    pub fn scene_versions(
        &self,
        platform: &str,
        name: &str,
    ) -> impl Iterator<Item = &Version<SceneRules>> {
        let key = (platform.to_owned(), name.to_owned());
        let versions = self.scenes.get(&key).into_iter();
        versions.flat_map(BTreeMap::values)
    }

    /// Every version of a level's definition, the earliest first.
    pub fn level_versions(&self, name: &str) -> impl Iterator<Item = &Version<LevelDefined>> {
        let versions = self.levels.get(name).into_iter();
        versions.flat_map(BTreeMap::values)
    }

    /// A platform is registered, or its registration taken back.
    pub(crate) fn say_platform(
        &mut self,
        name: &SourceName,
        stamp: Stamp,
        position: LogPosition,
        registered: Option<PlatformRegistered>,
    ) {
        let versions = self.platforms.entry(name.as_str().to_owned()).or_default();
        say(versions, stamp, position, registered.map(Arc::new));
    }

    /// A scene is registered, or its registration taken back.
    pub(crate) fn say_scene(
        &mut self,
        (platform, name): (&str, &str),
        stamp: Stamp,
        position: LogPosition,
        registered: Option<SceneRegistered>,
    ) {
        let key = (platform.to_owned(), name.to_owned());
        let rules = registered.map(|scene| Arc::new(SceneRules::of(scene)));
        say(self.scenes.entry(key).or_default(), stamp, position, rules);
    }

    /// A level is defined, or its definition taken back.
    pub(crate) fn say_level(
        &mut self,
        name: &str,
        stamp: Stamp,
        position: LogPosition,
        defined: Option<LevelDefined>,
    ) {
        let versions = self.levels.entry(name.to_owned()).or_default();
        say(versions, stamp, position, defined.map(Arc::new));
    }

    pub(crate) fn save(&self) -> SavedChangeBook {
        let scenes = self.scenes.iter();
        let scenes = scenes.map(|(key, versions)| (to_json(key), versions.clone()));
        SavedChangeBook {
            platforms: saved(&self.platforms, to_json),
            scenes: saved(&scenes.collect(), |rules| to_json(rules.registered())),
            levels: saved(&self.levels, to_json),
        }
    }

    pub(crate) fn restore(saved: SavedChangeBook) -> Self {
        let mut book = Self::default();
        for version in saved.platforms {
            let registered = version.defined.as_deref().map(from_json);
            let name = SourceName::new(version.name);
            book.say_platform(&name, version.stamp, version.position, registered);
        }
        for version in saved.scenes {
            let registered = version.defined.as_deref().map(from_json);
            let (platform, name): (String, String) = from_json(&version.name);
            let key = (platform.as_str(), name.as_str());
            book.say_scene(key, version.stamp, version.position, registered);
        }
        for version in saved.levels {
            let defined = version.defined.as_deref().map(from_json);
            book.say_level(&version.name, version.stamp, version.position, defined);
        }
        book
    }

    /// Every version as a line, without its place in the log.
    pub(crate) fn each_line(&self, mut take: impl FnMut(String)) {
        let saved = self.save();
        let sorts = [
            ("platform", saved.platforms),
            ("scene", saved.scenes),
            ("level", saved.levels),
        ];
        for (sort, versions) in sorts {
            for version in versions {
                let said = version.defined.as_deref().unwrap_or("withdrawn");
                let (name, at) = (&version.name, version.stamp.at);
                take(format!("{sort} {name} {at} {said}"));
            }
        }
    }
}

fn standing<T>(versions: &Versions<T>, moment: Timestamp) -> Option<&Arc<T>> {
    counting(versions, moment)?.defined.as_ref()
}
