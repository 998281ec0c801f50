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

const group = `# Which incidents are one with this one, the lowest component first, and why?
query IncidentGroup($incident: ID!) {
  incident(id: $incident) {
    title
    group {
      title
      level
      levelReason
      memberCount
      openCount
      components(first: 3) { item { key owner } explains alerts }
      members(first: 20) { nodes { incident { id title status startedAt items { key } } reasons { sentence saidBy } } }
      adjoining { limit incident { id title } }
    }
  }
}
`;

const groups = `# Which incidents are one, the newest first, and why?
query IncidentGroups {
  incidentGroups(membersMin: 2, first: 10) {
    totalCount
    nodes {
      title
      level
      memberCount
      openCount
      startedAt
      components(first: 3) { item { key owner } explains alerts }
      members(first: 5) { nodes { incident { id title status } reasons { sentence saidBy } } }
    }
  }
}
`;

const radius = `# What else is hit, and whom do I call?
query BlastRadius($items: [String!]) {
  blastRadius(items: $items, first: 20) {
    total
    truncated
    teams { team items hops score }
    impacts { hops score reason redundancy { members touched needed } item { key owner criticality } }
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
  const one = incident ? tab(group, { incident }) : tab(groups);
  return [tab(nearby, affected), tab(incidents), one, tab(radius, { items: keys }), tab(items), tab(live, { fromPosition: "0" })];
}
