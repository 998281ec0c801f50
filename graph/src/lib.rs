//! Read models and the questions they answer: pure folds of the log. No I/O, no waiting, no clock.

mod anomalies;
mod answer_quality;
mod archive;
mod blast;
mod calendar;
mod change_book;
mod change_questions;
mod changes;
mod coverage;
mod cow;
mod crowding;
mod declarations;
mod describe;
mod deviations;
mod diff;
mod estate;
mod facts;
mod folding;
mod freshness;
mod groups;
mod history;
mod identity;
mod incident_groups;
mod incidents;
mod intern;
mod kinds;
mod listings;
mod measures;
mod mention;
mod merged;
mod nearby;
mod path;
mod projection;
mod quorum;
mod refit;
mod relations;
mod retractions;
mod risk;
mod saved;
mod shelves;
mod sight;
mod similar;
mod sources;
mod stamped;
mod structure;
mod subscriptions;
mod table;
mod timeline;
mod tokens;
mod topology;
mod validity;
mod versions;
mod view;

pub use anomalies::Anomaly;
pub use answer_quality::{
    CalibrationBucket, Estimate, JudgedIncident, JudgedIncidents, MeanEstimate, RankedIncident,
    RankingGroup, RankingQuality, RankingSums, RiskCalibration, RiskQuality, RiskQualityLimits,
    rank_of_cause, ranking_quality, risk_quality,
};
pub use archive::{Asked, MemoryPages, PageError, Pages, PuttingAway, SealedPage};
pub use blast::{
    BlastLimits, BlastRadius, INTERCHANGEABLE, Impact, ImpactComparison, PROPAGATION,
    PROPAGATION_VERSION, Propagation, Redundancy, Sharing, TeamImpact, blast_radius,
    compare_impact,
};
pub use calendar::{
    AskedChange, Conflict, ConflictKind, ConflictLimits, Conflicts, Exemption, Finding,
    IncidentLimits, IncidentNear, IncidentPlace, IncidentsNear, MayChange, MayLimits, Outcome,
    conflicts, incidents_near, may_change,
};
pub use change_book::ChangeBook;
pub use changes::{
    ChangeConditions, ChangeGroup, ChangeGroupBy, ChangeGrouping, ChangeGroups, ChangeList,
    ChangeNumber, ChangeOrder, ChangeOrderBy, ChangePage, ChangePageWanted, ChangePlace,
    ChangeScope, ChangeSelection, ChangeSet, Noise, ReachedItems, Touched, items_around,
    items_inside, score_of,
};
pub use coverage::{Coverage, coverage, coverage_around};
pub use crowding::{Crowding, crowding};
pub use declarations::Declared;
pub use deviations::DeviationRow;
pub use diff::{Diff, DiffLimits, DiffScope, Difference, Differs, State, ValueDifference, diff};
pub use estate::{Estate, LayoutAside, LayoutMade};
pub use folding::{FoldReason, FoldedChange, Folds, fold_changes};
pub use freshness::Freshness;
pub use groups::Group;
pub use history::{
    HistoryOfItem, ItemAttribute, ItemStatement, Precedence, StatedValue, ValueChange, Wanted,
    attributes_at, history,
};
pub use identity::decision_id;
pub use incident_groups::{
    GROUPING, GROUPING_VERSION, GroupComponent, GroupLevel, GroupLimit, GroupMember, GroupNumber,
    Grouping, GroupsAsked, IncidentGroup, IncidentGroups, LEVEL_UNSTATED, MemberReason,
};
pub use kinds::{KindBook, is_built_in_kind, is_built_in_relation_kind};
pub use measures::{
    ChangeMeasures, CheckMeasures, MeasureBy, MeasureGroup, MeasureQuestion, Measures, Share,
    change_measures,
};
pub use mention::claim_of;
pub use merged::{Statement, merge_change, merge_incident};
pub use nearby::{
    Judgements, MODEL_VERSION, NearbyChange, NearbyChanges, NearbyLimits, NearbyQuestion,
    RankingModel, WEIGHTS, Weights, changes_nearby,
};
pub use path::{Contribution, PathStep};
pub use projection::Projection;
pub use quorum::Quorum;
pub use refit::{
    FITTED, FITTED_COUNT, Fitted, FittedWeight, LeaveOut, OutOfFold, Ranked, RefitCandidate,
    RefitCase, RefitScore, Reliability, fit, fitted_of, out_of_fold, paired, plain, reliability,
    with_fitted,
};
pub use relations::CallCounts;
pub use retractions::Retractions;
pub use risk::{
    AssessedChange, CountedRule, KnownFact, LevelCount, RISK, RISK_VERSION, Risk, RiskAssessment,
    RiskFacts, RiskLimits, RiskScore, RiskSimulation, SimulatedChange, SimulatedRules,
    SimulationLimits, assess_change, simulate_risk,
};
pub use saved::RestoreError;
pub use sight::{Eyes, SeenChanges};
pub use similar::{
    SIMILARITY, SIMILARITY_VERSION, SimilarIncident, SimilarIncidents, SimilarLimits, Similarity,
    similar_incidents,
};
pub use sources::{GapRow, SourceRow};
pub use stamped::tie_of;
pub use structure::{
    AttributeStatement, AttributeTable, CONTAINMENT, Climb, ClimbLimits, Criticality, Cut,
    CycleLimits, DEPENDENCIES, DataQuality, DependencyCycle, DependencyCycles, Drift, DriftFilter,
    DriftKind, Drifts, GroupBy, Inversion, InversionLimits, Inversions, ItemCriteria, ItemGroup,
    ItemGroups, ItemOrder, NeighbourLimits, Neighbourhood, OrderBy, PLACEMENT, QUALITY_ISSUES,
    QualityFinding, QualityIssue, QualityLimits, Reached, Responsible, RetirementCheck,
    RetirementLimits, RetirementReason, RetirementVerdict, Rule, Selection, SelectionPage,
    SharedBy, SharedInfrastructure, SharedLimits, SharedProvider, Towards, contained_in, contents,
    data_quality, dependency_cycles, drift, grouped, neighbours, owner_of, placement,
    priority_inversions, responsible, retirement_check, shared_infrastructure,
};
pub use subscriptions::{Nearness, Subscription, Telling};
pub use timeline::{
    Happened, Timeline, TimelineEntry, TimelineLimits, TimelineQuestion, TimelineSubject, timeline,
};
pub use tokens::{Token, TokenBook};
pub use versions::Version;
pub use view::{
    AliasOfItem, BatchOfChange, ChangeRow, CheckOfChange, GraphView, IncidentRow, Item, ItemField,
    LinkedChange, Membership, Observation, Relation, Remembered, Resolution, StatedItem,
    TargetOfChange,
};
