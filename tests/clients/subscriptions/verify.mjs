// Verifies messages: by the JavaScript library ({secret, headers, body}), or by the public key with
// Node's own cryptography ({publicKey, headers, body}). One JSON object a line on standard input, one
// word a line on standard output.
import { createPublicKey, verify } from "node:crypto";
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

function isSignedFor(publicKey, headers, body) {
  const x = Buffer.from(publicKey.replace(/^whpk_/, ""), "base64").toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  const signed = Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
  return headers["webhook-signature"]
    .split(" ")
    .filter((signature) => signature.startsWith("v1a,"))
    .some((signature) => verify(null, signed, key, Buffer.from(signature.slice(4), "base64")));
}

function isGenuine({ secret, publicKey, headers, body }) {
  if (publicKey) return isSignedFor(publicKey, headers, body);
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(isGenuine(JSON.parse(line)) ? "genuine" : "refused");
}
