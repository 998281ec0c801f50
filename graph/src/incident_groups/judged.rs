//! What people say of incidents: which are one, and which are not.

use std::collections::BTreeMap;

use model::{Belonging, IncidentId, IncidentsJudged, SourceName, Timestamp};
use serde::{Deserialize, Serialize};

use crate::stamped::{Stamp, Stamped};
use crate::view::GraphView;

/// What was said last of two incidents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PairSaid {
    pub(crate) verdict: Belonging,
    /// The one of both that belongs or does not.
    pub(crate) subject: IncidentId,
    /// Who says so.
    pub(crate) source: String,
    /// Why.
    pub(crate) reason: Option<String>,
}

/// What was said of incidents by two, the lesser id first: of each two the latest word.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct JudgedPairs {
    pairs: BTreeMap<(IncidentId, IncidentId), Stamped<PairSaid>>,
}

impl JudgedPairs {
    pub(crate) fn say(&mut self, judged: &IncidentsJudged, source: &SourceName, stamp: Stamp) {
        let subject = IncidentId::of(&judged.incident);
        for other in judged.others.iter().map(IncidentId::of) {
            let said = PairSaid {
                verdict: judged.verdict,
                subject,
                source: source.as_str().to_owned(),
                reason: judged.reason.clone(),
            };
            let pair = (subject.min(other), subject.max(other));
            self.pairs.entry(pair).or_default().say(stamp, Some(said));
        }
    }

    /// What counts: of each two that are said to be one, or not.
    pub(crate) fn standing(&self) -> impl Iterator<Item = ((IncidentId, IncidentId), &PairSaid)> {
        let said = self.pairs.iter();
        let said = said.filter_map(|(pair, said)| Some((*pair, said.get()?)));
        said.filter(|(_, said)| said.verdict != Belonging::Withdrawn)
    }

    pub(crate) fn each_line(&self, mut take: impl FnMut(String)) {
        for ((one, other), said) in self.standing() {
            take(format!("incidents {one} {other} {said:?}"));
        }
    }
}

/// When an incident began, and its id; in this order incidents are joined.
pub(super) type Begun = (Timestamp, IncidentId);

/// What was said last of two known incidents.
#[derive(Clone, Copy, Debug)]
pub(super) struct JudgedPair<'v> {
    pub(super) earlier: Begun,
    pub(super) later: Begun,
    pub(super) said: &'v PairSaid,
}

impl GraphView {
    /// The incidents of which somebody says that another one is one with them, or is not.
    pub fn judged_with(&self, incident: IncidentId) -> Vec<IncidentId> {
        let pairs = self.judged_pairs.standing();
        let others = pairs.filter_map(|((one, other), _)| match one == incident {
            true => Some(other),
            false => (other == incident).then_some(one),
        });
        others.collect()
    }

    /// What people say of incidents that began so near each other that they may be of one group.
    pub(super) fn judged_within(&self, span: i64) -> Vec<JudgedPair<'_>> {
        let pairs = self.judged_pairs.standing();
        let begun = |id| Some((self.incident(id)?.started_at(), id));
        let pairs = pairs.filter_map(|((one, other), said)| {
            let (one, other): (Begun, Begun) = (begun(one)?, begun(other)?);
            let (earlier, later) = (one.min(other), one.max(other));
            Some(JudgedPair {
                earlier,
                later,
                said,
            })
        });
        pairs
            .filter(|pair| pair.later.0 <= pair.earlier.0.plus_nanos(span))
            .collect()
    }
}
