//! What few changes state: checks, how they roll out, exemptions, what folds them together.

use std::collections::BTreeMap;

use model::{Change, CheckIdentity, ExemptionKind, FlowKind, ValidInterval};
use serde::{Deserialize, Serialize};

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
}

impl More {
    /// Takes one statement into what is kept, made only if it says any of this.
    pub(super) fn say(kept: &mut Option<Box<Self>>, change: &Change, stamp: Stamp) {
        let flow = change.rollout.as_ref().and_then(|rollout| rollout.flow);
        let exemption = change.exemption.as_ref().and_then(|exemption| {
            let valid = exemption.valid(stamp.at)?;
            Some((exemption.kind, valid))
        });
        let bookkeeping = change.bookkeeping.or_else(|| {
            let only = super::bookkeeping::is_only_bookkeeping(change);
            only.then_some(true)
        });
        let says_some = !change.check_results.is_empty()
            || flow.is_some()
            || exemption.is_some()
            || change.fold_key.is_some()
            || bookkeeping.is_some();
        if !says_some {
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
    }
}
