// Starts an Epicenter server for a client test and stops it again.
//
//   const server = await start();   // server.http, server.otlpHttp, server.otlpGrpc
//   await server.stop();
//
// The binary is $EPICENTER_BIN, else the debug build of this repository.
// Only the process started here is ever stopped, by its id.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const names = { http: "http", "otlp-http": "otlpHttp", "otlp-grpc": "otlpGrpc" };

export async function start(flags = []) {
  const binary = process.env.EPICENTER_BIN || join(root, "target/debug/epicenter");
  const dataDir = mkdtempSync(join(tmpdir(), "epicenter-"));
  const free = "127.0.0.1:0";
  const child = spawn(
    binary,
    ["serve", "--listen", free, "--otlp-http", free, "--otlp-grpc", free, "--data-dir", dataDir, ...flags],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = new Promise((done) => child.once("exit", (code, signal) => done(code ?? signal)));
  const server = {
    dataDir,
    pid: child.pid,
    async stop() {
      child.kill("SIGTERM");
      const code = await ended;
      rmSync(dataDir, { recursive: true, force: true });
      return code;
    },
  };
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === "ready") return server;
    const [name, address] = line.split(/\s+/);
    if (names[name]) server[names[name]] = address;
  }
  throw new Error(`${binary} ended before it was ready: ${await ended}`);
}
