//! The parts of answers that several commands read.

use model::Timestamp;
use serde::Deserialize;

/// An item, by its key.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ItemKey {
    pub(crate) key: String,
}

/// One step of a path, as the API gives it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PathStep {
    pub(crate) from: ItemKey,
    pub(crate) to: ItemKey,
    pub(crate) relation: Relation,
    pub(crate) against_arrow: bool,
}

/// A relation, by its kind.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Relation {
    pub(crate) kind: String,
}

/// A part of a score.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Contribution {
    pub(crate) signal: String,
    pub(crate) contribution: f64,
    pub(crate) explanation: Option<String>,
}

/// What an answer cannot see.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Coverage {
    pub(crate) unknown_items: Vec<String>,
    pub(crate) items_without_source: u32,
    #[serde(default)]
    pub(crate) silent_sources: Vec<String>,
    #[serde(default)]
    pub(crate) gaps: Vec<String>,
}

/// A change in a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangeLine {
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) title: String,
    pub(crate) kind: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) status: String,
    pub(crate) operator: Option<String>,
    pub(crate) targets: Vec<Target>,
    pub(crate) started_at: Timestamp,
}

/// What a change touches: the source's name for it, and the item that name means.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) key: String,
    pub(crate) item: Option<ItemKey>,
}

/// Draws a path with the arrows of its relations: `web -calls-> api`.
pub(crate) fn draw(path: &[PathStep]) -> String {
    let mut drawn = path
        .first()
        .map(|step| step.from.key.clone())
        .unwrap_or_default();
    for step in path {
        let kind = &step.relation.kind;
        let arrow = match step.against_arrow {
            true => format!(" <-{kind}- "),
            false => format!(" -{kind}-> "),
        };
        drawn.push_str(&arrow);
        drawn.push_str(&step.to.key);
    }
    drawn
}

impl Target {
    /// The source's name, and the item it means when that is called otherwise.
    pub(crate) fn say(&self) -> String {
        match &self.item {
            Some(item) if item.key != self.key => format!("{} (known as {})", self.key, item.key),
            Some(_) => self.key.clone(),
            None => format!("{} (not known)", self.key),
        }
    }
}

impl Coverage {
    /// What the answer cannot see, one line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.unknown_items.is_empty() {
            lines.push(format!("not known: {}", self.unknown_items.join(", ")));
        }
        match self.items_without_source {
            0 => {}
            1 => lines.push("1 item nearby has no source that reports changes".to_owned()),
            many => lines.push(format!(
                "{many} items nearby have no source that reports changes"
            )),
        }
        if !self.silent_sources.is_empty() {
            lines.push(format!(
                "silent sources: {}",
                self.silent_sources.join(", ")
            ));
        }
        lines.extend(self.gaps.iter().cloned());
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_drawn_with_the_arrows_of_its_relations() {
        let step = |from: &str, kind: &str, to: &str, against_arrow| PathStep {
            from: ItemKey {
                key: from.to_owned(),
            },
            to: ItemKey { key: to.to_owned() },
            relation: Relation {
                kind: kind.to_owned(),
            },
            against_arrow,
        };
        let path = [
            step("service:web", "calls", "service:api", false),
            step("service:api", "runs_on", "host:n1", true),
        ];
        assert_eq!(
            draw(&path),
            "service:web -calls-> service:api <-runs_on- host:n1"
        );
        assert_eq!(draw(&[]), "");
    }
}
