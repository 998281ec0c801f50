//! Folding what changes are like: platforms, scenes, levels, and what people say of checks and risks.

use std::sync::Arc;

use model::{ChangeId, CheckJudged, Event, EventEnvelope, RiskScored, SourceName};

use super::Estate;
use crate::risk::RiskScore;
use crate::stamped::Stamp;

impl Estate {
    /// Takes a registration or a definition, or that it is taken back.
    pub(super) fn change_model_said(&mut self, envelope: &EventEnvelope, stamp: Stamp) {
        let position = envelope.position;
        let book = self.kinds().changes_mut();
        if let Event::PlatformRegistered(platform) = &envelope.event {
            book.say_platform(&platform.name, stamp, position, Some(platform.clone()));
        }
        if let Event::PlatformWithdrawn(withdrawn) = &envelope.event {
            book.say_platform(&withdrawn.name, stamp, position, None);
        }
        if let Event::SceneRegistered(scene) = &envelope.event {
            let key = (scene.platform.as_str(), scene.name.as_str());
            book.say_scene(key, stamp, position, Some((**scene).clone()));
        }
        if let Event::SceneWithdrawn(withdrawn) = &envelope.event {
            let key = (withdrawn.platform.as_str(), withdrawn.name.as_str());
            book.say_scene(key, stamp, position, None);
        }
        if let Event::LevelDefined(level) = &envelope.event {
            book.say_level(&level.name, stamp, position, Some(level.clone()));
        }
        if let Event::LevelWithdrawn(withdrawn) = &envelope.event {
            book.say_level(&withdrawn.name, stamp, position, None);
        }
    }

    /// Takes what somebody says of a check; it may come before the change it speaks of.
    pub(super) fn check_judged(&mut self, judged: &CheckJudged, stamp: Stamp) {
        let judgements = Arc::make_mut(&mut self.view.check_judgements);
        let of_change = judgements.entry(ChangeId::of(&judged.change)).or_default();
        let said = of_change.entry(judged.identity()).or_default();
        said.say(stamp, Some(judged.verdict));
    }

    /// Takes how risky a source holds a change; it may come before the change it speaks of.
    pub(super) fn risk_scored(&mut self, scored: &RiskScored, source: &SourceName, stamp: Stamp) {
        let scores = Arc::make_mut(&mut self.view.risk_scores);
        let of_change = scores.entry(ChangeId::of(&scored.change)).or_default();
        let said = of_change.entry(source.as_str().to_owned()).or_default();
        said.say(
            stamp,
            Some(RiskScore {
                score: scored.score,
                level: scored.level.clone(),
                reason: scored.reason.clone(),
            }),
        );
    }
}
