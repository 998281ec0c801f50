// Every audit of npm graphql-http, without a warning.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { serverAudits } from "graphql-http";
import { start } from "../server.mjs";

let server;
before(async () => { server = await start(); });
after(() => server.stop());

test("all 61 audits of GraphQL over HTTP hold", async () => {
  const audits = serverAudits({ url: () => `${server.http}/graphql` });
  const results = await Promise.all(audits.map((audit) => audit.fn()));
  const failed = results.filter((result) => result.status !== "ok");
  assert.deepEqual(failed.map((it) => `${it.id} ${it.status}: ${it.name}: ${it.reason}`), []);
  assert.equal(results.length, 61);
});
