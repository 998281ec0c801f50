//! Which relations are needs of one running thing for another, rather than of order or of place.

use crate::intern::WordIx;
use crate::view::GraphView;

use super::climb::CONTAINMENT;

/// Kinds by which one thing at work needs another at work: what circles are looked for in, and
/// what traces and flows can show. Names and configuration are needed too, but traces seldom show it.
pub const DEPENDENCIES: [&str; 9] = [
    "calls",
    "queries",
    "reads_from",
    "writes_to",
    "uses",
    "depends_on",
    "consumes_from",
    "publishes_to",
    "routes_to",
];

/// The numbers of these kinds in a view.
pub(crate) fn dependency_kinds(view: &GraphView) -> Vec<WordIx> {
    let words = &view.identity.words;
    let known = DEPENDENCIES.iter().filter_map(|kind| words.find(kind));
    known.collect()
}

/// The numbers of the kinds that say only what is contained in what.
pub(crate) fn containment_kinds(view: &GraphView) -> Vec<WordIx> {
    let words = &view.identity.words;
    let known = CONTAINMENT.iter().filter_map(|rule| words.find(rule.kind));
    known.collect()
}
