// GraphiQL with ready questions. Everything it needs is in this build; it asks nobody but its own server.

import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import "./page.css";

import { GraphiQL } from "graphiql";
import { createClient } from "graphql-ws";
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { readyQuestions } from "./questions.js";

const endpoint = new URL("graphql", document.baseURI);
const live = new URL(endpoint);
live.protocol = live.protocol === "https:" ? "wss:" : "ws:";

/** The credential of the editor of headers. A WebSocket takes no headers from a page, so it is said in the introduction. */
let credential;
const liveClient = createClient({
  url: live.href,
  lazy: true,
  connectionParams: () => (credential ? { authorization: credential } : undefined),
});

/** Whether a document holds this operation. Just after a change of tabs the editor still names that of the tab before. */
const holds = (query, operation, kinds = "query|mutation|subscription") =>
  new RegExp(`^\\s*(${kinds})\\b\\s*${operation ?? ""}\\b`, "m").test(query);

/** Live lists go over the WebSocket, everything else is asked once. */
const fetcher = ({ query, variables, operationName }, { headers } = {}) => {
  const named = operationName && holds(query, operationName) ? operationName : undefined;
  credential = headers?.Authorization ?? headers?.authorization;
  const request = { query, variables, operationName: named };
  if (holds(query, named, "subscription")) return liveClient.iterate(request);
  return fetch(endpoint, {
    method: "POST",
    headers: { accept: "application/graphql-response+json", ...headers, "content-type": "application/json" },
    body: JSON.stringify(request),
  }).then((response) => response.json());
};

const logo = createElement(GraphiQL.Logo, null, createElement("strong", { className: "epicenter" }, "Epicenter"));
const page = createElement(
  GraphiQL,
  { fetcher, defaultTabs: readyQuestions(new URLSearchParams(location.search)), shouldPersistHeaders: false },
  logo,
);
createRoot(document.getElementById("page")).render(page);
