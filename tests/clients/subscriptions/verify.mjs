// Verifies messages with the JavaScript library: one JSON object a line on standard input
// ({secret, headers, body}), one word a line on standard output.
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    new Webhook(secret).verify(body, headers);
    console.log("genuine");
  } catch {
    console.log("refused");
  }
}
