// Live lists through npm graphql-ws and graphql-sse, resumed without a gap and without a repeat.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient as webSocketClient } from "graphql-ws";
import { createClient as eventClient } from "graphql-sse";
import WebSocket from "ws";
import { start } from "../server.mjs";
import { ask, recordChange } from "./ask.mjs";

let server;
before(async () => { server = await start(); });
after(() => server.stop());

const query = `subscription Live($from: LogPosition, $filter: ChangeFilter) {
  changes(fromPosition: $from, filter: $filter) { position change { sourceId status targets { key } } }
}`;

const clients = {
  "graphql-ws": () => webSocketClient({ url: `${server.http.replace("http", "ws")}/graphql`, webSocketImpl: WebSocket, retryAttempts: 0 }),
  "graphql-sse": () => eventClient({ url: `${server.http}/graphql`, retryAttempts: 0 }),
};

/** The next `count` messages of a live list; `between` runs once the client listens. */
async function take(client, variables, count, between = async () => {}) {
  const messages = [];
  const results = client.iterate({ query, variables });
  const telling = between();
  for await (const result of results) {
    assert.equal(result.errors, undefined);
    messages.push(result.data.changes);
    if (messages.length === count) break;
  }
  await telling;
  return messages;
}

for (const [name, connect] of Object.entries(clients)) {
  test(`${name} hears changes from a position on, and goes on where it stopped`, async () => {
    const source = `live-${name}`;
    const first = await recordChange(server, { source, sourceId: "1" });
    const from = String(BigInt(first.position) - 1n);
    const client = connect();
    const heard = await take(client, { from, filter: { source } }, 3, async () => {
      await recordChange(server, { source: "somebody else", sourceId: `${name}-x` });
      await recordChange(server, { source, sourceId: "2" });
      await recordChange(server, { source, sourceId: "3", status: "RUNNING" });
    });
    assert.deepEqual(heard.map((message) => message.change.sourceId), ["1", "2", "3"]);
    assert.equal(heard[2].change.status, "running");
    assert.deepEqual(heard[0].change.targets, [{ key: "service:shop" }]);

    await recordChange(server, { source, sourceId: "4" });
    const resumed = await take(client, { from: heard[1].position, filter: { source } }, 2);
    assert.deepEqual(resumed.map((message) => message.change.sourceId), ["3", "4"]);
    client.dispose?.();
  });

  test(`${name} is told why a document is refused`, async () => {
    const client = connect();
    const refusal = await new Promise((resolve, reject) => {
      client.subscribe(
        { query: "subscription { nothing }" },
        {
          next: (result) => resolve(result.errors ?? reject(new Error("it was answered"))),
          error: (errors) => resolve(errors),
          complete: () => reject(new Error("it was completed without a word")),
        },
      );
    });
    assert.equal(refusal[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
    client.dispose?.();
  });

  test(`${name} answers queries too`, async () => {
    const client = connect();
    const results = [];
    for await (const result of client.iterate({ query: "{ __typename }" })) results.push(result.data);
    assert.deepEqual(results, [{ __typename: "Query" }]);
    client.dispose?.();
  });
}

test("many listeners hear the same, each once", async () => {
  const source = "crowd";
  const { position } = await recordChange(server, { source, sourceId: "0" });
  const listening = Array.from({ length: 20 }, (_, n) => {
    const client = clients[n % 2 === 0 ? "graphql-ws" : "graphql-sse"]();
    return take(client, { from: position, filter: { source } }, 10).finally(() => client.dispose?.());
  });
  for (let n = 1; n <= 10; n += 1) await recordChange(server, { source, sourceId: String(n) });
  const expected = Array.from({ length: 10 }, (_, n) => String(n + 1));
  for (const heard of await Promise.all(listening)) {
    assert.deepEqual(heard.map((message) => message.change.sourceId), expected);
  }
});

test("a position beyond the log is refused", async () => {
  const { errors } = await ask(server, "{ __typename }");
  assert.equal(errors, undefined);
  const client = clients["graphql-sse"]();
  const results = [];
  for await (const result of client.iterate({ query, variables: { from: "999999999" } })) results.push(result);
  assert.equal(results[0].errors[0].extensions.code, "POSITION_UNKNOWN");
  client.dispose();
});
