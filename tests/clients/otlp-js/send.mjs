// Sends traces with every exporter of the JavaScript SDK, and asks GraphQL what came of them.

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { setTimeout as pause } from "node:timers/promises";

import { ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { TracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace";

import { start } from "../server.mjs";

const config = join(dirname(fileURLToPath(import.meta.url)), "../otlp.toml");
let server;
before(async () => (server = await start(["--config", config])));
after(async () => assert.equal(await server.stop(), 0));

const question = `query ($key: String!) {
  item(key: $key) { dependsOn { nodes { kind provider { key } } } }
}`;

async function dependsOn(key) {
  const response = await fetch(`${server.http}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: question, variables: { key } }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined);
  const nodes = data.item?.dependsOn.nodes ?? [];
  return nodes.map((node) => `${node.kind} ${node.provider.key}`).sort();
}

// A window closes in well under a second; the deadline is for a busy machine.
async function waitFor(key, wanted) {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const found = await dependsOn(key);
    if (JSON.stringify(found) === JSON.stringify(wanted)) return;
    if (deadline < Date.now()) assert.deepEqual(found, wanted);
    await pause(50);
  }
}

function tracing(service, exporter) {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": service }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  return { provider, tracer: provider.getTracer("shop") };
}

async function shop(makeExporter, suffix) {
  const checkout = tracing(`checkout-${suffix}`, makeExporter());
  const payments = tracing(`payments-${suffix}`, makeExporter());
  const inside = (span) => trace.setSpan(ROOT_CONTEXT, span);
  const beyond = (span) => trace.setSpanContext(ROOT_CONTEXT, { ...span.spanContext(), isRemote: true });

  const order = checkout.tracer.startSpan("POST /orders", { kind: SpanKind.SERVER }, ROOT_CONTEXT);
  const redis = { "db.system": "redis", "server.address": "sessions" };
  checkout.tracer
    .startSpan("GET", { kind: SpanKind.CLIENT, attributes: redis }, inside(order))
    .end();
  const pay = checkout.tracer.startSpan("pay", { kind: SpanKind.CLIENT }, inside(order));
  payments.tracer.startSpan("POST /pay", { kind: SpanKind.SERVER }, beyond(pay)).end();
  const elsewhere = { "server.address": "api.example.com", "server.port": 443 };
  checkout.tracer
    .startSpan("POST", { kind: SpanKind.CLIENT, attributes: elsewhere }, inside(order))
    .end();
  pay.end();
  order.end();
  for (const { provider } of [checkout, payments]) {
    await provider.forceFlush();
    await provider.shutdown();
  }
  await waitFor(`service:checkout-${suffix}`, [
    "calls endpoint:api.example.com",
    `calls service:payments-${suffix}`,
    "queries cache:sessions",
  ]);
}

const url = () => `${server.otlpHttp}/v1/traces`;

test("JSON over HTTP", () => shop(() => new JsonExporter({ url: url() }), "json"));
test("JSON over HTTP, gzip", () =>
  shop(() => new JsonExporter({ url: url(), compression: "gzip" }), "json-gzip"));
test("protobuf over HTTP", () => shop(() => new ProtobufExporter({ url: url() }), "proto"));
test("protobuf over HTTP, gzip", () =>
  shop(() => new ProtobufExporter({ url: url(), compression: "gzip" }), "proto-gzip"));
test("gRPC", () => shop(() => new GrpcExporter({ url: server.otlpGrpc }), "grpc"));
test("gRPC, gzip", () =>
  shop(() => new GrpcExporter({ url: server.otlpGrpc, compression: "gzip" }), "grpc-gzip"));
