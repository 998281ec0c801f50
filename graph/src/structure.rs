//! How the estate is built: what is contained in what, who answers, and what is amiss with it.
//!
//! Every question is a function over a view with explicit limits. Nothing here changes anything.

mod attributes;
mod climb;
mod criticality;
mod cycles;
mod dependencies;
mod drift;
mod environments;
mod filter;
mod fold;
mod grouping;
mod infrastructure;
mod inversions;
mod neighbours;
mod order;
mod quality;
mod responsible;
mod retirement;
mod selection;

pub use attributes::{AttributeStatement, AttributeTable};
pub use climb::{
    CONTAINMENT, Climb, ClimbLimits, PLACEMENT, Reached, Rule, contained_in, contents, placement,
};
pub use criticality::Criticality;
pub use cycles::{CycleLimits, DependencyCycle, DependencyCycles, dependency_cycles};
pub use dependencies::DEPENDENCIES;
pub use drift::{Drift, DriftFilter, DriftKind, Drifts, drift};
pub(crate) use environments::Inside;
pub use filter::ItemCriteria;
pub(crate) use fold::folded;
pub use grouping::{GroupBy, ItemGroup, ItemGroups, grouped};
pub use infrastructure::{
    SharedBy, SharedInfrastructure, SharedLimits, SharedProvider, shared_infrastructure,
};
pub use inversions::{Inversion, InversionLimits, Inversions, priority_inversions};
pub use neighbours::{NeighbourLimits, Neighbourhood, Towards, neighbours};
pub use order::{ItemOrder, OrderBy};
pub use quality::{
    DataQuality, QUALITY_ISSUES, QualityFinding, QualityIssue, QualityLimits, data_quality,
};
pub use responsible::{Responsible, owner_of, responsible};
pub use retirement::{
    RetirementCheck, RetirementLimits, RetirementReason, RetirementVerdict, retirement_check,
};
pub use selection::{Cut, Selection, SelectionPage};
