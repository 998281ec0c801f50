//! How a change went: its checks, which of its members are changed, and what other changes say of it.

use model::{
    ChangeStatus, CheckIdentity, CheckVerdict, ExemptionKind, FlowKind, Timestamp, ValidInterval,
};

use super::{ChangeRow, TargetOfChange};
use crate::anomalies::Anomaly;
use crate::changes::Touched;
use crate::risk::RiskScore;

/// What a check of a change found, and what people said of the check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckOfChange {
    /// Which check.
    pub identity: CheckIdentity,
    /// What it found; nothing where only a judgement is known.
    pub result: Option<String>,
    /// Whether it could have stopped the change.
    pub mode: Option<String>,
    /// What the person answered.
    pub answer: Option<String>,
    /// Whether it was right, if somebody said.
    pub verdict: Option<CheckVerdict>,
}

/// What a gradual change has done to its members at a moment.
#[derive(Clone, Debug)]
pub struct Membership<'v> {
    /// The moment.
    pub at: Timestamp,
    /// Those that are changed.
    pub changed: Vec<TargetOfChange<'v>>,
    /// Those that are being changed.
    pub changing: Vec<TargetOfChange<'v>>,
    /// Those that are as before.
    pub not_yet: Vec<TargetOfChange<'v>>,
    /// The share of traffic that is changed, if it goes by traffic.
    pub traffic_percent: Option<f64>,
}

impl<'v> ChangeRow<'v> {
    /// How it takes effect: as stated, else as its batches tell.
    pub fn flow(&self) -> Option<FlowKind> {
        let row = self.row();
        let stated = row.more.as_ref().and_then(|more| more.flow.get().copied());
        let batches = row.batches();
        let by_traffic = || {
            let mut each = batches.values();
            each.any(|batch| batch.traffic_percent.get().is_some())
        };
        stated.or_else(|| match batches.is_empty() {
            true => None,
            false if by_traffic() => Some(FlowKind::TrafficRatio),
            false => Some(FlowKind::MachineBatches),
        })
    }

    /// Which exemption it uses, and when that holds.
    pub fn exemption(&self) -> Option<(ExemptionKind, ValidInterval)> {
        self.row().more.as_ref()?.exemption.get().copied()
    }

    /// What its platform knows several changes of one act by.
    pub fn fold_key(&self) -> Option<&'v str> {
        let more = self.kept_row().more.as_ref()?;
        more.fold_key.get().map(|key| &**key)
    }

    /// Whether only bookkeeping differs.
    pub fn is_bookkeeping(&self) -> bool {
        self.facet().bookkeeping
    }

    /// Whether a status was ever stated of it.
    pub fn was_ever(&self, status: ChangeStatus) -> bool {
        self.row().ever(status)
    }

    /// How risky each source holds it, by its newest word, in order of source.
    pub fn risk_scores(&self) -> impl Iterator<Item = (&'v str, &'v RiskScore)> + use<'v> {
        let of_change = self.view.risk_scores.get(&self.id()).into_iter().flatten();
        of_change.filter_map(|(source, said)| Some((source.as_str(), said.get()?)))
    }

    /// Its checks, by name and place.
    pub fn checks(&self) -> Vec<CheckOfChange> {
        let judged = self.view.check_judgements.get(&self.id());
        let verdict = |identity: &CheckIdentity| judged?.get(identity)?.get().copied();
        let row = self.row();
        let found = row.more.iter().flat_map(|more| &more.checks);
        let mut checks: Vec<CheckOfChange> = found
            .filter_map(|(identity, said)| {
                let row = said.get()?;
                Some(CheckOfChange {
                    identity: identity.clone(),
                    result: Some(row.result.to_string()),
                    mode: row.mode.as_deref().map(str::to_owned),
                    answer: row.answer.as_deref().map(str::to_owned),
                    verdict: verdict(identity),
                })
            })
            .collect();
        for (identity, said) in judged.into_iter().flatten() {
            if !checks.iter().any(|check| check.identity == *identity) {
                checks.push(CheckOfChange {
                    identity: identity.clone(),
                    result: None,
                    mode: None,
                    answer: None,
                    verdict: said.get().copied(),
                });
            }
        }
        checks.sort_by(|one, other| one.identity.cmp(&other.identity));
        checks
    }

    /// Which of its members are changed at a moment. One without batches changes all of them at once.
    pub fn membership(&self, at: Timestamp) -> Membership<'v> {
        let row = self.row();
        let mut members = Membership {
            at,
            changed: Vec::new(),
            changing: Vec::new(),
            not_yet: Vec::new(),
            traffic_percent: None,
        };
        let mut of_batches = Vec::new();
        let is_through = row.finished_at().is_some_and(|end| end <= at);
        for batch in row.batches().values() {
            let touched = match batch.touched(at) {
                _ if self.is_taken_back(at) => Touched::NotYet,
                Touched::Changing if is_through => Touched::Changed,
                touched => touched,
            };
            for mention in batch.targets.get().into_iter().flatten() {
                of_batches.push(*mention);
                members.put(touched, self.target(*mention));
            }
            if let Some(share) = batch.traffic_percent.get() {
                let covered = members.traffic_percent.get_or_insert(0.0);
                if touched != Touched::NotYet {
                    *covered = covered.max(*share);
                }
            }
        }
        let rest = row.targets().iter();
        let rest: Vec<_> = rest
            .filter(|mention| !of_batches.contains(*mention))
            .collect();
        // Where batches name their members, the targets of the whole are what these belong to.
        if of_batches.is_empty() {
            let touched = self.touched(at);
            for mention in rest {
                members.put(touched, self.target(*mention));
            }
        }
        members
    }

    /// What the whole change has done to what it touches at a moment.
    fn touched(&self, at: Timestamp) -> Touched {
        let row = self.row();
        let never_began = !row.status().took_effect() && row.started_at().is_none();
        if never_began || self.is_taken_back(at) || at < row.start() {
            return Touched::NotYet;
        }
        match row.finished_at() {
            Some(finished) if finished <= at => Touched::Changed,
            Some(_) => Touched::Changing,
            None if row.goes_on() => Touched::Changing,
            None => Touched::Changed,
        }
    }

    /// What it lacks of what its level and its scene ask for at a moment.
    pub fn open_questions(&self, at: Timestamp) -> Vec<Anomaly> {
        let model = self.view.kinds().at(at);
        crate::change_questions::of_change(model.changes(), self)
    }

    /// Whether all of it was said to be taken back by a moment.
    fn is_taken_back(&self, at: Timestamp) -> bool {
        let row = self.row();
        let said_at = row.stated_status().map(|(_, said_at)| said_at);
        row.status() == ChangeStatus::RolledBack && said_at.is_some_and(|said_at| said_at <= at)
    }

    /// The changes that say of themselves that they stand so to this one, in order of their id.
    pub fn linked_by(&self, kind: &str) -> Vec<ChangeRow<'v>> {
        let (view, id) = (self.view, self.id());
        let words = &view.identity.words;
        let still_says = |change: &ChangeRow<'_>| {
            let row = change.row();
            let mut links = row.links();
            links.any(|link| words.text(link.kind) == kind && link.id(words) == id)
        };
        let linking = view.changes.linking_to(id);
        let linking = linking.map(|change| ChangeRow::new(view, change));
        let mut linking: Vec<ChangeRow<'v>> = linking.filter(still_says).collect();
        linking.sort_by_cached_key(ChangeRow::id);
        linking
    }
}

impl<'v> Membership<'v> {
    fn put(&mut self, touched: Touched, member: TargetOfChange<'v>) {
        match touched {
            Touched::Changed => self.changed.push(member),
            Touched::Changing => self.changing.push(member),
            Touched::NotYet => self.not_yet.push(member),
        }
    }
}
