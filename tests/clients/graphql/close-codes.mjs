// Each way to break the graphql-transport-ws protocol ends the connection with its own code.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { start } from "../server.mjs";

let server;
before(async () => { server = await start(); });
after(() => server.stop());

const subscription = { query: "subscription { changes { position } }" };

/** Opens a connection, says the lines in order, and resolves to the close code; an `ack` waits for the welcome. */
function closing(lines, { protocols = ["graphql-transport-ws"], within = 10_000 } = {}) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${server.http.replace("http", "ws")}/graphql`, protocols);
    const late = setTimeout(() => { socket.terminate(); reject(new Error("not closed")); }, within);
    const rest = [...lines];
    const say = () => {
      while (rest.length > 0 && rest[0] !== "ack") {
        const line = rest.shift();
        socket.send(Buffer.isBuffer(line) || typeof line === "string" ? line : JSON.stringify(line));
      }
    };
    socket.on("open", say);
    socket.on("message", (data) => {
      if (JSON.parse(data).type === "connection_ack") { rest.shift(); say(); }
    });
    socket.on("error", reject);
    socket.on("close", (code, reason) => { clearTimeout(late); resolve(`${code} ${reason}`); });
  });
}

const init = { type: "connection_init" };
const subscribe = (id) => ({ type: "subscribe", id, payload: subscription });

const cases = [
  ["another subprotocol", [], /^4406 Subprotocol not acceptable$/, { protocols: ["graphql-ws"] }],
  ["no subprotocol", [], /^4406 Subprotocol not acceptable$/, { protocols: [] }],
  ["no introduction in time", [], /^4408 Connection initialisation timeout$/],
  ["two introductions", [init, init], /^4429 Too many initialisation requests$/],
  ["two introductions, the second after the welcome", [init, "ack", init], /^4429 Too many initialisation requests$/],
  ["an operation before the introduction", [subscribe("1")], /^4401 Unauthorized$/],
  ["the same operation id twice", [init, "ack", subscribe("1"), subscribe("1")], /^4409 Subscriber for 1 already exists$/],
  ["what is not JSON", ["nonsense"], /^4400 /],
  ["what is not an object", ["[]"], /^4400 /],
  ["a message without a type", [{ id: "1" }], /^4400 /],
  ["a message of an unknown type", [init, "ack", { type: "start", id: "1" }], /^4400 /],
  ["a message only a server says", [init, "ack", { type: "next", id: "1", payload: {} }], /^4400 /],
  ["an operation without an id", [init, "ack", { type: "subscribe", payload: subscription }], /^4400 /],
  ["an operation with an empty id", [init, "ack", { type: "subscribe", id: "", payload: subscription }], /^4400 /],
  ["an operation without a payload", [init, "ack", { type: "subscribe", id: "1" }], /^4400 /],
  ["an operation whose query is no string", [init, "ack", { type: "subscribe", id: "1", payload: { query: 7 } }], /^4400 /],
  ["a completion without an id", [init, "ack", { type: "complete" }], /^4400 /],
  ["a payload that is no object", [{ type: "connection_init", payload: "x" }], /^4400 /],
  ["a binary message", [Buffer.from([0])], /^4400 /],
];

for (const [name, lines, expected, options] of cases) {
  test(`${name} is closed with ${expected}`, async () => {
    assert.match(await closing(lines, options), expected);
  });
}

test("a page of another origin is not let in", async () => {
  const refused = new Promise((resolve) => {
    const socket = new WebSocket(`${server.http.replace("http", "ws")}/graphql`, "graphql-transport-ws", { origin: "http://evil.example" });
    socket.on("unexpected-response", (_, response) => { resolve(response.statusCode); socket.terminate(); });
    socket.on("error", () => {});
  });
  assert.equal(await refused, 403);
});

test("a stopping server says that it goes away", async () => {
  const other = await start();
  const socket = new WebSocket(`${other.http.replace("http", "ws")}/graphql`, "graphql-transport-ws");
  const closed = new Promise((resolve) => socket.on("close", resolve));
  await new Promise((resolve) => socket.on("open", resolve));
  assert.equal(await other.stop(), 0);
  assert.equal(await closed, 1001);
});
