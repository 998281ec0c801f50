//! The signals of the ranking: what each measures and how it is said. The weights stand in [`super::weights`].

use std::collections::{BTreeMap, BTreeSet};

use model::{ChangeStatus, Verdict};
use smallvec::SmallVec;

use super::candidates::Candidates;
use super::effect::{Ages, minutes};
use super::priors::Priors;
use super::reason;
use super::symptoms::{Family, Symptom, Symptoms};
use super::walk::Walk;
use super::words::{Held, Wanted};
use super::{Judgements, Scene};
use crate::changes::{ChangeIx, Row};
use crate::identity::ItemIx;
use crate::path::Contribution;
use crate::view::ChangeRow;

/// What speaks for or against a change. The names are part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Signal {
    Nearness,
    Recency,
    SameMeasure,
    OtherMeasure,
    Words,
    SingleMachine,
    TakesBack,
    TakenBack,
    OtherEnvironment,
    CauseBefore,
    NeverBegan,
    BeganAfter,
    Judged,
}

/// One part of a score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) signal: Signal,
    /// What was measured.
    pub(super) value: f64,
    /// What it adds.
    pub(super) adds: f64,
}

/// A change with the parts of its score.
#[derive(Clone, Debug)]
pub(super) struct Suspect {
    pub(super) change: ChangeIx,
    pub(super) score: f64,
    pub(super) parts: SmallVec<[Part; 6]>,
    /// The touched item that the walk reaches most.
    pub(super) nearest: Option<ItemIx>,
    pub(super) held: Held,
    pub(super) same: Option<(ItemIx, Symptom)>,
    pub(super) other: Option<(ItemIx, Symptom)>,
}

/// Every candidate, weighed.
pub(super) struct Suspects<'v> {
    scene: &'v Scene<'v>,
    pub(super) wanted: Wanted,
    all: Vec<Suspect>,
}

/// What taking back says about the candidates.
#[derive(Default)]
struct TakenBack {
    taking: BTreeSet<ChangeIx>,
    taken: BTreeSet<ChangeIx>,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Nearness => "nearness",
            Self::Recency => "recency",
            Self::SameMeasure => "same_measure",
            Self::OtherMeasure => "other_measure",
            Self::Words => "words",
            Self::SingleMachine => "single_machine",
            Self::TakesBack => "takes_back",
            Self::TakenBack => "taken_back",
            Self::OtherEnvironment => "other_environment",
            Self::CauseBefore => "cause_before",
            Self::NeverBegan => "never_began",
            Self::BeganAfter => "began_after",
            Self::Judged => "judged",
        }
    }
}

impl Part {
    /// A part, rounded so that neither the order of adding nor the machine can move a rank.
    fn new(signal: Signal, value: f64, adds: f64) -> Self {
        Self {
            signal,
            value: rounded(value),
            adds: rounded(adds),
        }
    }
}

fn rounded(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

impl<'v> Suspects<'v> {
    /// Weighs every candidate.
    pub(super) fn weigh(scene: &'v Scene<'v>, walk: &Walk, candidates: &Candidates) -> Self {
        let view = scene.view;
        let names = scene.affected.iter().map(|item| view.item_at(*item));
        let names = names
            .flat_map(|item| [Some(item.name()), item.display_name()])
            .flatten();
        let mut wanted = Wanted::new(names.chain([scene.symptom.as_str()]));
        let mut buffer = String::new();
        let rows = candidates
            .changes
            .iter()
            .map(|change| (*change, view.changes.row(*change)));
        let read: Vec<(ChangeIx, &Row, Held)> = rows
            .map(|(change, row)| (change, row, wanted.read(title(row), &mut buffer)))
            .collect();
        let taken_back = TakenBack::among(scene, &read);
        let mut symptoms = Symptoms::new(view, &scene.weights, scene.began, scene.at);
        let mut priors = Priors::before(scene);
        let families = Family::in_text(&scene.symptom);
        let weighing = Weighing {
            scene,
            environments: environments(scene),
            walk,
            wanted: &wanted,
            taken_back: &taken_back,
            families: &families,
        };
        let all = read
            .into_iter()
            .map(|(change, row, held)| {
                weighing.weigh(change, row, held, &mut symptoms, &mut priors)
            })
            .collect();
        Self { scene, wanted, all }
    }

    /// The most suspect ones. Equal scores fall by start, then by id, so the order is total.
    pub(super) fn best(&self, first: usize) -> Vec<&Suspect> {
        let view = self.scene.view;
        let start = |suspect: &Suspect| view.changes.row(suspect.change).start();
        let id = |suspect: &Suspect| ChangeRow::new(view, suspect.change).id();
        let order = |one: &&Suspect, other: &&Suspect| {
            let by_score = other.score.total_cmp(&one.score);
            let by_start = by_score.then_with(|| start(other).cmp(&start(one)));
            by_start.then_with(|| id(one).cmp(&id(other)))
        };
        let mut best: Vec<&Suspect> = self.all.iter().collect();
        if first < best.len() {
            best.select_nth_unstable_by(first, order);
            best.truncate(first);
        }
        best.sort_unstable_by(order);
        best
    }

    /// Every one of them.
    pub(super) fn all(&self) -> &[Suspect] {
        &self.all
    }

    /// The changes they are.
    pub(super) fn changes(&self) -> impl Iterator<Item = ChangeIx> + Clone {
        self.all.iter().map(|suspect| suspect.change)
    }

    pub(super) fn change(&self, suspect: &Suspect) -> ChangeRow<'v> {
        ChangeRow::new(self.scene.view, suspect.change)
    }

    /// A part of a score with its words.
    pub(super) fn contribution(&self, suspect: &Suspect, part: Part) -> Contribution {
        Contribution {
            signal: part.signal.name().to_owned(),
            value: Some(part.value),
            contribution: part.adds,
            explanation: reason::explanation(self.scene, self, suspect, part),
        }
    }
}

/// What is needed to weigh one change.
struct Weighing<'s> {
    scene: &'s Scene<'s>,
    /// Where the symptom is, as far as anybody says.
    environments: Vec<&'s str>,
    walk: &'s Walk,
    wanted: &'s Wanted,
    taken_back: &'s TakenBack,
    families: &'s [Family],
}

impl Weighing<'_> {
    fn weigh(
        &self,
        change: ChangeIx,
        row: &Row,
        held: Held,
        symptoms: &mut Symptoms<'_>,
        priors: &mut Priors<'_>,
    ) -> Suspect {
        let touched = ChangeRow::new(self.scene.view, change).items();
        let touched: SmallVec<[ItemIx; 4]> = touched.into_iter().map(|item| item.item).collect();
        let mut suspect = Suspect {
            change,
            score: 0.0,
            parts: SmallVec::new(),
            nearest: None,
            held,
            same: None,
            other: None,
        };
        self.place_and_time(row, &touched, &mut suspect);
        self.measures(row, &touched, symptoms, &mut suspect);
        let told = self.wanted.tell(held);
        if 0.0 < told {
            suspect.parts.push(Part::new(
                Signal::Words,
                told,
                self.scene.weights.words * told.ln_1p(),
            ));
        }
        let before = priors.incidents(change, &touched);
        if 0 < before {
            let adds = self.scene.weights.cause_before * float(before).ln_1p();
            suspect
                .parts
                .push(Part::new(Signal::CauseBefore, float(before), adds));
        }
        self.state(change, row, &mut suspect);
        suspect.score = suspect.parts.iter().map(|part| part.adds).sum();
        suspect
    }

    fn place_and_time(&self, row: &Row, touched: &[ItemIx], suspect: &mut Suspect) {
        let shares = touched.iter().map(|item| (self.walk.share(*item), *item));
        let nearest =
            shares.max_by(|one, other| one.0.total_cmp(&other.0).then(other.1.cmp(&one.1)));
        let share = nearest.map_or(0.0, |(share, _)| share);
        suspect.nearest = nearest
            .filter(|(share, _)| 0.0 < *share)
            .map(|(_, item)| item);
        let near = self.scene.weights.nearness * (share / self.scene.weights.near_floor).ln_1p();
        suspect.parts.push(Part::new(Signal::Nearness, share, near));
        let ages = Ages::of(row, self.scene.began, &self.scene.weights);
        let zero = self.scene.weights.recency_zero_minutes;
        let nothing = Ages {
            newest: zero,
            oldest: zero,
        };
        let recent = ages.suspicion(&self.scene.weights) - nothing.suspicion(&self.scene.weights);
        suspect
            .parts
            .push(Part::new(Signal::Recency, ages.newest, recent));
        let after = minutes(row.start(), self.scene.began);
        if self.scene.weights.clock_slack_minutes < after {
            suspect.parts.push(Part::new(
                Signal::BeganAfter,
                after,
                self.scene.weights.began_after,
            ));
        }
    }

    /// Deviations on what it touched, as far as they went on after it began.
    fn measures(
        &self,
        row: &Row,
        touched: &[ItemIx],
        symptoms: &mut Symptoms<'_>,
        suspect: &mut Suspect,
    ) {
        let families = self.families;
        let same = |family: Family| families.contains(&family);
        let other = |family: Family| !families.contains(&family) && family != Family::Traffic;
        let start = row.start();
        for item in touched {
            keep_greater(
                &mut suspect.same,
                *item,
                symptoms.greatest(*item, start, same),
            );
            keep_greater(
                &mut suspect.other,
                *item,
                symptoms.greatest(*item, start, other),
            );
        }
        let found = [
            (
                Signal::SameMeasure,
                &suspect.same,
                self.scene.weights.same_measure,
            ),
            (
                Signal::OtherMeasure,
                &suspect.other,
                self.scene.weights.other_measure,
            ),
        ];
        for (signal, symptom, weight) in found {
            if let Some((_, symptom)) = symptom {
                suspect.parts.push(Part::new(
                    signal,
                    symptom.size,
                    weight * symptom.size.ln_1p(),
                ));
            }
        }
    }

    /// What its kind, environment and place in life say.
    fn state(&self, change: ChangeIx, row: &Row, suspect: &mut Suspect) {
        let view = self.scene.view;
        let handle = ChangeRow::new(view, change);
        let mut note = |holds: bool, signal: Signal, adds: f64| {
            if holds {
                suspect.parts.push(Part::new(signal, 1.0, adds));
            }
        };
        let single = handle
            .kind()
            .is_some_and(|kind| SINGLE_MACHINE_KINDS.contains(&kind));
        note(
            single,
            Signal::SingleMachine,
            self.scene.weights.single_machine,
        );
        note(
            self.elsewhere(handle),
            Signal::OtherEnvironment,
            self.scene.weights.other_environment,
        );
        note(
            self.taken_back.taking.contains(&change),
            Signal::TakesBack,
            self.scene.weights.takes_back,
        );
        note(
            self.was_taken_back(change, row),
            Signal::TakenBack,
            self.scene.weights.taken_back,
        );
        let status = row.status();
        let never_began = status.is_ahead() || status.came_to_nothing();
        note(
            never_began,
            Signal::NeverBegan,
            self.scene.weights.never_began,
        );
        // The cause of one of the incidents is a cause, whatever was said of the others.
        let judged = |wanted: Verdict| {
            let counts = self.scene.judgements == Judgements::Count;
            let mut incidents = self.scene.incidents.iter();
            counts && incidents.any(|incident| view.verdict(handle.id(), *incident) == Some(wanted))
        };
        let is_cause = judged(Verdict::Cause);
        note(is_cause, Signal::Judged, self.scene.weights.judged);
        let is_not = !is_cause && judged(Verdict::NotCause);
        note(is_not, Signal::Judged, -self.scene.weights.judged);
    }

    /// Whether it takes effect where the symptom is not.
    fn elsewhere(&self, change: ChangeRow<'_>) -> bool {
        let Some(environment) = change.environment() else {
            return false;
        };
        let known = &self.environments;
        let usual = USUAL_ENVIRONMENTS.contains(&environment) || self.wanted.names(environment);
        if known.is_empty() {
            !usual
        } else {
            !known.contains(&environment)
        }
    }

    fn was_taken_back(&self, change: ChangeIx, row: &Row) -> bool {
        let rolled_back = row.stated_status().is_some_and(|(status, said_at)| {
            status == ChangeStatus::RolledBack && said_at <= self.scene.began
        });
        rolled_back || self.taken_back.taken.contains(&change)
    }
}

/// Where the symptom is: as the incident says, else where the affected items are.
fn environments<'s>(scene: &'s Scene<'s>) -> Vec<&'s str> {
    if !scene.environments.is_empty() {
        return scene.environments.clone();
    }
    let affected = scene.affected.iter();
    let of_items = affected.filter_map(|item| scene.view.item_at(*item).environment());
    of_items.collect()
}

/// Kinds of changes that touch one machine of several.
const SINGLE_MACHINE_KINDS: [&str; 4] = ["host", "server", "machine", "node"];

/// Where incidents are when nobody says where.
const USUAL_ENVIRONMENTS: [&str; 4] = ["production", "prod", "prd", "live"];

#[expect(clippy::cast_precision_loss, reason = "a number of incidents")]
fn float(count: usize) -> f64 {
    count as f64
}

fn keep_greater(kept: &mut Option<(ItemIx, Symptom)>, item: ItemIx, found: Option<&Symptom>) {
    let Some(found) = found else { return };
    if kept
        .as_ref()
        .is_none_or(|(_, symptom)| symptom.size < found.size)
    {
        *kept = Some((item, found.clone()));
    }
}

fn title(row: &Row) -> &str {
    row.title().unwrap_or_default()
}

/// The title that a title says it takes back, as `Revert "..."` and `revert: ...` do.
fn title_taken_back(title: &str) -> Option<&str> {
    let (first, rest) = title.trim().split_at_checked("revert".len())?;
    let takes_back =
        first.eq_ignore_ascii_case("revert") && !rest.starts_with(char::is_alphanumeric);
    takes_back
        .then(|| rest.trim_matches(|sign: char| sign == '"' || sign == ':' || sign.is_whitespace()))
}

impl TakenBack {
    /// Reads links and titles of changes that began before the symptom.
    fn among(scene: &Scene<'_>, read: &[(ChangeIx, &Row, Held)]) -> Self {
        let words = &scene.view.identity.words;
        let mut found = Self::default();
        let mut titles: BTreeMap<String, ChangeIx> = BTreeMap::new();
        for (change, row, _) in read.iter().filter(|(_, row, _)| row.start() <= scene.began) {
            if let Some(title) = title_taken_back(title(row)) {
                found.taking.insert(*change);
                titles.insert(title.to_lowercase(), *change);
            }
            let links = row.links();
            for link in links.filter(|link| words.text(link.kind) == "rollback_of") {
                found.taking.insert(*change);
                found.taken.extend(scene.view.changes.find(link.id(words)));
            }
        }
        let by_title = read.iter().filter(|(_, row, _)| {
            let taking = if titles.is_empty() {
                None
            } else {
                titles.get(&title(row).to_lowercase())
            };
            taking.is_some_and(|taking| row.start() <= scene.view.changes.row(*taking).start())
        });
        found.taken.extend(by_title.map(|(change, _, _)| *change));
        found
    }
}
