//! What each route is for. A route that is not here is for nobody.

use std::collections::BTreeMap;

use model::Scope;

/// Who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Everybody: there is nothing of the estate behind it.
    Open,
    /// Whoever has this scope.
    For(Scope),
    /// It asks by itself: GraphQL by field, the intake by sender.
    Asks,
}

/// Where GraphQL is spoken.
pub(super) const GRAPHQL: &str = "/graphql";

/// The routes that are not the intake's.
const DOORS: [(&str, Door); 14] = [
    // The page is the same for everybody. What it shows, it asks for.
    ("/", Door::Open),
    ("/assets/{*path}", Door::Open),
    ("/healthz", Door::Open),
    ("/readyz", Door::Open),
    ("/ingest/events/schema.json", Door::Open),
    ("/metrics", Door::For(Scope::Read)),
    ("/calendar.ics", Door::For(Scope::Read)),
    (GRAPHQL, Door::Asks),
    ("/ingest/listing", Door::For(Scope::Ingest)),
    ("/v1/traces", Door::For(Scope::Ingest)),
    ("/v1/logs", Door::For(Scope::Ingest)),
    ("/api/v2/spans", Door::For(Scope::Ingest)),
    ("/api/traces", Door::For(Scope::Ingest)),
    ("/ingest/jaeger", Door::For(Scope::Ingest)),
];

/// Every route with its door.
pub(crate) fn doors() -> BTreeMap<String, Door> {
    let own = DOORS.into_iter();
    let own = own.map(|(path, door)| (path.to_owned(), door));
    let taking = ingest::paths().map(|path| (path, Door::Asks));
    own.chain(taking).collect()
}
