// The questions the page opens with, one to a tab.
//
// `?incident=ID` or `?item=KEY` in the address asks about that one.

const nearby = `# What changed nearby? The most suspect changes around affected items, the best first.
query WhatChangedNearby($incident: ID, $items: [String!]) {
  changesNearby(incident: $incident, items: $items, first: 5) {
    at
    changes {
      rank
      score
      reason
      leadMs
      change { id title kind status startedAt operator targets { key } }
      path { from { key } to { key } againstArrow relation { kind freshness } }
      contributions { signal contribution explanation }
    }
    considered
    coverage { unknownItems itemsWithoutSource silentSources gaps }
    modelVersion
    position
  }
}
`;

const incidents = `# Which incidents are open? Take an id from here to the tab WhatChangedNearby.
query OpenIncidents {
  incidents(filter: { status: ["open", "acknowledged"] }, first: 20) {
    totalCount
    nodes { id title severity status startedAt items { key owner } }
  }
}
`;

const radius = `# What else is hit, and whom do I call?
query BlastRadius($items: [String!]) {
  blastRadius(items: $items, first: 20) {
    total
    truncated
    teams { team items hops score }
    impacts { hops score reason item { key owner criticality } }
  }
}
`;

const items = `# What is there, and what does it need?
query Items {
  items(first: 50) {
    totalCount
    nodes {
      key
      owner
      freshness
      dependsOn(first: 10) { nodes { kind freshness provider { key } } }
    }
  }
}
`;

const live = `# Every change as it happens. fromPosition "0" tells everything since the beginning.
subscription LiveChanges($fromPosition: LogPosition) {
  changes(fromPosition: $fromPosition) {
    position
    change { title kind status environment startedAt targets { key } }
  }
}
`;

/** The tabs, filled in from the page's address. */
export function readyQuestions(address) {
  const incident = address.get("incident");
  const item = address.get("item");
  const keys = item ? [item] : ["service:checkout"];
  const affected = incident ? { incident } : { items: keys };
  const tab = (query, variables) => ({ query, variables: variables && JSON.stringify(variables, null, 2) });
  return [tab(nearby, affected), tab(incidents), tab(radius, { items: keys }), tab(items), tab(live, { fromPosition: "0" })];
}
