//! The estate at one position: what every question reads.
//!
//! A view is immutable and cheap to share. Objects of it are handles: the view and a number.

mod change;
mod changes;
mod incident;
mod item;
mod relation;
mod resolve;
mod stated;
mod then;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    CalendarRuleDeclared, ChangeId, CheckIdentity, CheckVerdict, CiId, IncidentId, LogPosition,
    RelationKindDefined, RiskRuleDeclared, Timestamp, Verdict,
};

use crate::anomalies::{self, Anomaly};
use crate::archive::Archive;
use crate::calendar::{CalendarBook, Exemption};
use crate::changes::{Changes, Noise};
use crate::cow::CowVec;
use crate::declarations::Declared;
use crate::facts::ItemFacts;
use crate::groups::{Group, Groups};
use crate::identity::{Identity, ItemIx};
use crate::incident_groups::JudgedPairs;
use crate::incidents::Incidents;
use crate::kinds::KindBook;
use crate::listings::Lists;
use crate::relations::Relations;
use crate::retractions::Retractions;
use crate::risk::{RiskRules, RiskScore};
use crate::shelves::Shelves;
use crate::sources::{GapRow, SourceRow};
use crate::stamped::Stamped;
use crate::subscriptions::{Subscription, Subscriptions};
use crate::tokens::TokenBook;

pub use change::{
    BatchOfChange, ChangeRow, CheckOfChange, LinkedChange, Membership, TargetOfChange,
};
pub use incident::IncidentRow;
pub use item::{AliasOfItem, Item, ItemField, Observation, Remembered};
pub use relation::Relation;
pub(crate) use relation::Rows;
pub use resolve::Resolution;
pub use stated::StatedItem;

/// What people say of checks, by change and check.
pub(crate) type CheckJudgements =
    BTreeMap<ChangeId, BTreeMap<CheckIdentity, Stamped<CheckVerdict>>>;

/// How risky sources hold changes, by change and source.
pub(crate) type RiskScores = BTreeMap<ChangeId, BTreeMap<String, Stamped<RiskScore>>>;

/// The estate at one position.
#[derive(Clone, Debug, Default)]
pub struct GraphView {
    pub(crate) position: LogPosition,
    pub(crate) recorded_at: Option<Timestamp>,
    pub(crate) identity: Identity,
    pub(crate) facts: CowVec<ItemFacts, 32>,
    pub(crate) relations: Relations,
    pub(crate) lists: CowVec<Option<Box<Lists>>, 64>,
    pub(crate) changes: Changes,
    pub(crate) incidents: Incidents,
    pub(crate) judgements: Arc<BTreeMap<(ChangeId, IncidentId), Stamped<Verdict>>>,
    pub(crate) judged_pairs: Arc<JudgedPairs>,
    pub(crate) check_judgements: Arc<CheckJudgements>,
    pub(crate) risk_scores: Arc<RiskScores>,
    pub(crate) sources: Arc<BTreeMap<String, SourceRow>>,
    pub(crate) gaps: Arc<BTreeSet<GapRow>>,
    pub(crate) kinds: Arc<KindBook>,
    pub(crate) groups: Arc<Groups>,
    pub(crate) subscriptions: Arc<Subscriptions>,
    pub(crate) tokens: Arc<TokenBook>,
    pub(crate) calendar: Arc<CalendarBook>,
    pub(crate) risk_rules: Arc<RiskRules>,
    pub(crate) retractions: Retractions,
    /// Which retractions it was folded with from the start, and what was put away or brought back: views with
    /// the same one number names alike.
    pub(crate) numbering: u64,
    /// Whether it was folded before what is retracted now was known.
    pub(crate) outdated: bool,
    pub(crate) quarantined: u64,
    /// Words of a past moment; in answers only, never in what is folded.
    pub(crate) words_then: Option<Arc<then::WordsThen>>,
    pub(crate) shelves: Shelves,
    pub(crate) archive: Archive,
}

impl GraphView {
    /// The last position it holds.
    pub fn position(&self) -> LogPosition {
        self.position
    }

    /// When the log took the last event it holds.
    pub fn recorded_at(&self) -> Option<Timestamp> {
        self.recorded_at
    }

    /// The item with an id, present or former.
    pub fn item(&self, id: CiId) -> Option<Item<'_>> {
        let mention = self.identity.find_id(id)?;
        Some(self.item_at(self.identity.item_of(mention)))
    }

    /// Every item, in no particular order of meaning but always the same one.
    pub fn items(&self) -> impl Iterator<Item = Item<'_>> {
        let numbered = (0_u32..).zip(self.identity.items.iter());
        numbered
            .filter(|(_, row)| !row.members.is_empty())
            .map(|(number, _)| self.item_at(ItemIx(number)))
    }

    /// The relation between two items by kind, whenever it held.
    pub fn relation(&self, dependent: CiId, provider: CiId, kind: &str) -> Option<Relation<'_>> {
        Relation::between(self.item(dependent)?, self.item(provider)?, kind)
    }

    /// How much of what is said of a platform's changes is noise.
    pub fn noise(&self, platform: &str) -> Noise {
        let source = self.identity.words.find(platform);
        source.map_or_else(Noise::default, |source| self.changes.noise.of(source))
    }

    /// The incident with an id.
    pub fn incident(&self, id: IncidentId) -> Option<IncidentRow<'_>> {
        self.incidents
            .find(id)
            .map(|incident| IncidentRow::new(self, incident))
    }

    /// Every incident, the newest first.
    pub fn incidents(&self) -> Vec<IncidentRow<'_>> {
        let mut incidents: Vec<IncidentRow<'_>> = self.incidents_unsorted().collect();
        let order = |it: &IncidentRow<'_>| (std::cmp::Reverse(it.started_at()), it.id());
        incidents.sort_by_cached_key(order);
        incidents
    }

    /// Every incident, in no particular order of meaning but always the same one.
    pub fn incidents_unsorted(&self) -> impl Iterator<Item = IncidentRow<'_>> {
        let count = u32::try_from(self.incidents.rows.len()).unwrap_or(u32::MAX);
        let numbers = (0..count).map(crate::incidents::IncidentIx);
        numbers.map(|incident| IncidentRow::new(self, incident))
    }

    /// What was judged of a change in an incident.
    pub fn verdict(&self, change: ChangeId, incident: IncidentId) -> Option<Verdict> {
        self.judgements
            .get(&(change, incident))
            .and_then(|verdict| verdict.get().copied())
    }

    /// Every judgement, by change and incident.
    pub fn verdicts(&self) -> impl Iterator<Item = (ChangeId, IncidentId, Verdict)> {
        let said = self.judgements.iter();
        said.filter_map(|((change, incident), verdict)| Some((*change, *incident, *verdict.get()?)))
    }

    /// Contradictions and open questions met while folding.
    pub fn anomalies(&self) -> Vec<Anomaly> {
        anomalies::anomalies(self)
    }

    /// Every source by name.
    pub fn sources(&self) -> &BTreeMap<String, SourceRow> {
        &self.sources
    }

    /// Whom it does not believe.
    pub fn retractions(&self) -> &Retractions {
        &self.retractions
    }

    /// Whether a retraction, or its taking back, is not in effect yet: it is being folded anew.
    pub fn is_outdated(&self) -> bool {
        self.outdated
    }

    /// Observations known to be missing.
    pub fn gaps(&self) -> impl Iterator<Item = &GapRow> {
        self.gaps.iter()
    }

    /// Relations that break the definition of their kind at a moment.
    pub fn broken_relation_kinds(&self, at: Timestamp) -> Vec<Anomaly> {
        crate::crowding::breaches(self, at)
    }

    /// What changes of the last thirty days before a moment lack of what their levels and scenes ask for.
    /// Of more than `changes_max` the newest are looked at, and that is told.
    pub fn open_changes(&self, at: Timestamp, changes_max: usize) -> Vec<Anomaly> {
        crate::change_questions::of_view(self, at, changes_max)
    }

    /// How many relations of a kind there are at a moment, and what of them breaks a definition of it.
    pub fn check_relation_kind(
        &self,
        defined: &RelationKindDefined,
        at: Timestamp,
    ) -> (usize, Vec<Anomaly>) {
        crate::crowding::check_one(self, defined, at)
    }

    /// The kinds of all items with their number; `unknown` where only names in other schemes are known.
    pub fn kinds_seen(&self) -> BTreeMap<&str, usize> {
        let mut seen = BTreeMap::new();
        for item in self.items() {
            *seen.entry(item.kind()).or_default() += 1;
        }
        seen
    }

    /// The group of a name, as it was defined last.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    /// The rules of the calendar as they were declared by a moment, in order of name.
    pub fn calendar_rules(
        &self,
        at: Timestamp,
    ) -> impl Iterator<Item = Declared<'_, CalendarRuleDeclared>> {
        self.calendar.rules_at(at)
    }

    /// The rules of one's own for how risky changes are, as they were declared by a moment, in order of name.
    pub fn risk_rules(
        &self,
        at: Timestamp,
    ) -> impl Iterator<Item = Declared<'_, RiskRuleDeclared>> {
        self.risk_rules.at(at)
    }

    /// The exemptions as they were granted by a moment, in order of name.
    pub fn exemptions(&self, at: Timestamp) -> impl Iterator<Item = Exemption<'_>> {
        self.calendar.exemptions_at(at)
    }

    /// Every group, in order of name.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter()
    }

    /// Who wants to hear of what, in order of id; those that were withdrawn are not among them.
    pub fn subscriptions(&self) -> impl Iterator<Item = &Subscription> {
        self.subscriptions.iter()
    }

    /// The subscription of an id, unless it was withdrawn.
    pub fn subscription(&self, id: &str) -> Option<&Subscription> {
        self.subscriptions.get(id)
    }

    /// Changes whenever a subscription does.
    pub fn subscriptions_said(&self) -> u64 {
        self.subscriptions.said()
    }

    /// Every token that was ever made.
    pub fn tokens(&self) -> &TokenBook {
        &self.tokens
    }

    /// Every version of every definition of a kind.
    pub fn kinds(&self) -> &Arc<KindBook> {
        &self.kinds
    }

    /// How many inputs were put aside.
    pub fn quarantined(&self) -> u64 {
        self.quarantined
    }

    pub(crate) fn item_at(&self, item: ItemIx) -> Item<'_> {
        Item::new(self, item)
    }
}
