//! What few changes state: batches, plans, links, checks, exemptions, what folds them together.

use std::collections::BTreeMap;

use model::{Change, CheckIdentity, ExemptionKind, FlowKind, Timestamp, ValidInterval};
use serde::{Deserialize, Serialize};

use super::{BatchRow, LinkRow, Statement};
use crate::intern::{WordIx, Words};
use crate::stamped::{Stamp, Stamped};

/// What a check found, by its stored words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CheckRow {
    pub(crate) result: Box<str>,
    pub(crate) mode: Option<Box<str>>,
    pub(crate) answer: Option<Box<str>>,
}

/// What few changes state.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct More {
    pub(crate) checks: BTreeMap<CheckIdentity, Stamped<CheckRow>>,
    pub(crate) flow: Stamped<FlowKind>,
    pub(crate) exemption: Stamped<(ExemptionKind, ValidInterval)>,
    pub(crate) fold_key: Stamped<Box<str>>,
    pub(crate) bookkeeping: Stamped<bool>,
    pub(crate) emergency: Stamped<bool>,
    pub(crate) planned_start_at: Stamped<Timestamp>,
    pub(crate) planned_finish_at: Stamped<Timestamp>,
    pub(crate) batches: BTreeMap<u32, BatchRow>,
    /// Of each kind of link the latest list.
    pub(crate) links: Vec<(WordIx, Stamped<Vec<LinkRow>>)>,
}

impl More {
    /// Takes one statement into what is kept, made only if it says any of this.
    pub(super) fn say(kept: &mut Option<Box<Self>>, said: &Statement<'_>, words: &mut Words) {
        let (change, stamp) = (said.change, said.stamp);
        let flow = change.rollout.as_ref().and_then(|rollout| rollout.flow);
        let exemption = change.exemption.as_ref().and_then(|exemption| {
            let valid = exemption.valid(stamp.at)?;
            Some((exemption.kind, valid))
        });
        let bookkeeping = change.bookkeeping.or_else(|| {
            let only = super::bookkeeping::is_only_bookkeeping(change);
            only.then_some(true)
        });
        let has_lists = !change.check_results.is_empty()
            || !change.batches.is_empty()
            || !change.links.is_empty();
        let has_plan = change.planned_start_at.is_some() || change.planned_finish_at.is_some();
        let has_marks = flow.is_some()
            || exemption.is_some()
            || change.fold_key.is_some()
            || bookkeeping.is_some()
            || change.emergency.is_some();
        if !has_lists && !has_plan && !has_marks {
            return;
        }
        let more = kept.get_or_insert_default();
        for check in &change.check_results {
            let row = CheckRow {
                result: check.result.as_str().into(),
                mode: check.mode.as_deref().map(Box::from),
                answer: check.answer.as_deref().map(Box::from),
            };
            let said = more.checks.entry(check.identity()).or_default();
            said.say(stamp, Some(row));
        }
        more.flow.say(stamp, flow);
        more.exemption.say(stamp, exemption);
        more.fold_key
            .say(stamp, change.fold_key.as_deref().map(Box::from));
        more.bookkeeping.say(stamp, bookkeeping);
        more.emergency.say(stamp, change.emergency);
        more.planned_start_at.say(stamp, change.planned_start_at);
        more.planned_finish_at.say(stamp, change.planned_finish_at);
        more.say_links(change, stamp, words);
        more.say_batches(said);
    }

    fn say_links(&mut self, change: &Change, stamp: Stamp, words: &mut Words) {
        let mut by_kind: BTreeMap<WordIx, Vec<LinkRow>> = BTreeMap::new();
        for link in &change.links {
            let kind = words.add(&link.kind);
            by_kind.entry(kind).or_default().push(LinkRow {
                kind,
                source: words.add(link.change.source.as_str()),
                source_id: link.change.source_id.as_str().into(),
            });
        }
        for (kind, links) in by_kind {
            let place = self.links.iter().position(|(known, _)| *known == kind);
            let place = place.unwrap_or_else(|| {
                self.links.push((kind, Stamped::default()));
                self.links.len() - 1
            });
            if let Some((_, said)) = self.links.get_mut(place) {
                said.say(stamp, Some(links));
            }
        }
    }

    fn say_batches(&mut self, said: &Statement<'_>) {
        for (batch, targets) in said.change.batches.iter().zip(&said.batch_targets) {
            let row = self.batches.entry(batch.index).or_default();
            row.targets
                .say(said.stamp, (!targets.is_empty()).then(|| targets.clone()));
            row.traffic_percent.say(said.stamp, batch.traffic_percent);
            row.planned_start_at.say(said.stamp, batch.planned_start_at);
            row.planned_finish_at
                .say(said.stamp, batch.planned_finish_at);
            row.started_at.say(said.stamp, batch.started_at);
            row.finished_at.say(said.stamp, batch.finished_at);
            row.status.say(said.stamp, batch.status);
        }
    }
}
