#!/usr/bin/env python3
"""Deliveries of a real server, verified by the Standard Webhooks libraries of Python and JavaScript,
and by the cryptography of Python and of Node for the signature of Ed25519. Bodies are read by the library of CloudEvents."""

import base64
import http.server
import json
import pathlib
import queue
import subprocess
import sys
import threading
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from cloudevents.core.bindings.http import HTTPMessage, from_http_event  # noqa: E402
from cloudevents.core.formats.json import JSONFormat  # noqa: E402
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: E402
from server import Server  # noqa: E402
from standardwebhooks import Webhook, WebhookVerificationError  # noqa: E402

arrived = queue.Queue()


class Endpoint(http.server.BaseHTTPRequestHandler):
    """Takes everything."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        arrived.put(({name.lower(): value for name, value in self.headers.items()}, body.decode()))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        answer = json.load(response)
    assert "errors" not in answer, answer
    return answer


def by_javascript(cases, key="secret"):
    """What the JavaScript library says of each case, or Node's own cryptography by a `publicKey`."""
    lines = "".join(json.dumps(dict(zip((key, "headers", "body"), case))) + "\n" for case in cases)
    ran = subprocess.run(["node", "verify.mjs"], cwd=HERE, input=lines, text=True, capture_output=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


def by_python(case):
    secret, headers, body = case
    try:
        Webhook(secret).verify(body, headers)
        return "genuine"
    except WebhookVerificationError:
        return "refused"


def signed_by_ed25519(public_key, headers, body):
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    signature = next(it for it in headers["webhook-signature"].split() if it.startswith("v1a,"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}"
    key.verify(base64.b64decode(signature.removeprefix("v1a,")), signed.encode())


def main():
    endpoint = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=endpoint.serve_forever, daemon=True).start()
    with Server() as server:
        url = f"http://127.0.0.1:{endpoint.server_port}/hook"
        document = "mutation ($input: SubscribeInput!) { subscribe(input: $input) { id secret publicKey } }"
        variables = {"input": {"name": "clients", "url": url, "match": {"items": ["service:web"]}}}
        answer = post(f"{server.http}/graphql", {"query": document, "variables": variables})
        subscribed = answer["data"]["subscribe"]
        secret = subscribed["secret"]
        change = {"sourceId": "1", "title": "größer \u53d8\u66f4", "targets": ["service:web"]}
        event = {"source": "test", "type": "change.recorded", "data": change}
        post(f"{server.http}/ingest/events", [event])
        headers, body = arrived.get(timeout=30)
        wrong = "whsec_" + base64.b64encode(bytes(32)).decode()
        cases = [(secret, headers, body), (secret, headers, body + " "), (wrong, headers, body)]
        late = {**headers, "webhook-timestamp": "1"}
        cases.append((secret, late, body))
        expected = ["genuine", "refused", "refused", "refused"]
        assert [by_python(case) for case in cases] == expected
        assert by_javascript(cases) == expected
        public_key = subscribed["publicKey"]
        signed_by_ed25519(public_key, headers, body)
        cases = [(public_key, headers, body), (public_key, headers, body + " "), (public_key, late, body)]
        assert by_javascript(cases, "publicKey") == ["genuine", "refused", "refused"]

        rotate = f'mutation {{ rotateSecret(id: "{subscribed["id"]}") {{ secret }} }}'
        answer = post(f"{server.http}/graphql", {"query": rotate})
        fresh = answer["data"]["rotateSecret"]["secret"]
        post(f"{server.http}/ingest/events", [{**event, "data": {**change, "sourceId": "2"}}])
        headers, body = arrived.get(timeout=30)
        cases = [(secret, headers, body), (fresh, headers, body), (wrong, headers, body)]
        expected = ["genuine", "genuine", "refused"]
        assert [by_python(case) for case in cases] == expected
        assert by_javascript(cases) == expected

        read = from_http_event(HTTPMessage(headers=headers, body=body.encode()), JSONFormat())
        assert read.get_type() == "epicenter.change.recorded", read.get_type()
        assert read.get_data()["change"]["title"] == change["title"]
    endpoint.shutdown()
    print("ok: Python and JavaScript verify what is sent, before and after new keys; CloudEvents reads it")


if __name__ == "__main__":
    main()
