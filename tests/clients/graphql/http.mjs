// What a client can rely on over HTTP beyond the audits: the contract, the limits, the codes.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { start } from "../server.mjs";
import { ask, recordChange, send } from "./ask.mjs";

let server;
before(async () => { server = await start(); });
after(() => server.stop());

const codes = (answer) => (answer.errors ?? []).map((error) => error.extensions.code);

test("what was acknowledged is in the next answer", async () => {
  for (let n = 0; n < 50; n += 1) {
    const recorded = await recordChange(server, { source: "ci", sourceId: `read-${n}` });
    const { data, extensions } = await ask(server, "query($id: ID!) { change(id: $id) { sourceId } }", { id: recorded.node.id });
    assert.equal(data.change.sourceId, `read-${n}`);
    assert.ok(BigInt(extensions.position) >= BigInt(recorded.position));
  }
});

test("a repeat is a duplicate when equal, an update when not, a conflict under the same event id", async () => {
  const input = { source: "ci", sourceId: "repeat", title: "one" };
  const first = await recordChange(server, input);
  const again = await recordChange(server, input);
  assert.deepEqual([again.position, again.duplicate], [first.position, true]);
  const other = await recordChange(server, { ...input, title: "two" });
  assert.equal(other.duplicate, false);
  const { data } = await ask(server, "query($id: ID!) { change(id: $id) { title } }", { id: other.node.id });
  assert.equal(data.change.title, "two");
  await recordChange(server, { ...input, eventId: "e" });
  await assert.rejects(recordChange(server, { ...input, eventId: "e", title: "three" }), /CONFLICT/);
});

test("pages do not shift while changes come in", async () => {
  for (let n = 0; n < 7; n += 1) await recordChange(server, { source: "pages", sourceId: String(n), startedAt: `2026-01-0${n + 1}T00:00:00Z` });
  const query = `query($after: String) { changes(filter: { source: "pages" }, first: 3, after: $after) {
    nodes { sourceId } totalCount pageInfo { hasNextPage endCursor } } }`;
  const seen = [];
  let after = null;
  for (;;) {
    const { data } = await ask(server, query, { after });
    seen.push(...data.changes.nodes.map((node) => node.sourceId));
    if (!data.changes.pageInfo.hasNextPage) break;
    after = data.changes.pageInfo.endCursor;
    await recordChange(server, { source: "pages", sourceId: `new-${seen.length}`, startedAt: "2026-02-01T00:00:00Z" });
  }
  assert.deepEqual(seen, ["6", "5", "4", "3", "2", "1", "0"]);
  const { data } = await ask(server, `{ changes(filter: { source: "pages" }, last: 2) { nodes { sourceId } pageInfo { hasPreviousPage } } }`);
  assert.deepEqual(data.changes, { nodes: [{ sourceId: "1" }, { sourceId: "0" }], pageInfo: { hasPreviousPage: true } });
});

test("the past is answered as it was known", async () => {
  const first = await recordChange(server, { source: "past", sourceId: "1" });
  await recordChange(server, { source: "past", sourceId: "2" });
  const query = `query($at: LogPosition!) { changes(filter: { source: "past" }, asOf: { position: $at }) { position nodes { sourceId } } }`;
  const { data } = await ask(server, query, { at: first.position });
  assert.deepEqual(data.changes, { position: first.position, nodes: [{ sourceId: "1" }] });
  assert.deepEqual(codes(await ask(server, `{ changes(asOf: { position: "1", knownAt: "2026-01-01T00:00:00Z" }) { totalCount } }`)), ["BAD_INPUT"]);
  assert.deepEqual(codes(await ask(server, `{ changes(asOf: { position: "999999999" }) { totalCount } }`)), ["POSITION_UNKNOWN"]);
  assert.deepEqual(codes(await ask(server, `{ changes { totalCount } }`, {}, { "epicenter-min-position": "999999999" })), ["VIEW_BEHIND"]);
});

test("items, relations and a blast radius go the right way round", async () => {
  const relations = [["web", "api"], ["api", "db"]].map(([dependent, provider]) => ({ dependent: `service:${dependent}`, provider: `service:${provider}`, kind: "calls" }));
  const upsert = "mutation($input: UpsertRelationsInput!) { upsertRelations(input: $input) { accepted position } }";
  const { data: recorded, errors } = await ask(server, upsert, { input: { source: "cmdb", relations } });
  assert.equal(errors, undefined);
  assert.equal(recorded.upsertRelations.accepted, 2);
  const { data } = await ask(server, `{
    item(key: "service:api") { id dependsOn { nodes { provider { key } } } usedBy { totalCount nodes { dependent { key } freshness } } }
    nothing: item(key: "service:nothing") { id }
    blastRadius(items: ["service:db", "service:nothing"]) { total truncated impacts { hops score item { key } contributions { contribution } path { from { key } to { key } againstArrow relation { kind } } } } }`);
  assert.deepEqual(data.item.dependsOn.nodes, [{ provider: { key: "service:db" } }]);
  assert.deepEqual(data.item.usedBy.nodes[0].dependent, { key: "service:web" });
  assert.equal(data.nothing, null);
  assert.deepEqual(data.blastRadius.impacts.map((it) => [it.item.key, it.hops]), [["service:api", 1], ["service:web", 2]]);
  for (const impact of data.blastRadius.impacts) {
    const sum = impact.contributions.reduce((total, part) => total + part.contribution, 0);
    assert.ok(Math.abs(sum - impact.score) < 1e-9);
  }
  assert.deepEqual(codes(await ask(server, `{ blastRadius(items: ["service:nothing"]) { total } }`)), ["ITEM_NOT_FOUND"]);
  const { data: node } = await ask(server, "query($id: ID!) { node(id: $id) { id ... on ConfigurationItem { key } } }", { id: data.item.id });
  assert.equal(node.node.key, "service:api");
});

test("an incident leads to the change nearby", async () => {
  const at = new Date(Date.now() - 60_000).toISOString();
  await recordChange(server, { source: "cd", sourceId: "deploy-db", targets: ["service:db"], startedAt: at, kind: "deployment" });
  const open = "mutation($input: OpenIncidentInput!) { openIncident(input: $input) { node { id ... on Incident { items { key } } } } }";
  const { data: opened } = await ask(server, open, { input: { source: "pager", sourceId: "1", title: "web is down", items: ["service:web"] } });
  const question = `query($incident: ID!) { changesNearby(incident: $incident) { modelVersion coverage { unknownItems } changes { rank score reason leadMs change { sourceId } path { to { key } } contributions { contribution } } } }`;
  const { data } = await ask(server, question, { incident: opened.openIncident.node.id });
  const best = data.changesNearby.changes[0];
  assert.equal(best.change.sourceId, "deploy-db");
  assert.ok(Math.abs(best.contributions.reduce((total, part) => total + part.contribution, 0) - best.score) < 1e-9);
  const judge = `mutation($input: JudgeCauseInput!) { judgeCause(input: $input) { position } }`;
  const { data: changes } = await ask(server, `{ changes(filter: { source: "cd" }) { nodes { id } } }`);
  const judged = await ask(server, judge, { input: { incident: opened.openIncident.node.id, change: changes.changes.nodes[0].id, verdict: "CAUSE" } });
  assert.equal(judged.errors, undefined);
  const resolved = await ask(server, `mutation($id: ID!) { updateIncident(input: { incident: $id, status: RESOLVED }) { node { ... on Incident { status title } } } }`, { id: opened.openIncident.node.id });
  assert.deepEqual(resolved.data.updateIncident.node, { status: "resolved", title: "web is down" });
});

test("no secret of a mutation reaches an answer or the log", async () => {
  const recorded = await recordChange(server, { source: "ci", sourceId: "secret", title: "set password=hunter2hunter2 for db" });
  const { data } = await ask(server, "query($id: ID!) { change(id: $id) { title } }", { id: recorded.node.id });
  assert.ok(!data.change.title.includes("hunter2"), data.change.title);
});

test("what cannot be meant is refused before anything is written", async () => {
  const mutation = "mutation($input: UpsertItemsInput!) { upsertItems(input: $input) { position } }";
  const answer = await ask(server, mutation, { input: { source: "cmdb", items: [{ key: "service:good" }, { key: "service:bad", validFrom: "2026-02-01T00:00:00Z", validUntil: "2026-01-01T00:00:00Z" }] } });
  assert.deepEqual(codes(answer), ["BAD_INPUT"]);
  const { data } = await ask(server, `{ item(key: "service:good") { id } }`);
  assert.equal(data.item, null);
});

test("each limit refuses with its own code", async () => {
  const nested = (depth) => `{ item(key: "x") ${"{ dependsOn { nodes { provider ".repeat(depth)}{ id }${" } } }".repeat(depth)} }`;
  assert.deepEqual(codes(await ask(server, nested(12))), ["DEPTH_LIMIT"]);
  assert.deepEqual(codes(await ask(server, "{".repeat(60_000))), ["DEPTH_LIMIT"]);
  const aliases = Array.from({ length: 200 }, (_, n) => `a${n}: __typename`).join(" ");
  assert.deepEqual(codes(await ask(server, `{ ${aliases} }`)), ["ALIAS_LIMIT"]);
  const wide = `{ items(first: 500) { nodes { dependsOn(first: 500) { nodes { provider { usedBy(first: 500) { nodes { kind } } } } } } } }`;
  assert.deepEqual(codes(await ask(server, wide)), ["COST_LIMIT"]);
  const bomb = "{ ...a } " + "abcdefghij".split("").map((n, i, all) => `fragment ${n} on Query { ${all[i + 1] ? `...${all[i + 1]} `.repeat(8) : "__typename"} }`).join(" ");
  assert.deepEqual(codes(await ask(server, bomb)), ["COST_LIMIT"]);
  assert.deepEqual(codes(await ask(server, "{ changes(first: 1000) { totalCount } }")), ["BAD_INPUT"]);
  const large = await send(server, { body: { query: "{ __typename }", variables: { x: "x".repeat(5_000_000) } } });
  assert.deepEqual([large.status, codes(large.answer)], [413, ["REQUEST_TOO_LARGE"]]);
  const batch = await send(server, { body: [{ query: "{ __typename }" }] });
  assert.deepEqual([batch.status, codes(batch.answer)], [400, ["BATCH_LIMIT"]]);
});

test("forged requests of other pages are refused", async () => {
  const query = JSON.stringify({ query: "mutation { __typename }" });
  const plain = await send(server, { headers: { "content-type": "text/plain" }, body: query });
  assert.deepEqual([plain.status, codes(plain.answer)], [415, ["UNSUPPORTED_MEDIA_TYPE"]]);
  const form = await send(server, { headers: { "content-type": "multipart/form-data; boundary=x" }, body: query });
  assert.equal(form.status, 415);
  const get = await send(server, { method: "GET", path: "/graphql?query=mutation%20%7B%20__typename%20%7D", headers: { accept: "application/graphql-response+json" } });
  assert.deepEqual([get.status, codes(get.answer)], [405, ["METHOD_NOT_ALLOWED"]]);
  const foreign = await send(server, { headers: { origin: "http://evil.example", "content-type": "application/json" }, body: query });
  assert.deepEqual([foreign.status, codes(foreign.answer)], [403, ["FORBIDDEN_ORIGIN"]]);
});

test("a document is sent once and then named by its hash", async () => {
  const query = "query Persisted { __typename }";
  const sha256Hash = createHash("sha256").update(query).digest("hex");
  const extensions = { persistedQuery: { version: 1, sha256Hash } };
  assert.deepEqual(codes((await send(server, { body: { extensions } })).answer), ["PERSISTED_QUERY_NOT_FOUND"]);
  assert.equal((await send(server, { body: { query, extensions } })).answer.data.__typename, "Query");
  assert.equal((await send(server, { body: { extensions } })).answer.data.__typename, "Query");
  const get = `/graphql?extensions=${encodeURIComponent(JSON.stringify(extensions))}`;
  assert.equal((await send(server, { method: "GET", path: get })).answer.data.__typename, "Query");
});
