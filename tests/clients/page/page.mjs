import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { recordChange } from "../graphql/ask.mjs";
import { start } from "../server.mjs";

let server;
let browser;
before(async () => {
  server = await start();
  await recordChange(server, { source: "cd", sourceId: "deploy-1", title: "Deploy checkout 42", targets: ["service:checkout"], startedAt: new Date(Date.now() - 60_000).toISOString() });
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
  assert.deepEqual(named.slice(0, 5), ["WhatChangedNearby", "OpenIncidents", "BlastRadius", "Items", "LiveChanges"]);
  const elsewhere = requests.filter((url) => !/^(data|blob):/.test(url) && new URL(url).host !== new URL(server.http).host);
  assert.deepEqual(elsewhere, [], "a request left for another host");
  assert.ok(requests.length > 3);
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
