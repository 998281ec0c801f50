//! What one event tells, held against subscriptions.
//!
//! It is judged in a view that holds the event, at the moment the event speaks of and at the one it was
//! recorded at: either will do. Texts are not kept in the fold, so whoever asks brings a judge of them.

use model::{
    Change, ChangeFilter, ChangeId, EventEnvelope, IncidentId, Judgement, SubscriptionMatch,
    Timestamp, Topic, Urgent,
};

use super::conditions::{Place, change_passes, field_is_wanted, incident_passes};
use super::nearness::{Nearness, Surroundings};
use crate::view::{ChangeRow, GraphView, IncidentRow};

/// What an event tells of.
#[derive(Clone, Copy, Debug)]
enum About<'v> {
    Change(ChangeRow<'v>),
    Incident(IncidentRow<'v>),
}

/// An event that subscriptions may be about, in a view that holds it.
pub struct Telling<'v> {
    view: &'v GraphView,
    about: About<'v>,
    /// The statement of a change, where the event is one.
    said: Option<&'v Change>,
    scores_risk: bool,
    surroundings: Vec<Surroundings<'v>>,
}

/// Whether the texts of a statement hold what a filter asks of them.
type TextJudge<'t> = &'t dyn Fn(&ChangeFilter, &Change) -> bool;

impl<'v> Telling<'v> {
    /// What an event tells; nothing where nobody can subscribe to such.
    pub fn of(view: &'v GraphView, envelope: &'v EventEnvelope) -> Option<Self> {
        let mut scores_risk = false;
        let mut said = None;
        let about = match envelope.event.topic() {
            Topic::Change(change) => {
                said = Some(change);
                About::Change(view.change(ChangeId::of(&change.reference()))?)
            }
            Topic::Judgement(Judgement::Risk(scored)) => {
                scores_risk = true;
                About::Change(view.change(ChangeId::of(&scored.change))?)
            }
            Topic::Incident(incident) => {
                About::Incident(view.incident(IncidentId::of(&incident.reference()))?)
            }
            Topic::Judgement(
                Judgement::Cause(_) | Judgement::Incidents(_) | Judgement::Check(_),
            )
            | Topic::Observation(_)
            | Topic::Identity(_)
            | Topic::Deviation(_)
            | Topic::Intake
            | Topic::Definition
            | Topic::Access => return None,
        };
        let touched = match &about {
            About::Change(row) => row.items(),
            About::Incident(row) => row.items(),
        };
        let mut moments: Vec<Timestamp> = vec![envelope.occurred_at, envelope.recorded_at];
        moments.dedup();
        let around = moments.iter();
        let surroundings = around.map(|at| Surroundings::of(view, *at, &touched));
        Some(Self {
            view,
            about,
            said,
            scores_risk,
            surroundings: surroundings.collect(),
        })
    }

    /// The change that it tells of.
    pub fn change(&self) -> Option<ChangeRow<'v>> {
        match self.about {
            About::Change(row) => Some(row),
            About::Incident(_) => None,
        }
    }

    /// The incident that it tells of.
    pub fn incident(&self) -> Option<IncidentRow<'v>> {
        match self.about {
            About::Incident(row) => Some(row),
            About::Change(_) => None,
        }
    }

    /// Whether somebody wants to hear of it, and the way to where they stand, if they stand somewhere.
    pub fn fits(
        &mut self,
        wanted: &SubscriptionMatch,
        texts: TextJudge<'_>,
    ) -> Option<Option<Nearness>> {
        let filter = &wanted.filter;
        let passes = match &self.about {
            About::Change(row) => self.change_fits(wanted, row),
            About::Incident(row) => wanted.incidents && incident_passes(filter, row),
        };
        if !passes {
            return None;
        }
        let environment = filter.environments.first().map(String::as_str);
        for place in Place::of_filter(filter) {
            self.nearness(&place, environment)?;
        }
        let near = match wanted.has_place() {
            true => Some(self.nearness(&standing(wanted), environment)?),
            false => None,
        };
        (!self.is_change() || self.texts_hold(filter, texts)).then_some(near)
    }

    /// Whether it is told at once.
    pub fn is_urgent(&self, urgent: &Urgent) -> bool {
        match &self.about {
            About::Change(row) => {
                let scored = |least: f64| row.risk_scores().any(|(_, it)| least <= it.score);
                (urgent.emergency && row.emergency() == Some(true))
                    || urgent.risk_min.is_some_and(scored)
            }
            About::Incident(row) => {
                let severity = row.severity().unwrap_or_default();
                let mut severities = urgent.severities.iter();
                urgent.incidents || severities.any(|word| word.eq_ignore_ascii_case(severity))
            }
        }
    }

    fn is_change(&self) -> bool {
        self.change().is_some()
    }

    fn change_fits(&self, wanted: &SubscriptionMatch, row: &ChangeRow<'_>) -> bool {
        let status = self.said.and_then(|said| said.status);
        let status = status.unwrap_or_else(|| row.status());
        let at_moment = wanted.moments.is_empty() || wanted.moments.contains(&status);
        let values = self.said.map(|said| said.values.as_slice());
        let mut values = values.unwrap_or_default().iter();
        let of_field = wanted.fields.is_empty()
            || values.any(|value| field_is_wanted(&wanted.fields, &value.field));
        let risky = wanted
            .risk_min
            .is_none_or(|least| row.risk_scores().any(|(_, score)| least <= score.score));
        // A score alone is news to those only who ask for risks.
        let is_news = !self.scores_risk || wanted.risk_min.is_some();
        wanted.changes
            && is_news
            && at_moment
            && of_field
            && risky
            && change_passes(self.view, &wanted.filter, row)
    }

    fn nearness(&mut self, place: &Place<'_>, environment: Option<&str>) -> Option<Nearness> {
        let mut found = None;
        for surroundings in &mut self.surroundings {
            found = found.or_else(|| surroundings.nearness(place, environment));
        }
        found
    }

    fn texts_hold(&self, filter: &ChangeFilter, texts: TextJudge<'_>) -> bool {
        if !filter.asks_texts() {
            return true;
        }
        let (Some(said), Some(row)) = (self.said, self.change()) else {
            return false;
        };
        let mut said = said.clone();
        said.title.get_or_insert_with(|| row.title().to_owned());
        texts(filter, &said)
    }
}

/// Where a subscription stands.
fn standing(wanted: &SubscriptionMatch) -> Place<'_> {
    Place {
        items: &wanted.items,
        inside: &wanted.inside,
        teams: &wanted.teams,
        direction: wanted.direction,
        hops_max: wanted.hops_max.unwrap_or(u32::MAX),
    }
}
