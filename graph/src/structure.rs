//! How the estate is built: what is contained in what, who answers, and what is amiss with it.
//!
//! Every question is a function over a view with explicit limits. Nothing here changes anything.

mod attributes;
mod climb;
mod criticality;
mod environments;
mod filter;
mod fold;
mod grouping;
mod order;
mod responsible;

pub use attributes::{AttributeStatement, AttributeTable};
pub use climb::{
    CONTAINMENT, Climb, ClimbLimits, PLACEMENT, Reached, Rule, contained_in, contents, placement,
};
pub use criticality::Criticality;
pub use filter::ItemCriteria;
pub use grouping::{GroupBy, ItemGroup, ItemGroups, grouped};
pub use order::{ItemOrder, OrderBy};
pub use responsible::{Responsible, responsible};
