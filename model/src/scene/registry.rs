//! Every platform, scene and level as it stands at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{PlatformRegistered, SceneRules};
use crate::{BUILT_IN_LEVELS, LevelDefined};

/// What changes are like at one moment. A scene that is not in it is welcome and has no rules.
#[derive(Clone, Debug)]
pub struct ChangeModel {
    platforms: BTreeMap<String, Arc<PlatformRegistered>>,
    /// By platform, then by name.
    scenes: BTreeMap<String, BTreeMap<String, Arc<SceneRules>>>,
    levels: BTreeMap<String, Arc<LevelDefined>>,
}

impl Default for ChangeModel {
    /// The built-in levels.
    fn default() -> Self {
        let levels = BUILT_IN_LEVELS.iter();
        let levels = levels.map(|it| (it.name.to_owned(), Arc::new(it.definition())));
        Self {
            platforms: BTreeMap::new(),
            scenes: BTreeMap::new(),
            levels: levels.collect(),
        }
    }
}

impl ChangeModel {
    /// Takes a registration.
    pub fn register_platform(&mut self, platform: Arc<PlatformRegistered>) {
        let name = platform.name.as_str().to_owned();
        self.platforms.insert(name, platform);
    }

    /// Takes a registration.
    pub fn register_scene(&mut self, scene: Arc<SceneRules>) {
        let registered = scene.registered();
        let of_platform = self.scenes.entry(registered.platform.as_str().to_owned());
        let name = registered.name.clone();
        of_platform.or_default().insert(name, scene);
    }

    /// Takes a definition.
    pub fn define_level(&mut self, level: Arc<LevelDefined>) {
        self.levels.insert(level.name.clone(), level);
    }

    /// A platform, if it is registered.
    pub fn platform(&self, name: &str) -> Option<&Arc<PlatformRegistered>> {
        self.platforms.get(name)
    }

    /// The rules of a platform's scene, if it is registered.
    pub fn scene(&self, platform: &str, name: &str) -> Option<&Arc<SceneRules>> {
        self.scenes.get(platform)?.get(name)
    }

    /// A level, if it is defined.
    pub fn level(&self, name: &str) -> Option<&Arc<LevelDefined>> {
        self.levels.get(name)
    }

    /// Every registered platform by name.
    pub fn platforms(&self) -> impl Iterator<Item = &Arc<PlatformRegistered>> {
        self.platforms.values()
    }

    /// Every registered scene by platform and name.
    pub fn scenes(&self) -> impl Iterator<Item = &Arc<SceneRules>> {
        self.scenes.values().flat_map(BTreeMap::values)
    }

    /// Every level by name.
    pub fn levels(&self) -> impl Iterator<Item = &Arc<LevelDefined>> {
        self.levels.values()
    }
}
