//! The answer in words: one sentence for a suspect, one for each part of its score.

use super::signals::{Part, Signal, Suspect, Suspects};
use super::walk::Step;
use super::{Scene, effect};
use crate::identity::ItemIx;
use crate::view::{GraphView, Item, Relation};

/// Why a change is suspect.
pub(super) fn sentence(
    scene: &Scene<'_>,
    suspects: &Suspects<'_>,
    suspect: &Suspect,
    way: Option<&(ItemIx, Vec<Step>)>,
) -> String {
    let change = suspects.change(suspect);
    let lead = lead(scene, effect::minutes(scene.began, change.started_at()));
    let mut sentence = match (suspect.nearest, way) {
        (Some(item), Some((affected, steps))) => {
            format!("{}, {lead}", near(scene.view, *affected, item, steps))
        }
        _ => format!("{}, {lead}", far(scene, suspects, suspect)),
    };
    let mut hints: Vec<String> = Vec::new();
    if let Some((item, symptom)) = suspect.same.as_ref().or(suspect.other.as_ref()) {
        hints.push(format!(
            "{} of {} left its baseline",
            symptom.metric,
            name(scene.view.item_at(*item))
        ));
    }
    if let [first, ..] = suspects.wanted.shared(suspect.held).as_slice() {
        hints.push(format!("its title speaks of \"{first}\""));
    }
    let is_known = |part: &Part| part.signal == Signal::CauseBefore;
    if suspect.parts.iter().any(is_known) {
        hints.push("such a change was a cause before".to_owned());
    }
    hints.extend(
        suspect
            .parts
            .iter()
            .filter_map(|part| objection(part.signal))
            .map(str::to_owned),
    );
    for hint in hints {
        sentence.push_str("; ");
        sentence.push_str(&hint);
    }
    sentence
}

fn near(view: &GraphView, affected: ItemIx, touched: ItemIx, steps: &[Step]) -> String {
    let (affected, touched) = (name(view.item_at(affected)), name(view.item_at(touched)));
    let needs = steps.iter().all(|(_, against_arrow)| !against_arrow);
    let needed = steps.iter().all(|(_, against_arrow)| *against_arrow);
    match steps {
        [] => format!("it touched {touched} itself"),
        [(row, false)] => {
            let kind = Relation::of_step(view, *row).kind().replace('_', " ");
            format!("it touched {touched}, and {affected} {kind} it")
        }
        [(row, true)] => {
            let kind = Relation::of_step(view, *row).kind().replace('_', " ");
            format!("it touched {touched}, which {kind} {affected}")
        }
        steps if needs => format!(
            "it touched {touched}, which {affected} needs through {}",
            between(view, steps)
        ),
        steps if needed => format!(
            "it touched {touched}, which needs {affected} through {}",
            between(view, steps)
        ),
        steps => format!(
            "it touched {touched}, which hangs together with {affected} through {}",
            between(view, steps)
        ),
    }
}

/// The items between both ends of a path, from the affected one on.
fn between(view: &GraphView, steps: &[Step]) -> String {
    let inner = steps.split_last().map_or(steps, |(_, inner)| inner);
    let names: Vec<String> = inner
        .iter()
        .map(|(row, against_arrow)| {
            let relation = Relation::of_step(view, *row);
            name(if *against_arrow {
                relation.dependent()
            } else {
                relation.provider()
            })
        })
        .collect();
    names.join(" and ")
}

fn far(scene: &Scene<'_>, suspects: &Suspects<'_>, suspect: &Suspect) -> String {
    let items = suspects.change(suspect).items();
    match items.as_slice() {
        _ if scene.affected.is_empty() => "no affected item is known".to_owned(),
        [] => "it names nothing that it touched".to_owned(),
        [first, rest @ ..] => {
            let more = if rest.is_empty() {
                String::new()
            } else {
                format!(" and {} more", rest.len())
            };
            format!(
                "it touched {}{more}, to which no close relation is known",
                name(*first)
            )
        }
    }
}

/// What speaks against it.
fn objection(signal: Signal) -> Option<&'static str> {
    match signal {
        Signal::SingleMachine => Some("it touched a single machine only"),
        Signal::TakesBack => Some("it takes another change back"),
        Signal::TakenBack => Some("it was taken back before"),
        Signal::OtherEnvironment => Some("it took effect in another environment"),
        Signal::NeverBegan => Some("nobody said that it really began"),
        Signal::BeganAfter => Some("the symptom was there before it"),
        Signal::Nearness
        | Signal::Recency
        | Signal::SameMeasure
        | Signal::OtherMeasure
        | Signal::Words
        | Signal::CauseBefore
        | Signal::Judged => None,
    }
}

/// A part of a score in words.
pub(super) fn explanation(
    scene: &Scene<'_>,
    suspects: &Suspects<'_>,
    suspect: &Suspect,
    part: Part,
) -> String {
    let view = scene.view;
    let measure = |symptom: &Option<(ItemIx, super::symptoms::Symptom)>| {
        symptom
            .as_ref()
            .map_or_else(String::new, |(item, symptom)| {
                format!(
                    "{} of {} went from {} to {}",
                    symptom.metric,
                    name(view.item_at(*item)),
                    symptom.baseline,
                    symptom.value
                )
            })
    };
    match part.signal {
        Signal::Nearness => suspect.nearest.map_or_else(
            || "no close relation to the affected items is known".to_owned(),
            |item| {
                format!(
                    "a walk from the affected items ends at {} in {}",
                    name(view.item_at(item)),
                    percent(part.value)
                )
            },
        ),
        Signal::Recency => format!("it was taking effect {}", lead(scene, part.value)),
        Signal::SameMeasure => format!("the symptom's own measure: {}", measure(&suspect.same)),
        Signal::OtherMeasure => measure(&suspect.other),
        Signal::Words => format!(
            "symptom and title share {}",
            quoted(&suspects.wanted.shared(suspect.held))
        ),
        Signal::CauseBefore => {
            let incidents = match part.value {
                one if one < 1.5 => "an earlier incident".to_owned(),
                many => format!("{many:.0} earlier incidents"),
            };
            format!(
                "people judged changes of this sort, on the same items, the cause of {incidents}"
            )
        }
        Signal::Judged if 0.0 < part.adds => "a person judged it to be the cause".to_owned(),
        Signal::Judged => "a person judged it not to be the cause".to_owned(),
        Signal::SingleMachine
        | Signal::TakesBack
        | Signal::TakenBack
        | Signal::OtherEnvironment
        | Signal::NeverBegan
        | Signal::BeganAfter => objection(part.signal).unwrap_or_default().to_owned(),
    }
}

fn percent(share: f64) -> String {
    if share < 0.001 {
        "under 0.1 % of cases".to_owned()
    } else {
        format!("{:.1} % of cases", share * 100.0)
    }
}

fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    quoted.join(", ")
}

/// A lead as people say it.
fn lead(scene: &Scene<'_>, minutes: f64) -> String {
    let moment = if scene.incidents.is_empty() {
        "the moment asked about"
    } else {
        "the incident"
    };
    let side = if minutes < 0.0 { "after" } else { "before" };
    let minutes = minutes.abs();
    let span = if minutes < 1.0 {
        "less than a minute".to_owned()
    } else if minutes < 100.0 {
        format!("{minutes:.0} min")
    } else if minutes < 48.0 * 60.0 {
        format!("{:.1} h", minutes / 60.0)
    } else {
        format!("{:.1} days", minutes / 1440.0)
    };
    format!("{span} {side} {moment}")
}

fn name(item: Item<'_>) -> String {
    item.display_name().unwrap_or(item.name()).to_owned()
}
