//! The estate as lines of text, one fact each: what two estates are compared by, and what the state hash covers.
//!
//! A line holds logical content only (claims, intervals, values), never a place in
//! memory, so estates folded in another order, or from a snapshot, give the same lines.

use model::{ContentHash, ValidInterval};

use crate::identity::ItemIx;
use crate::relations::RowIx;
use crate::view::{ChangeRow, GraphView, IncidentRow, Item};

impl GraphView {
    /// Every fact as a line, sorted.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        self.each_line(|line| lines.push(line));
        lines.sort();
        lines
    }

    /// The hash of position and logical content: equal for live folding, replay, and snapshot plus rest.
    pub fn state_hash(&self) -> ContentHash {
        let mut hashes: Vec<[u8; 16]> = Vec::new();
        self.each_line(|line| hashes.push(*ContentHash::of(line.as_bytes()).as_bytes()));
        self.archive
            .describe(|line| hashes.push(*ContentHash::of(line.as_bytes()).as_bytes()));
        hashes.sort_unstable();
        let mut content = format!("{}\n{}\n", self.position(), self.quarantined).into_bytes();
        for (name, source) in self.sources() {
            content.extend_from_slice(format!("{name} {source:?}\n").as_bytes());
        }
        for hash in hashes {
            content.extend_from_slice(&hash);
        }
        ContentHash::of(&content)
    }

    fn each_line(&self, mut take: impl FnMut(String)) {
        for item in self.items() {
            take(item_line(item));
            for deviation in item.deviations() {
                take(format!(
                    "deviation {} {} {} {} -> {}",
                    item.id(),
                    deviation.metric,
                    deviation.from,
                    deviation.baseline,
                    deviation.value
                ));
            }
        }
        for row in self.relations.rows() {
            take(self.relation_line(row));
        }
        for change in self.changes() {
            take(change_line(change));
            for check in change.checks() {
                take(format!("check {} {check:?}", change.id()));
            }
            for (source, score) in change.risk_scores() {
                take(format!("risk {} {source} {score:?}", change.id()));
            }
        }
        for incident in self.incidents() {
            take(incident_line(incident));
        }
        for (change, incident, verdict) in self.verdicts() {
            take(format!("verdict {change} {incident} {verdict:?}"));
        }
        self.judged_pairs.each_line(&mut take);
        self.kinds.each_line(&mut take);
        self.groups.each_line(&mut take);
        self.subscriptions.each_line(&mut take);
        self.tokens.each_line(&mut take);
        self.calendar.each_line(&mut take);
        self.risk_rules.each_line(&mut take);
        for (source, until) in self.retractions().standing() {
            take(format!("retracted {source} until {until}"));
        }
        for gap in self.gaps() {
            take(format!(
                "gap {} {} {}",
                gap.source,
                span(gap.window),
                gap.reason
            ));
        }
    }

    fn relation_line(&self, row: RowIx) -> String {
        let id = |item: ItemIx| self.item_at(item).id();
        let (ends, row) = (self.relations.ends(row), self.relations.row(row));
        let mut line = format!(
            "relation {} {} {} {:?}",
            id(self.identity.item_of(ends.dependent)),
            self.identity.words.text(ends.kind),
            id(self.identity.item_of(ends.provider)),
            row.strength().map(|(_, strength)| strength),
        );
        for interval in row.validity.intervals() {
            line.push(' ');
            line.push_str(&span(interval));
        }
        for deviation in row.deviations() {
            line.push_str(&format!(
                " {} {} {}",
                deviation.metric, deviation.from, deviation.value
            ));
        }
        line
    }
}

fn item_line(item: Item<'_>) -> String {
    let mut line = format!("item {} {}", item.id(), item.key());
    for alias in item.aliases() {
        line.push_str(&format!(" {}={}", alias.scheme, alias.value));
    }
    line.push_str(&format!(
        " name={:?} owner={:?} criticality={:?}",
        item.display_name(),
        item.owner(),
        item.criticality()
    ));
    if let Some(quorum) = item.quorum() {
        line.push_str(&format!(" quorum={quorum}"));
    }
    for interval in item.intervals() {
        line.push(' ');
        line.push_str(&span(interval));
    }
    for candidate in item.candidates() {
        line.push_str(&format!(" or={}", candidate.id()));
    }
    line
}

fn change_line(change: ChangeRow<'_>) -> String {
    let targets: Vec<String> = change
        .targets()
        .iter()
        .map(|target| format!("{} ({})", target.key(), target.item.id()))
        .collect();
    let batches: Vec<String> = change
        .batches()
        .iter()
        .map(|batch| format!("{} {:?} {:?}", batch.index, batch.started_at, batch.status))
        .collect();
    format!(
        "change {} {:?} {:?} {:?} {:?} {:?} {}..{:?} [{}] [{}] {:?} {:?} {:?} {:?}",
        change.id(),
        change.title(),
        change.kind(),
        change.environment(),
        change.status(),
        change.operator(),
        change.started_at(),
        change.finished_at(),
        targets.join(", "),
        batches.join(", "),
        change.links(),
        change.flow(),
        change.fold_key(),
        change.is_bookkeeping(),
    )
}

fn incident_line(incident: IncidentRow<'_>) -> String {
    let items: Vec<String> = incident
        .items()
        .iter()
        .map(|item| item.id().to_string())
        .collect();
    format!(
        "incident {} {:?} {:?} {:?} {}..{:?} [{}]",
        incident.id(),
        incident.title(),
        incident.status(),
        incident.severity(),
        incident.started_at(),
        incident.resolved_at(),
        items.join(", "),
    )
}

fn span(interval: ValidInterval) -> String {
    let until = interval
        .until()
        .map_or_else(|| "open".to_owned(), |until| until.to_string());
    format!("{}..{until}", interval.from())
}
