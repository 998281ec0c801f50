//! What a sender registers and defines of changes: platforms, scenes, levels, and what people say of checks and risks.

use model::{
    CHECK_MODES, CHECK_STRATEGIES, CheckJudged, CheckPoint, CheckVerdict, Demand, Event, FlowKind,
    LevelDefined, LevelWithdrawn, Nodes, PlatformRegistered, PlatformWithdrawn, RiskScored,
    SceneCheck, SceneRegistered, SceneWithdrawn, bounds, scene_faults,
};
use serde_json::Value;

use super::incident::source_ref;
use super::kind::{attribute, told};
use super::rollout::{one_of, place, place_of_check};
use super::withdrawal::withdrawal;
use crate::fields::{self, Fields, Path, Problems};

/// The types that are read here.
pub(super) const TYPES: [&str; 8] = [
    "platform.registered",
    "platform.withdrawn",
    "scene.registered",
    "scene.withdrawn",
    "level.defined",
    "level.withdrawn",
    "check.judged",
    "risk_score.recorded",
];

/// Reads the data of one of [`TYPES`].
pub(super) fn read(
    tag: &str,
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<Event> {
    match tag {
        "platform.registered" => platform(data, path, problems).map(Event::PlatformRegistered),
        "platform.withdrawn" => {
            platform_withdrawn(data, path, problems).map(Event::PlatformWithdrawn)
        }
        "scene.registered" => {
            scene(data, path, problems).map(|scene| Event::SceneRegistered(Box::new(scene)))
        }
        "scene.withdrawn" => scene_withdrawn(data, path, problems).map(Event::SceneWithdrawn),
        "level.defined" => level(data, path, problems).map(Event::LevelDefined),
        "level.withdrawn" => level_withdrawn(data, path, problems).map(Event::LevelWithdrawn),
        "risk_score.recorded" => scored(data, path, problems).map(Event::RiskScored),
        _ => judged(data, path, problems).map(Event::CheckJudged),
    }
}

fn platform(data: Value, path: &Path<'_>, problems: &mut Problems) -> Option<PlatformRegistered> {
    let mut fields = Fields::open(data, path, problems)?;
    let name = fields.must("name", fields::source_name);
    let title = fields.may("title", fields::line);
    let description = fields.may("description", fields::text);
    let owner = fields.may("owner", fields::line);
    let link = fields.may("link", fields::line);
    fields.close();
    Some(PlatformRegistered {
        name: name?,
        title,
        description,
        owner,
        link,
    })
}

fn platform_withdrawn(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<PlatformWithdrawn> {
    let read = (fields::source_name as _, fields::line as _);
    let (name, reason) = withdrawal(data, path, problems, read)?;
    Some(PlatformWithdrawn { name, reason })
}

fn scene(data: Value, path: &Path<'_>, problems: &mut Problems) -> Option<SceneRegistered> {
    let mut fields = Fields::open(data, path, problems)?;
    let platform = fields.must("platform", fields::source_name);
    let name = fields.must("name", fields::line);
    let title = fields.may("title", fields::line);
    let description = fields.may("description", fields::text);
    let resource_kinds = fields.list("resourceKinds", bounds::DEFINED_NAMES_MAX, fields::name);
    let basic = fields.list("basic", bounds::ATTRIBUTES_MAX, attribute);
    let control = fields.list("control", bounds::ATTRIBUTES_MAX, attribute);
    let closed = fields.may("closed", fields::truth);
    let checks = fields.list("checks", bounds::DETAILS_MAX, check);
    let level = fields.may("level", fields::name);
    let flow = fields.may("flow", |value, path, problems| {
        fields::word(&FlowKind::WRITTEN, value, path, problems)
    });
    fields.close();
    let scene = SceneRegistered {
        title,
        description,
        resource_kinds,
        basic,
        control,
        closed: closed.unwrap_or(false),
        checks,
        level,
        flow,
        ..SceneRegistered::new(platform?, name?)
    };
    told(scene_faults(&scene), path, problems);
    Some(scene)
}

fn check(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<SceneCheck> {
    let mut fields = Fields::open(value, path, problems)?;
    let name = fields.must("name", fields::line);
    let at = fields.may("at", place_of_check);
    let kind = fields.may("kind", fields::name);
    let mode = fields.may("mode", one_of(&CHECK_MODES));
    let strategy = fields.may("strategy", one_of(&CHECK_STRATEGIES));
    fields.close();
    Some(SceneCheck {
        name: name?,
        at,
        kind,
        mode,
        strategy,
    })
}

fn scene_withdrawn(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<SceneWithdrawn> {
    let mut fields = Fields::open(data, path, problems)?;
    let platform = fields.must("platform", fields::source_name);
    let name = fields.must("name", fields::line);
    let reason = fields.may("reason", fields::line);
    fields.close();
    Some(SceneWithdrawn {
        platform: platform?,
        name: name?,
        reason,
    })
}

fn level(data: Value, path: &Path<'_>, problems: &mut Problems) -> Option<LevelDefined> {
    let mut fields = Fields::open(data, path, problems)?;
    let name = fields.must("name", fields::name);
    let meaning = fields.may("meaning", fields::text);
    let used_for = fields.may("usedFor", fields::text);
    let nodes = fields.may("nodes", |value, path, problems| {
        fields::word(&Nodes::WRITTEN, value, path, problems)
    });
    let lifecycle = fields.list("lifecycle", bounds::DETAILS_MAX, fields::name);
    let demands = fields.list("demands", Demand::WRITTEN.len(), |value, path, problems| {
        fields::word(&Demand::WRITTEN, value, path, problems)
    });
    fields.close();
    Some(LevelDefined {
        name: name?,
        meaning,
        used_for,
        nodes,
        lifecycle,
        demands,
    })
}

fn level_withdrawn(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<LevelWithdrawn> {
    let read = (fields::name as _, fields::line as _);
    let (name, reason) = withdrawal(data, path, problems, read)?;
    Some(LevelWithdrawn { name, reason })
}

fn judged(data: Value, path: &Path<'_>, problems: &mut Problems) -> Option<CheckJudged> {
    let mut fields = Fields::open(data, path, problems)?;
    let change = fields.must("change", source_ref);
    let check = fields.must("check", fields::line);
    let at: Option<CheckPoint> = fields.may("at", place_of_check);
    let batch = fields.may("batch", place);
    let verdict = fields.must("verdict", |value, path, problems| {
        fields::word(&CheckVerdict::WRITTEN, value, path, problems)
    });
    let label = fields.may("label", fields::line);
    let reason = fields.may("reason", fields::line);
    fields.close();
    Some(CheckJudged {
        change: change?,
        check: check?,
        at,
        batch,
        verdict: verdict?,
        label,
        reason,
    })
}

fn scored(data: Value, path: &Path<'_>, problems: &mut Problems) -> Option<RiskScored> {
    let mut fields = Fields::open(data, path, problems)?;
    let change = fields.must("change", source_ref);
    let score = fields.must("score", fields::number);
    let level = fields.may("level", fields::line);
    let reason = fields.may("reason", fields::text);
    fields.close();
    Some(RiskScored {
        change: change?,
        score: score?,
        level,
        reason,
    })
}
