//! Platforms, scenes and levels as clients see them.

use std::sync::Arc;

use async_graphql::{Object, SimpleObject};
use graph::Version;
use model::{LevelDefined, PlatformRegistered, SceneRules};

use crate::schema::change::word;
use crate::schema::kinds::AttributeRule;
use crate::schema::scalars::{DateTime, LogPosition};
use crate::schema::standpoint::Standpoint;

/// A source that makes changes, as it is registered.
pub(crate) struct Platform {
    at: Standpoint,
    registered: Arc<PlatformRegistered>,
}

/// One sort of changes of a platform, as it is registered.
pub(crate) struct Scene {
    at: Standpoint,
    rules: Arc<SceneRules>,
}

/// One registration of a scene, or its withdrawal.
#[derive(SimpleObject)]
pub(crate) struct SceneVersion {
    /// From when it counts, until the next version.
    from: DateTime,
    /// Where it stands in the log.
    position: LogPosition,
    /// Whether the registration was taken back.
    withdrawn: bool,
    /// What its changes tell in general.
    basic: Vec<AttributeRule>,
    /// What its changes are controlled by.
    control: Vec<AttributeRule>,
}

/// A check that the changes of a scene go through.
#[derive(SimpleObject)]
pub(crate) struct SceneCheck {
    /// The check, as results name it.
    name: String,
    /// Where it stands: `before_order`, `after_order`, `before_batch` or `after_batch`.
    at: Option<String>,
    /// What it looks at.
    kind: Option<String>,
    /// `observer` or `enforcer`.
    mode: Option<String>,
    /// `block`, `warn` or `escalate`.
    strategy: Option<String>,
}

/// A level of control.
#[derive(SimpleObject)]
pub(crate) struct Level {
    /// The level as changes state it.
    name: String,
    /// What it means.
    meaning: Option<String>,
    /// What it is used for.
    used_for: Option<String>,
    /// As how many nodes such a change is told: `one` or `many`.
    nodes: Option<String>,
    /// The stages it goes through, in their order.
    lifecycle: Vec<String>,
    /// What such a change must carry: `check_before`, `check_after`, `batches`, `submission`, `decision`.
    demands: Vec<String>,
    /// Whether it is always there.
    built_in: bool,
    /// Whether somebody defined it, perhaps in place of what is built in.
    defined: bool,
}

impl Platform {
    /// A registered platform.
    pub(super) fn of(at: &Standpoint, registered: Arc<PlatformRegistered>) -> Self {
        Self {
            at: at.clone(),
            registered,
        }
    }

    /// The platform of a name that is registered at the standpoint's moment.
    pub(super) fn find(at: &Standpoint, name: &str) -> Option<Self> {
        let kinds = at.view.graph.kinds().at(at.valid_at);
        let registered = kinds.changes().platform(name).map(Arc::clone)?;
        Some(Self::of(at, registered))
    }
}

/// A source that makes changes, as it is registered.
#[Object]
impl Platform {
    /// The platform, called as its changes call their source.
    async fn name(&self) -> &str {
        self.registered.name.as_str()
    }

    /// A name for people.
    async fn title(&self) -> Option<&str> {
        self.registered.title.as_deref()
    }

    /// What it does.
    async fn description(&self) -> Option<&str> {
        self.registered.description.as_deref()
    }

    /// Which team answers for it.
    async fn owner(&self) -> Option<&str> {
        self.registered.owner.as_deref()
    }

    /// Where people read more.
    async fn link(&self) -> Option<&str> {
        self.registered.link.as_deref()
    }

    /// Its registered scenes, by name.
    #[graphql(complexity = "5 + 10 * child_complexity")]
    async fn scenes(&self) -> Vec<Scene> {
        Scene::all(&self.at, Some(self.registered.name.as_str()))
    }
}

impl Scene {
    /// A registered scene.
    pub(super) fn of(at: &Standpoint, rules: Arc<SceneRules>) -> Self {
        Self {
            at: at.clone(),
            rules,
        }
    }

    /// A platform's scene that is registered at the standpoint's moment.
    pub(crate) fn find(at: &Standpoint, platform: &str, name: &str) -> Option<Self> {
        let kinds = at.view.graph.kinds().at(at.valid_at);
        let rules = kinds.changes().scene(platform, name).map(Arc::clone)?;
        Some(Self::of(at, rules))
    }

    /// The scenes that are registered at the standpoint's moment.
    pub(super) fn all(at: &Standpoint, platform: Option<&str>) -> Vec<Self> {
        let kinds = at.view.graph.kinds().at(at.valid_at);
        let is_wanted = |rules: &&Arc<SceneRules>| {
            platform.is_none_or(|wanted| rules.registered().platform.as_str() == wanted)
        };
        let scenes = kinds.changes().scenes().filter(is_wanted);
        scenes
            .map(|rules| Self::of(at, Arc::clone(rules)))
            .collect()
    }
}

/// One sort of changes of a platform, as it is registered.
#[Object]
impl Scene {
    /// The platform it belongs to.
    async fn platform(&self) -> &str {
        self.rules.registered().platform.as_str()
    }

    /// The scene as changes of the platform name it.
    async fn name(&self) -> &str {
        &self.rules.registered().name
    }

    /// A name for people.
    async fn title(&self) -> Option<&str> {
        self.rules.registered().title.as_deref()
    }

    /// What is done in it.
    async fn description(&self) -> Option<&str> {
        self.rules.registered().description.as_deref()
    }

    /// Kinds of items it operates on; any when empty.
    async fn resource_kinds(&self) -> &[String] {
        &self.rules.registered().resource_kinds
    }

    /// What its changes tell in general (`basic`).
    async fn basic(&self) -> Vec<AttributeRule> {
        rules(&self.rules.registered().basic)
    }

    /// What its changes are controlled by (`control`).
    async fn control(&self) -> Vec<AttributeRule> {
        rules(&self.rules.registered().control)
    }

    /// Whether values that are not listed are refused.
    async fn closed(&self) -> bool {
        self.rules.registered().closed
    }

    /// The checks its changes go through.
    async fn checks(&self) -> Vec<SceneCheck> {
        let checks = self.rules.registered().checks.iter();
        checks
            .map(|check| SceneCheck {
                name: check.name.clone(),
                at: check.at.as_ref().map(word),
                kind: check.kind.clone(),
                mode: check.mode.clone(),
                strategy: check.strategy.clone(),
            })
            .collect()
    }

    /// The level of control its changes are of.
    async fn level(&self) -> Option<&str> {
        self.rules.registered().level.as_deref()
    }

    /// How its changes take effect: `one_shot`, `machine_batches` or `traffic_ratio`.
    async fn flow(&self) -> Option<String> {
        self.rules.registered().flow.as_ref().map(word)
    }

    /// Every registration of it, the earliest first.
    #[graphql(complexity = "10 + 5 * child_complexity")]
    async fn versions(&self) -> Vec<SceneVersion> {
        let registered = self.rules.registered();
        let book = self.at.view.graph.kinds().changes();
        let versions = book.scene_versions(registered.platform.as_str(), &registered.name);
        versions.map(SceneVersion::of).collect()
    }
}

impl SceneVersion {
    fn of(version: &Version<SceneRules>) -> Self {
        let registered = version.defined.as_deref().map(SceneRules::registered);
        Self {
            from: DateTime(version.from),
            position: LogPosition(version.position),
            withdrawn: registered.is_none(),
            basic: registered.map(|it| rules(&it.basic)).unwrap_or_default(),
            control: registered.map(|it| rules(&it.control)).unwrap_or_default(),
        }
    }
}

fn rules(of: &[model::AttributeRule]) -> Vec<AttributeRule> {
    of.iter().map(AttributeRule::from).collect()
}

impl Level {
    /// A level that counts at a standpoint.
    pub(super) fn of(at: &Standpoint, level: &LevelDefined) -> Self {
        let book = at.view.graph.kinds().changes();
        let counting = book
            .level_versions(&level.name)
            .filter(|version| version.from <= at.valid_at)
            .last();
        let mut built_in = model::BUILT_IN_LEVELS.iter();
        Self {
            built_in: built_in.any(|it| it.name == level.name),
            defined: counting.is_some_and(|version| version.defined.is_some()),
            name: level.name.clone(),
            meaning: level.meaning.clone(),
            used_for: level.used_for.clone(),
            nodes: level.nodes.as_ref().map(word),
            lifecycle: level.lifecycle.clone(),
            demands: level.demands.iter().map(word).collect(),
        }
    }
}
