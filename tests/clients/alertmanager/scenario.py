"""An alert from its first firing to its end, through Debian's own programs.

The refusal is real: one request holds all the room for bodies, so the server
answers 503 and Alertmanager comes again when the room is free.
"""

import contextlib
import http.server
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from server import Server  # noqa: E402

PATIENCE_S = 60
BODY_BYTES = 65536

PROMETHEUS = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]}}
scrape_configs:
  - job_name: checkout
    static_configs: [{{targets: ["127.0.0.1:{shop}"], labels: {{service: checkout, deployment_environment_name: prod}}}}]
"""

RULES = """
groups:
  - name: shop
    rules:
      - alert: CheckoutFailing
        expr: checkout_failing == 1
        labels: {severity: critical}
        annotations:
          summary: "checkout fails"
          runbook_url: "https://example.org/runbooks/checkout"
"""

ALERTMANAGER = """
route: {{receiver: epicenter, group_by: [alertname, service], group_wait: 1s, group_interval: 1s, repeat_interval: 3s}}
receivers:
  - name: epicenter
    webhook_configs: [{{url: "{intake}/ingest/alertmanager", send_resolved: true}}]
"""

LIMITS = f"""
[ingest]
body_bytes = {BODY_BYTES}
bodies_in_flight_bytes = {BODY_BYTES}
"""

INCIDENTS = """
{ incidents(first: 10) { totalCount nodes {
    source sourceId title status severity startedAt resolvedAt items { key }
} } }
"""


class Shop(http.server.BaseHTTPRequestHandler):
    """What Prometheus scrapes: a service that fails or does not."""

    failing = 1

    def do_GET(self):
        body = f"checkout_failing {Shop.failing}\n".encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def free_port():
    with contextlib.closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def ask(server, query):
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(f"{server.http}/graphql", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        answered = json.load(answer)
    assert "errors" not in answered, answered
    return answered["data"]


def measured(text, name, labels):
    """The sum of a counter over every series that carries the labels."""
    total = 0.0
    for line in text.splitlines():
        if line.startswith(name) and all(label in line for label in labels):
            total += float(line.rsplit(" ", 1)[1])
    return total


def wait_for(what, condition):
    """Asks until the condition holds, at most PATIENCE_S long."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            held = condition()
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError:
            held = None  # it has not started yet
        if held:
            return held
        time.sleep(0.2)
    raise AssertionError(f"in {PATIENCE_S} s did not come: {what}")


@contextlib.contextmanager
def program(*arguments):
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextlib.contextmanager
def shop():
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    try:
        yield served.server_address[1]
    finally:
        served.shutdown()


def occupy(server):
    """A request that sends all of the largest body but its last byte."""
    host, port = server.http.removeprefix("http://").rsplit(":", 1)
    held = socket.create_connection((host, int(port)))
    head = f"POST /ingest/events HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {BODY_BYTES}\r\n\r\n"
    held.sendall(head.encode() + b" " * (BODY_BYTES - 1))
    return held


def prometheus(folder, alertmanager, target):
    (folder / "rules.yml").write_text(RULES)
    config = folder / "prometheus.yml"
    config.write_text(PROMETHEUS.format(alertmanager=alertmanager, shop=target))
    listen = f"--web.listen-address=127.0.0.1:{free_port()}"
    storage = f"--storage.tsdb.path={folder / 'prometheus'}"
    return program("prometheus", f"--config.file={config}", listen, storage)


def alertmanager(folder, port, server):
    config = folder / "alertmanager.yml"
    config.write_text(ALERTMANAGER.format(intake=server.http))
    listen = f"--web.listen-address=127.0.0.1:{port}"
    storage = f"--storage.path={folder / 'alertmanager'}"
    return program("prometheus-alertmanager", f"--config.file={config}", listen, storage, "--cluster.listen-address=")


def main():
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        limits = folder / "epicenter.toml"
        limits.write_text(LIMITS)
        server = stack.enter_context(Server("--config", str(limits)))
        port = free_port()
        held = occupy(server)
        target = stack.enter_context(shop())
        stack.enter_context(alertmanager(folder, port, server))
        stack.enter_context(prometheus(folder, port, target))

        def sent(name):
            text = get(f"http://127.0.0.1:{port}/metrics")
            return measured(text, name, ['integration="webhook"'])

        wait_for("a refusal", lambda: 0 < sent("alertmanager_notification_requests_failed_total"))
        assert ask(server, INCIDENTS)["incidents"]["totalCount"] == 0, "nothing was taken yet"
        held.close()

        def incidents():
            return ask(server, INCIDENTS)["incidents"]["nodes"]

        opened = wait_for("the incident", incidents)
        check_open(opened)
        repeated_after = sent("alertmanager_notifications_total")
        wait_for("a repetition", lambda: repeated_after + 2 <= sent("alertmanager_notifications_total"))
        assert incidents() == opened, "a repetition changed the incident"

        Shop.failing = 0
        resolved = wait_for("the end", lambda: [it for it in incidents() if it["status"].lower() == "resolved"])
        assert len(resolved) == 1 and resolved[0]["sourceId"] == opened[0]["sourceId"], resolved
        assert resolved[0]["startedAt"] < resolved[0]["resolvedAt"], resolved
        assert sent("alertmanager_notifications_failed_total") == 0, "a notification was given up"
    print("alertmanager: refused, delivered by a retry, repeated without a trace, resolved")


def check_open(nodes):
    assert len(nodes) == 1, nodes
    incident = nodes[0]
    assert incident["source"] == "alertmanager", incident
    assert incident["title"] == "checkout fails", incident
    assert incident["status"].lower() == "open", incident
    assert incident["severity"] == "critical", incident
    # Nobody else speaks of it, so it is called as the alert calls it; its environment stands beside.
    assert [item["key"] for item in incident["items"]] == ["service:checkout"], incident


if __name__ == "__main__":
    main()
