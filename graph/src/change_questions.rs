//! Open questions about changes: what their level or scene asks for and they do not carry. Never a refusal.

use model::{
    ChangeModel, ChangeStatus, CheckPoint, Demand, LevelDefined, SceneRegistered, Timestamp,
};

use crate::anomalies::Anomaly;
use crate::view::{ChangeRow, CheckOfChange, GraphView};

/// How far back the changes of a whole estate are looked through.
const LOOKBACK_NANOS: i64 = 30 * 86_400_000_000_000;

/// What is open about the changes of the last thirty days before a moment. Of more than `changes_max` the newest are
/// looked at, and that is told.
pub(crate) fn of_view(view: &GraphView, at: Timestamp, changes_max: usize) -> Vec<Anomaly> {
    let model = view.kinds().at(at);
    let since = at.plus_nanos(-LOOKBACK_NANOS);
    let mut changes = view.changes_between(since, at.plus_nanos(1));
    let some = changes.by_ref().take(changes_max);
    let mut found: Vec<Anomaly> = some
        .flat_map(|change| of_change(model.changes(), &change))
        .collect();
    if changes.next().is_some() {
        let sentence = format!(
            "of the changes of the last 30 days only the newest {changes_max} were looked at"
        );
        found.push(Anomaly::OpenChange {
            sentence,
            code: "NOT_ALL_CHECKED",
            key: "changes".to_owned(),
        });
    }
    found
}

/// What is open about one change.
pub(crate) fn of_change(model: &ChangeModel, change: &ChangeRow<'_>) -> Vec<Anomaly> {
    let mut asking = Asking {
        change,
        checks: None,
        found: Vec::new(),
    };
    let platform_known = model.platform(change.source()).is_some();
    let scene = change.scene();
    let rules = scene.and_then(|scene| model.scene(change.source(), scene));
    if let (Some(scene), None, true) = (scene, rules, platform_known) {
        let sentence = format!(
            "names the scene {scene}, which {} never registered",
            change.source()
        );
        asking.ask("UNREGISTERED_SCENE", &sentence);
    }
    let registered = rules.map(|rules| rules.registered());
    let of_scene = registered.and_then(|scene| scene.level.as_deref());
    let level = change.level().or(of_scene);
    match level.map(|name| (name, model.level(name))) {
        Some((_, Some(level))) => asking.of_level(level),
        Some((name, None)) if platform_known => {
            asking.ask(
                "UNKNOWN_LEVEL",
                &format!("is of level {name}, which nobody defined"),
            );
        }
        _ => {}
    }
    if let Some(scene) = registered {
        asking.of_scene(scene);
    }
    asking.found
}

struct Asking<'a, 'v> {
    change: &'a ChangeRow<'v>,
    checks: Option<Vec<CheckOfChange>>,
    found: Vec<Anomaly>,
}

impl Asking<'_, '_> {
    fn ask(&mut self, code: &'static str, sentence: &str) {
        let (source, id) = (self.change.source(), self.change.source_id());
        let key = format!("{source}/{id}");
        self.found.push(Anomaly::OpenChange {
            sentence: format!("the change {key} {sentence}"),
            code,
            key,
        });
    }

    fn checks(&mut self) -> &[CheckOfChange] {
        let change = self.change;
        self.checks.get_or_insert_with(|| change.checks())
    }

    fn of_level(&mut self, level: &LevelDefined) {
        let status = self.change.status();
        let began = status.took_effect();
        let due = level.demands.iter().filter(|demand| match demand {
            Demand::CheckAfter => began && status.is_over(),
            Demand::CheckBefore | Demand::Batches | Demand::Submission | Demand::Decision => began,
        });
        let unmet = due.filter(|demand| !self.meets(**demand));
        let missing: Vec<&str> = unmet.map(|demand| demand.missing()).collect();
        if !missing.is_empty() {
            let (name, missing) = (&level.name, missing.join(", "));
            let sentence = format!("is of level {name} and lacks {missing}");
            self.ask("LEVEL_NOT_MET", &sentence);
        }
    }

    fn meets(&mut self, demand: Demand) -> bool {
        let change = self.change;
        let was = |statuses: &[ChangeStatus]| statuses.iter().any(|it| change.was_ever(*it));
        match demand {
            Demand::CheckBefore => self.has_check(true),
            Demand::CheckAfter => self.has_check(false),
            Demand::Batches => !change.batches().is_empty(),
            Demand::Submission => was(&[
                ChangeStatus::Planned,
                ChangeStatus::Submitted,
                ChangeStatus::Approved,
            ]),
            Demand::Decision => was(&[ChangeStatus::Approved, ChangeStatus::Rejected]),
        }
    }

    fn has_check(&mut self, is_before: bool) -> bool {
        let reported = self.checks().iter().filter(|check| check.result.is_some());
        let mut places = reported.filter_map(|check| check.identity.at);
        places.any(|at| at.is_before() == is_before)
    }

    fn of_scene(&mut self, scene: &SceneRegistered) {
        let name = &scene.name;
        let stated = self.change.level().map(str::to_owned);
        if let (Some(stated), Some(asked)) = (stated, &scene.level)
            && stated != *asked
        {
            let sentence = format!("is of level {stated}; its scene {name} is of {asked}");
            self.ask("OTHER_LEVEL_THAN_SCENE", &sentence);
        }
        if let (Some(flow), Some(asked)) = (self.change.flow(), scene.flow)
            && flow != asked
        {
            let (flow, asked) = (flow.as_str(), asked.as_str());
            let sentence = format!("goes by {flow}; its scene {name} goes by {asked}");
            self.ask("OTHER_FLOW_THAN_SCENE", &sentence);
        }
        let status = self.change.status();
        let is_through = status.took_effect() && status.is_over();
        let expected = scene.checks.iter().filter(|_| is_through);
        let reported = |name: &str, at: Option<CheckPoint>, checks: &[CheckOfChange]| {
            checks.iter().any(|check| {
                let same_place = at.is_none() || check.identity.at == at;
                check.result.is_some() && check.identity.name == name && same_place
            })
        };
        let checks = self.checks();
        let missing: Vec<&str> = expected
            .filter(|check| !reported(&check.name, check.at, checks))
            .map(|check| check.name.as_str())
            .collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            let sentence =
                format!("never told what these checks of its scene {name} found: {missing}");
            self.ask("CHECK_NOT_REPORTED", &sentence);
        }
    }
}
