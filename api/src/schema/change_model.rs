//! What changes are like: platforms and their scenes, levels of control, and what people say of checks.

mod input;
mod shown;

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};
use model::{ChangeId, SceneRules};
use serde_json::Value;

use super::change::Change;
use super::node::AnyId;
use super::recording::{Recorded, record_at, record_one, standpoint_after};
use super::scalars::LogPosition;
use super::standpoint::{AsOfInput, Standpoint};
use crate::error::ErrorCode;
use input::{
    DefineLevelInput, JudgeCheckInput, RegisterPlatformInput, RegisterSceneInput,
    WithdrawLevelInput, WithdrawPlatformInput, WithdrawSceneInput,
};
use shown::{Level, Platform};

pub(crate) use shown::Scene;

/// Questions about what changes are like.
#[derive(Default)]
pub(crate) struct ChangeModelQuery;

/// Statements about what changes are like.
#[derive(Default)]
pub(crate) struct ChangeModelMutation;

/// What became of a platform's registration.
#[derive(SimpleObject)]
pub(crate) struct PlatformRecorded {
    /// Where it stands in the log.
    position: LogPosition,
    /// The platform as it stands now; null when it is not registered now.
    platform: Option<Platform>,
}

/// What became of a scene's registration.
#[derive(SimpleObject)]
pub(crate) struct SceneRecorded {
    /// Where it stands in the log; null after a dry run.
    position: Option<LogPosition>,
    /// The scene as it stands now, after a dry run as it would stand; null when it is not registered.
    scene: Option<Scene>,
}

/// What became of a level's definition.
#[derive(SimpleObject)]
pub(crate) struct LevelRecorded {
    /// Where it stands in the log.
    position: LogPosition,
    /// The level as it stands now; null when it is not defined now.
    level: Option<Level>,
}

/// Questions about what changes are like.
#[Object]
impl ChangeModelQuery {
    /// Every platform that is registered at the moment asked about, by name.
    #[graphql(complexity = "20 + 10 * child_complexity")]
    async fn platforms(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Vec<Platform>> {
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        let kinds = at.view.graph.kinds().at(at.valid_at);
        let platforms = kinds.changes().platforms();
        Ok(platforms
            .map(|platform| Platform::of(&at, Arc::clone(platform)))
            .collect())
    }

    /// Every scene that is registered at the moment asked about, by platform and name.
    #[graphql(complexity = "20 + 10 * child_complexity")]
    async fn scenes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of this platform only.")] platform: Option<String>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Vec<Scene>> {
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        Ok(Scene::all(&at, platform.as_deref()))
    }

    /// A scene of a platform; null when it was never registered.
    async fn scene(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The platform, as its changes call their source.")] platform: String,
        #[graphql(desc = "The scene, as changes name it.")] name: String,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Option<Scene>> {
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        Ok(Scene::find(&at, &platform, &name))
    }

    /// Every level of control at the moment asked about, by name: `G0` to `G4` are built in.
    #[graphql(complexity = "10 + 5 * child_complexity")]
    async fn levels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Vec<Level>> {
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        let kinds = at.view.graph.kinds().at(at.valid_at);
        let levels = kinds.changes().levels();
        Ok(levels.map(|level| Level::of(&at, level)).collect())
    }
}

/// Statements about what changes are like.
#[Object]
impl ChangeModelMutation {
    /// Registers a platform: a source that makes changes. A later registration replaces an earlier one whole.
    async fn register_platform(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The registration.")] input: RegisterPlatformInput,
    ) -> Result<PlatformRecorded> {
        let at = Standpoint::of(ctx, None).await?;
        let name = input.name.clone();
        record_platform(ctx, input.into_event(&at), &name).await
    }

    /// Takes a platform's registration back. Its scenes and changes stay.
    async fn withdraw_platform(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which platform.")] input: WithdrawPlatformInput,
    ) -> Result<PlatformRecorded> {
        let at = Standpoint::of(ctx, None).await?;
        let name = input.name.clone();
        if Platform::find(&at, &name).is_none() {
            return Err(not_registered("platform", &name));
        }
        record_platform(ctx, input.into_event(&at), &name).await
    }

    /// Registers a scene: one sort of changes of a platform, and what they must say. A later registration replaces an earlier one whole.
    async fn register_scene(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The registration.")] input: RegisterSceneInput,
        #[graphql(desc = "Whether only to tell how it would stand.")] dry_run: Option<bool>,
    ) -> Result<SceneRecorded> {
        let at = Standpoint::of(ctx, None).await?;
        if dry_run.unwrap_or(false) {
            let registered = input.registration()?;
            refuse(model::scene_faults(&registered))?;
            let rules = Arc::new(SceneRules::of(registered));
            return Ok(SceneRecorded {
                position: None,
                scene: Some(Scene::of(&at, rules)),
            });
        }
        let key = (input.platform.clone(), input.name.clone());
        record_scene(ctx, input.into_event(&at), &key).await
    }

    /// Takes a scene's registration back: its rules no longer count, its changes stay.
    async fn withdraw_scene(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which scene.")] input: WithdrawSceneInput,
    ) -> Result<SceneRecorded> {
        let at = Standpoint::of(ctx, None).await?;
        let key = (input.platform.clone(), input.name.clone());
        if Scene::find(&at, &key.0, &key.1).is_none() {
            return Err(not_registered("scene", &format!("{} of {}", key.1, key.0)));
        }
        record_scene(ctx, input.into_event(&at), &key).await
    }

    /// Says what a level of control means and asks for, or redefines a built-in one. A later definition replaces an earlier one whole.
    async fn define_level(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The definition.")] input: DefineLevelInput,
    ) -> Result<LevelRecorded> {
        let at = Standpoint::of(ctx, None).await?;
        let name = input.name.clone();
        record_level(ctx, input.into_event(&at), &name).await
    }

    /// Takes a level's definition back; of a built-in level what is built in counts again.
    async fn withdraw_level(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which level.")] input: WithdrawLevelInput,
    ) -> Result<LevelRecorded> {
        let at = Standpoint::of(ctx, None).await?;
        let name = input.name.clone();
        let mut versions = at.view.graph.kinds().changes().level_versions(&name);
        if versions.all(|version| version.defined.is_none()) {
            return Err(not_registered("level", &name));
        }
        record_level(ctx, input.into_event(&at), &name).await
    }

    /// Says whether a check of a change was right. Measures of accuracy come from this.
    async fn judge_check(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The judgement.")] input: JudgeCheckInput,
    ) -> Result<Recorded> {
        let at = Standpoint::of(ctx, None).await?;
        let change = Change::require(&at, &input.change)?.reference();
        let about = AnyId::Change(ChangeId::of(&change));
        record_one(ctx, input.into_event(&change), about).await
    }
}

async fn record_platform(ctx: &Context<'_>, event: Value, name: &str) -> Result<PlatformRecorded> {
    let position = record_at(ctx, event).await?;
    let at = standpoint_after(ctx, position).await?;
    Ok(PlatformRecorded {
        position: LogPosition(position),
        platform: Platform::find(&at, name),
    })
}

async fn record_scene(
    ctx: &Context<'_>,
    event: Value,
    (platform, name): &(String, String),
) -> Result<SceneRecorded> {
    let position = record_at(ctx, event).await?;
    let at = standpoint_after(ctx, position).await?;
    Ok(SceneRecorded {
        position: Some(LogPosition(position)),
        scene: Scene::find(&at, platform, name),
    })
}

async fn record_level(ctx: &Context<'_>, event: Value, name: &str) -> Result<LevelRecorded> {
    let position = record_at(ctx, event).await?;
    let at = standpoint_after(ctx, position).await?;
    let kinds = at.view.graph.kinds().at(at.valid_at);
    let level = kinds.changes().level(name);
    Ok(LevelRecorded {
        position: LogPosition(position),
        level: level.map(|level| Level::of(&at, level)),
    })
}

fn refuse(faults: Vec<model::DefinitionFault>) -> Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = faults
        .into_iter()
        .map(|fault| format!("{} {}", fault.field, fault.reason))
        .collect();
    Err(ErrorCode::BadInput.error(told.join("; ")))
}

fn not_registered(sort: &str, name: &str) -> async_graphql::Error {
    ErrorCode::BadInput.error(format!("no {sort} {name} is registered"))
}
