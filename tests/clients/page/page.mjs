import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { ask, recordChange } from "../graphql/ask.mjs";
import { start } from "../server.mjs";

let server;
let browser;
let incident;

/** Opens an incident on an item and returns its id. */
async function openIncident(sourceId, item, minutesAgo) {
  const input = { source: "alerts", sourceId, title: `${sourceId} fails`, items: [item], startedAt: new Date(Date.now() - minutesAgo * 60_000).toISOString() };
  const { data, errors } = await ask(server, "mutation($input: OpenIncidentInput!) { openIncident(input: $input) { node { id } } }", { input });
  if (errors) throw new Error(JSON.stringify(errors));
  return data.openIncident.node.id;
}
before(async () => {
  server = await start();
  await recordChange(server, { source: "cd", sourceId: "deploy-1", title: "Deploy checkout 42", targets: ["service:checkout"], startedAt: new Date(Date.now() - 60_000).toISOString() });
  const relations = { source: "ops", occurredAt: new Date(Date.now() - 3_600_000).toISOString(), relations: [{ dependent: "service:web", provider: "service:checkout", kind: "calls" }] };
  await ask(server, "mutation($input: UpsertRelationsInput!) { upsertRelations(input: $input) { position } }", { input: relations });
  incident = await openIncident("checkout", "service:checkout", 4);
  await openIncident("web", "service:web", 3);
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
});
after(async () => {
  await browser?.close();
  await server.stop();
});

/** A page that is opened and ready, with every request and error it made. */
async function open(path = "/") {
  const context = await browser.newContext();
  const page = await context.newPage();
  const requests = [];
  const errors = [];
  context.on("request", (request) => requests.push(request.url()));
  page.on("websocket", (socket) => requests.push(socket.url()));
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  const response = await page.goto(`${server.http}${path}`);
  await page.waitForSelector(".graphiql-execute-button");
  // It is ready once its editor shows the first question: a tab that is clicked earlier may be lost.
  await page.waitForSelector(".graphiql-query-editor .view-lines >> text=WhatChangedNearby");
  return { page, response, requests, errors };
}

/** Presses the button and returns the answer that is shown. */
async function run(page) {
  await page.click(".graphiql-execute-button");
  await page.waitForSelector(".result-window .view-lines >> text=/\"(data|errors)\"/");
  return page.locator(".result-window .view-lines").innerText();
}

test("the page runs a ready question and shows the answer", async () => {
  const { page, requests, errors } = await open("/?item=service%3Acheckout");
  assert.match(await run(page), /Deploy checkout 42|deploy-1|changesNearby/);
  const tabs = await page.locator(".graphiql-tab").allInnerTexts();
  const named = tabs.map((tab) => tab.trim()).filter(Boolean);
  assert.deepEqual(named.slice(0, 6), ["WhatChangedNearby", "OpenIncidents", "IncidentGroups", "BlastRadius", "Items", "LiveChanges"]);
  const elsewhere = requests.filter((url) => !/^(data|blob):/.test(url) && new URL(url).host !== new URL(server.http).host);
  assert.deepEqual(elsewhere, [], "a request left for another host");
  assert.ok(requests.length > 3);
  assert.deepEqual(errors, []);
});

test("the page of an incident shows which others are one with it, and why", async () => {
  const { page, errors } = await open(`/?incident=${incident}`);
  await page.locator(".graphiql-tab button", { hasText: "IncidentGroup" }).first().click();
  await page.waitForFunction(() => document.querySelector(".graphiql-query-editor").innerText.includes("IncidentGroup"));
  const shown = await run(page);
  assert.match(shown.replaceAll("\u00a0", " "), /"memberCount": 2/);
  assert.deepEqual(errors, []);
});

test("the live tab hears changes over the WebSocket", async () => {
  const { page, requests, errors } = await open();
  await page.locator(".graphiql-tab button", { hasText: "LiveChanges" }).first().click();
  await page.waitForFunction(() => document.querySelector(".graphiql-query-editor").innerText.includes("subscription"));
  assert.match(await run(page), /position/);
  assert.ok(requests.some((url) => url.startsWith("ws://127.0.0.1:")));
  assert.deepEqual(errors, []);
});

test("the page's policy lets nobody else in", async () => {
  const { response, page } = await open("/graphql");
  const policy = response.headers()["content-security-policy"];
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /connect-src 'self'/);
  assert.doesNotMatch(policy, /https?:|\*/);
  const refused = await page.evaluate(() => fetch("http://example.invalid/").then(() => "let through", (error) => String(error)));
  assert.match(refused, /TypeError/);
});
