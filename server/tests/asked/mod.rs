//! What every root of the schema is asked, about one half of an estate.

use serde_json::Value;

use crate::halves::HALVES;

const AT: &str = "2026-11-20T10:10:00Z";

/// Roots that are asked for a moment.
const TIMED: [&str; 8] = [
    "coverage",
    "kinds",
    "levels",
    "platforms",
    "relationKinds",
    "riskRules",
    "scenes",
    "sources",
];
/// Roots that are asked for a page.
const PAGED: [&str; 5] = [
    "deliveries",
    "quarantine",
    "questionsAsked",
    "subscriptions",
    "tokens",
];
/// Roots that are asked for a page at a moment.
const LISTED: [&str; 14] = [
    "anomalies",
    "changeMeasures",
    "changes",
    "changesFolded",
    "dataQuality",
    "dependencyCycles",
    "drift",
    "groups",
    "incidentGroups",
    "incidents",
    "items",
    "priorityInversions",
    "sharedInfrastructure",
    "teams",
];

/// Asks for the ids that questions are about.
pub(crate) const IDS: &str =
    "{ changes { nodes { id source } } incidents { nodes { id source } } }";

/// What each root is asked, in words of one half and of both.
pub(crate) struct Asked {
    item: String,
    changes: Vec<String>,
    pub(crate) incidents: Vec<String>,
    scene: [String; 2],
}

impl Asked {
    /// What is asked of a half, given what [`IDS`] was answered.
    pub(crate) fn of(answer: &Value, half: &str) -> Self {
        let ids = |at: &str| -> Vec<String> {
            let nodes = answer.pointer(at).unwrap().as_array().unwrap().iter();
            let own = nodes.filter(|node| node["source"] != other(half));
            own.map(|node| node["id"].as_str().unwrap().to_owned())
                .collect()
        };
        Self {
            item: format!("{half}_service:{half}-env/{half}-web"),
            changes: ids("/data/changes/nodes"),
            incidents: ids("/data/incidents/nodes"),
            scene: [format!("{half}-platform"), format!("{half}-scene")],
        }
    }

    /// The arguments to ask a root with, one after another. A new root needs an arm here.
    pub(crate) fn arguments(&self, root: &str) -> Vec<String> {
        let Self {
            item,
            changes,
            incidents,
            scene,
        } = self;
        let time = format!("asOf: {{ validAt: \"{AT}\" }}");
        let each = |field: &str, ids: &[String]| -> Vec<String> {
            ids.iter().map(|id| format!("{field}: \"{id}\"")).collect()
        };
        let one = |arguments: String| vec![arguments];
        match root {
            "measurementStore" => one(String::new()),
            timed if TIMED.contains(&timed) => one(time),
            paged if PAGED.contains(&paged) => one("first: 50".to_owned()),
            listed if LISTED.contains(&listed) => one(format!("first: 50 {time}")),
            "assessChange" | "mayChange" => each("change", changes),
            "blastRadius" => {
                let mut all = each("first: 50 change", changes);
                all.push(format!("first: 50 items: [\"{item}\"] {time}"));
                all
            }
            "calendar" => {
                one("from: \"2026-11-20T00:00:00Z\" to: \"2026-11-21T00:00:00Z\"".to_owned())
            }
            "change" => each("id", changes),
            "incident" => each("id", incidents),
            "node" => each("id", &[&changes[..], incidents].concat()),
            "changeGroups" => one(format!("by: [SOURCE, TEAM, KIND] first: 50 {time}")),
            "changesNearby" => {
                let mut all = each("first: 50 incident", incidents);
                all.push(format!("first: 50 items: [\"{item}\"] {time}"));
                all
            }
            "diff" => one("first: 50 from: { validAt: \"2026-11-20T07:00:00Z\" }".to_owned()),
            "item" => one(format!("key: \"{item}\" {time}")),
            "itemsGrouped" => one(format!("by: OWNER first: 50 {time}")),
            "kind" => one(format!(
                "name: \"{}\" {time}",
                item.split(':').next().unwrap()
            )),
            "previewChange" => one(format!("input: {{ targets: [\"{item}\"] }} {time}")),
            "previewSubscription" => {
                one("lookback: \"P3650D\" match: { incidents: true, filter: {} }".to_owned())
            }
            "quality" => one(format!("from: \"2026-11-20T00:00:00Z\" {time}")),
            "retirementCheck" => one(format!("item: \"{item}\" first: 50 {time}")),
            "scene" => one(format!(
                "platform: \"{}\" name: \"{}\" {time}",
                scene[0], scene[1]
            )),
            "simulateRisk" => one(format!("rules: [] first: 50 {time}")),
            "timeline" => one(format!(
                "items: [\"{item}\"] hopsMax: 3 first: 50 from: \"2026-11-20T00:00:00Z\" {time}"
            )),
            "why" => one(format!("item: \"{item}\" first: 50")),
            unknown => panic!("say what {unknown} is asked, so that its answers are looked at"),
        }
    }
}

fn other(half: &str) -> String {
    let other = HALVES.into_iter().find(|it| *it != half).unwrap();
    format!("{other}-platform")
}
