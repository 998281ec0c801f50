//! The fold: one event after another becomes items, relations, changes and incidents.

mod change_model;
mod hint;
mod list;
mod observe;

use std::sync::Arc;

use model::{
    CauseJudged, Change, ChangeId, Event, EventEnvelope, Incident, IncidentId, IncidentStatus,
    ItemSplit, ItemsMerged, LogPosition, ObservationGap, SourceKey, SourceName,
};

use crate::archive::{PageError, Pages};
use crate::calendar::CalendarBook;
use crate::changes;
use crate::groups::Groups;
use crate::identity::{Decided, Decision, decision_id};
use crate::incidents;
use crate::kinds::KindBook;
use crate::mention::MentionIx;
use crate::projection::Projection;
use crate::relations::{Aside, LaidOut, Renumbering};
use crate::retractions::Retractions;
use crate::risk::RiskRules;
use crate::saved::{RestoreError, SavedEstate};
use crate::sources::{self, GapRow};
use crate::stamped::Stamp;
use crate::view::GraphView;

/// Gaps that are kept, the newest.
const GAPS_MAX: usize = 1_000;

/// A layout of relations that is to be made aside, on whatever thread its owner likes.
#[derive(Debug)]
pub struct LayoutAside(Aside);

/// A layout of relations that was made aside.
#[derive(Debug)]
pub struct LayoutMade(LaidOut);

impl LayoutAside {
    /// Makes it; for millions of relations that takes seconds.
    pub fn make(self) -> LayoutMade {
        LayoutMade(self.0.lay_out())
    }
}

/// The estate as folded so far.
#[derive(Debug, Default)]
pub struct Estate {
    view: GraphView,
}

impl Projection for Estate {
    type View = GraphView;
    const NAME: &'static str = "estate";
    const VERSION: u32 = 21;

    fn apply(&mut self, envelope: &EventEnvelope) {
        assert_eq!(
            envelope.position,
            self.view.position.next(),
            "a fold takes every position once and in order"
        );
        self.view.position = envelope.position;
        self.view.recorded_at = Some(envelope.recorded_at);
        sources::hear(Arc::make_mut(&mut self.view.sources), envelope);
        if !self.view.retractions.voids(envelope) {
            self.take_in(envelope);
        }
        self.put_away(envelope);
    }

    fn publish(&mut self) -> Arc<GraphView> {
        self.settle();
        self.view.tidy_shelves();
        if self.view.has_read_much() {
            self.view.changes.rows.forget_read();
        }
        Arc::new(self.view.clone())
    }
}

impl Estate {
    /// Takes what an event says.
    fn take_in(&mut self, envelope: &EventEnvelope) {
        let stamp = Stamp::of(envelope.occurred_at, &envelope.id);
        let at = envelope.position;
        match &envelope.event {
            Event::ItemObserved(item) => self.item_observed(envelope, item, stamp),
            Event::ItemRetired(item) => self.item_retired(envelope, item),
            Event::RelationObserved(relation) => self.relation_observed(envelope, relation, stamp),
            Event::RelationEnded(relation) => self.relation_ended(envelope, relation),
            Event::CallsObserved(calls) => self.calls_observed(envelope, calls, stamp),
            Event::ChangeRecorded(change) => self.change_recorded(change, stamp),
            Event::IncidentOpened(incident) => {
                self.incident_said(incident, stamp, Some(IncidentStatus::Open));
            }
            Event::IncidentUpdated(incident) => self.incident_said(incident, stamp, None),
            Event::CauseJudged(judged) => self.cause_judged(judged, stamp),
            Event::IncidentsJudged(judged) => {
                let pairs = Arc::make_mut(&mut self.view.judged_pairs);
                pairs.say(judged, &envelope.id.source, stamp);
            }
            Event::ItemDeviated(deviated) => self.item_deviated(deviated, stamp),
            Event::RelationDeviated(deviated) => self.relation_deviated(deviated, stamp),
            Event::ObservationGap(gap) => self.gap(gap),
            Event::InputQuarantined(_) => self.view.quarantined += 1,
            Event::ItemsMerged(merged) => self.merged(envelope, merged, stamp),
            Event::ItemSplit(split) => self.split(envelope, split, stamp),
            Event::IdentityReverted(reverted) => {
                let decision = decision_id(&reverted.decision);
                self.view.identity.revert(decision);
            }
            Event::SourceRetracted(_) | Event::SourceRestored(_) => {
                let source = self.view.retractions.say(envelope);
                let heard = source.is_some_and(|source| self.heard_before(source, envelope));
                self.view.outdated |= heard;
            }
            // What was asked stands in a log of its own, and says nothing of the estate. Whose name was
            // forgotten, the names themselves tell.
            Event::SourceListed(_) | Event::PersonForgotten(_) | Event::QuestionsAsked(_) => {}
            Event::GroupDefined(group) => self.groups().define(group, stamp, at),
            Event::GroupWithdrawn(group) => self.groups().withdraw(&group.name, stamp),
            Event::CalendarRuleDeclared(rule) => self.calendar().declare(rule, stamp, at),
            Event::CalendarRuleWithdrawn(it) => self.calendar().withdraw(&it.name, stamp, at),
            Event::ExemptionGranted(granted) => self.calendar().exempt(granted, stamp, at),
            Event::ExemptionWithdrawn(it) => self.calendar().end_exemption(&it.name, stamp, at),
            Event::RiskRuleDeclared(rule) => self.risk_rules().declare(rule, stamp, at),
            Event::RiskRuleWithdrawn(it) => self.risk_rules().withdraw(&it.name, stamp, at),
            Event::KindDefined(kind) => self.kinds().define(kind, stamp, at),
            Event::KindWithdrawn(kind) => self.kinds().withdraw(&kind.name, stamp, at),
            Event::RelationKindDefined(kind) => self.kinds().define_relation(kind, stamp, at),
            Event::RelationKindWithdrawn(it) => self.kinds().withdraw_relation(&it.name, stamp, at),
            Event::CheckJudged(judged) => self.check_judged(judged, stamp),
            Event::RiskScored(scored) => self.risk_scored(scored, &envelope.id.source, stamp),
            Event::SubscriptionDeclared(_)
            | Event::SubscriptionWithdrawn(_)
            | Event::SubscriptionDisabled(_) => {
                Arc::make_mut(&mut self.view.subscriptions).say(envelope, stamp);
            }
            Event::PlatformRegistered(_)
            | Event::PlatformWithdrawn(_)
            | Event::SceneRegistered(_)
            | Event::SceneWithdrawn(_)
            | Event::LevelDefined(_)
            | Event::LevelWithdrawn(_) => self.change_model_said(envelope, stamp),
            Event::TokenCreated(_) | Event::TokenRevoked(_) => {
                Arc::make_mut(&mut self.view.tokens).say(envelope, stamp);
            }
        }
    }

    pub(crate) fn view(&self) -> &GraphView {
        &self.view
    }

    pub(crate) fn view_mut(&mut self) -> &mut GraphView {
        &mut self.view
    }

    /// An estate that goes on from a view, to try something: it puts nothing away.
    pub(crate) fn of(mut view: GraphView) -> Self {
        view.archive.rest();
        Self { view }
    }

    /// The view it has become.
    pub(crate) fn into_view(mut self) -> GraphView {
        self.view.tidy_shelves();
        self.view
    }

    /// An empty estate that knows from the start whom not to believe.
    pub fn knowing(retractions: Retractions) -> Self {
        let mut estate = Self::default();
        estate.view.numbering = retractions.digest();
        estate.view.retractions = retractions;
        estate
    }

    /// Whom it does not believe.
    pub fn retractions(&self) -> &Retractions {
        &self.view.retractions
    }

    /// Whether it holds what has since been retracted, or lacks what has since been restored: it is
    /// to be folded anew by one that [knows](Self::knowing).
    pub fn is_outdated(&self) -> bool {
        self.view.outdated
    }

    /// Whether a source has said anything but what is said of it now.
    fn heard_before(&self, source: &SourceName, envelope: &EventEnvelope) -> bool {
        let row = self.view.sources.get(source.as_str());
        let events: u64 = row.map_or(0, |row| row.events.values().sum());
        let own = u64::from(*source == envelope.id.source);
        own < events
    }

    /// The last position it holds.
    pub fn position(&self) -> LogPosition {
        self.view.position
    }

    /// Lays relations out anew at once, as publishing does when enough of them are new. It changes no answer.
    pub fn lay_out(&mut self) {
        let renumbering = self.view.relations.lay_out(&self.view.identity);
        self.renumber(&renumbering);
    }

    /// Whether relations are to be laid out anew and are so many that this is to be done aside.
    ///
    /// Publishing lays out few by itself, and many only when nobody does so aside for long.
    pub fn is_layout_due(&self) -> bool {
        self.view.relations.is_due_aside()
    }

    /// Begins to lay relations out aside. The estate goes on meanwhile.
    pub fn lay_out_aside(&mut self) -> LayoutAside {
        LayoutAside(self.view.relations.begin_aside(&self.view.identity))
    }

    /// Takes a layout that was made aside; one that was begun too long ago is dropped. It changes no answer.
    pub fn take_layout(&mut self, made: LayoutMade) {
        let view = &mut self.view;
        if let Some(renumbering) = view.relations.adopt(made.0, &view.identity) {
            self.renumber(&renumbering);
        }
    }

    fn settle(&mut self) {
        if let Some(renumbering) = self.view.relations.settle(&self.view.identity) {
            self.renumber(&renumbering);
        }
    }

    /// Whoever keeps the numbers of relations learns what they have become.
    fn renumber(&mut self, renumbering: &Renumbering) {
        for mention in 0..self.view.lists.len() {
            let listed = self.view.lists.get(mention).is_some_and(Option::is_some);
            if listed && let Some(Some(lists)) = self.view.lists.get_mut(mention) {
                lists.renumber(|row| renumbering.of(row));
            }
        }
    }

    /// Its state as bytes, to be kept as a snapshot of this [`Projection::VERSION`].
    pub fn save(&self) -> Vec<u8> {
        SavedEstate::of(&self.view).encode()
    }

    /// A view's state as bytes, the same as [`Self::save`] gives: so that saving need not hold up the fold.
    pub fn save_view(view: &GraphView) -> Vec<u8> {
        SavedEstate::of(view).encode()
    }

    /// The state as it was saved, of an estate that put nothing away.
    pub fn restore(bytes: &[u8]) -> Result<Self, RestoreError> {
        let view = SavedEstate::decode(bytes)?.restore(None)?;
        Ok(Self { view })
    }

    /// The state as it was saved, with the pages of what was put away.
    pub fn restore_with(bytes: &[u8], pages: &Arc<dyn Pages>) -> Result<Self, RestoreError> {
        let view = SavedEstate::decode(bytes)?.restore(Some(pages))?;
        Ok(Self { view })
    }

    /// Whether views hold more rows of changes read from pages than they should: it is time to publish.
    pub fn has_read_much(&self) -> bool {
        self.view.has_read_much()
    }

    /// Why it is of no use any more, if a page is lost: the log is to be folded anew.
    pub fn lost(&self) -> Option<PageError> {
        self.view.lost()
    }

    fn groups(&mut self) -> &mut Groups {
        Arc::make_mut(&mut self.view.groups)
    }

    fn calendar(&mut self) -> &mut CalendarBook {
        Arc::make_mut(&mut self.view.calendar)
    }

    fn risk_rules(&mut self) -> &mut RiskRules {
        Arc::make_mut(&mut self.view.risk_rules)
    }

    fn mention(&mut self, key: &SourceKey) -> MentionIx {
        self.view.identity.mention_of(key)
    }

    fn mentions(&mut self, keys: &[SourceKey]) -> Vec<MentionIx> {
        let mut mentions: Vec<MentionIx> = Vec::with_capacity(keys.len());
        for key in keys {
            let mention = self.mention(key);
            if !mentions.contains(&mention) {
                mentions.push(mention);
            }
        }
        mentions
    }

    fn merged(&mut self, envelope: &EventEnvelope, merged: &ItemsMerged, stamp: Stamp) {
        let said = Decided::One(self.mentions(&merged.items));
        let decision = Decision { stamp, said };
        let id = decision_id(&envelope.id);
        self.view.identity.decide(id, decision);
    }

    fn split(&mut self, envelope: &EventEnvelope, split: &ItemSplit, stamp: Stamp) {
        let said = Decided::Apart(self.mentions(&split.names), self.mentions(&split.from));
        let decision = Decision { stamp, said };
        let id = decision_id(&envelope.id);
        self.view.identity.decide(id, decision);
    }

    fn change_recorded(&mut self, change: &Change, stamp: Stamp) {
        let targets = self.mentions(&change.targets);
        let batch_targets = change
            .batches
            .iter()
            .map(|batch| self.mentions(&batch.targets))
            .collect();
        let position = self.view.position;
        let said = changes::Statement {
            change,
            stamp,
            position,
            targets,
            batch_targets,
        };
        let words = &mut self.view.identity.words;
        let change = self.view.changes.say(&change.reference(), &said, words);
        self.hint_of_change(change);
    }

    fn incident_said(
        &mut self,
        incident: &Incident,
        stamp: Stamp,
        implied: Option<IncidentStatus>,
    ) {
        let items = self.mentions(&incident.items);
        let position = self.view.position;
        let said = incidents::Statement {
            incident,
            stamp,
            position,
            items,
            implied,
        };
        let words = &mut self.view.identity.words;
        let incident = self.view.incidents.say(&incident.reference(), &said, words);
        self.hint_of_incident(incident);
    }

    fn cause_judged(&mut self, judged: &CauseJudged, stamp: Stamp) {
        let pair = (
            ChangeId::of(&judged.change),
            IncidentId::of(&judged.incident),
        );
        let judgements = Arc::make_mut(&mut self.view.judgements);
        judgements
            .entry(pair)
            .or_default()
            .say(stamp, Some(judged.verdict));
    }

    fn kinds(&mut self) -> &mut KindBook {
        self.view.clear_shelves();
        Arc::make_mut(&mut self.view.kinds)
    }

    fn gap(&mut self, gap: &ObservationGap) {
        let gaps = Arc::make_mut(&mut self.view.gaps);
        gaps.insert(GapRow {
            window: gap.window,
            source: gap.source.to_string(),
            reason: gap.reason.clone(),
        });
        if GAPS_MAX < gaps.len() {
            gaps.pop_first();
        }
    }
}
