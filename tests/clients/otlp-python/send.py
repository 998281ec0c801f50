"""Sends traces and entity events with the Python SDK, and asks GraphQL what came of them."""

import http.client
import json
import pathlib
import sys
import threading
import time
import urllib.parse

import grpc
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from server import Server  # noqa: E402

QUESTION = """
query ($key: String!) {
  item(key: $key) { dependsOn { nodes { kind provider { key } freshness } } }
}
"""


def ask(server, key):
    body = json.dumps({"query": QUESTION, "variables": {"key": key}})
    connection = http.client.HTTPConnection(urllib.parse.urlparse(server.http).netloc)
    connection.request("POST", "/graphql", body, {"content-type": "application/json"})
    answer = json.load(connection.getresponse())
    assert "errors" not in answer, answer
    item = answer["data"]["item"]
    nodes = item["dependsOn"]["nodes"] if item else []
    return {(node["kind"], node["provider"]["key"]) for node in nodes}


def wait_for(server, key, wanted):
    """A window closes in well under a second; the deadline is for a busy machine."""
    deadline = time.monotonic() + 20
    while (found := ask(server, key)) != wanted:
        assert time.monotonic() < deadline, f"{key} depends on {found}, not on {wanted}"
        time.sleep(0.05)


def provider(service, exporter):
    resource = Resource.create({"service.name": service, "deployment.environment.name": "test"})
    made = TracerProvider(resource=resource)
    made.add_span_processor(BatchSpanProcessor(exporter))
    return made


def over_the_wire():
    """The current context as another process gets it."""
    headers = {}
    inject(headers)
    return extract(headers)


def shop(make_exporter, suffix):
    """One trip: checkout asks its database, calls payments, and hands the order to a queue that mail reads."""
    services = ("checkout", "payments", "mail")
    providers = {name: provider(f"{name}-{suffix}", make_exporter()) for name in services}
    checkout, payments, mail = (providers[name].get_tracer("shop") for name in services)
    with checkout.start_as_current_span("POST /orders", kind=SpanKind.SERVER):
        database = {"db.system.name": "postgresql", "db.namespace": "orders", "server.address": "pg"}
        with checkout.start_as_current_span("SELECT", kind=SpanKind.CLIENT, attributes=database):
            pass
        with checkout.start_as_current_span("pay", kind=SpanKind.CLIENT):
            context = over_the_wire()
            payments.start_span("POST /pay", context=context, kind=SpanKind.SERVER).end()
        queue = {"messaging.system": "kafka", "messaging.destination.name": f"orders-{suffix}"}
        with checkout.start_as_current_span("send", kind=SpanKind.PRODUCER, attributes=queue):
            context = over_the_wire()
            mail.start_span("process", context=context, kind=SpanKind.CONSUMER, attributes=queue).end()
    for made in providers.values():
        assert made.force_flush(30_000)
        made.shutdown()


def check_shop(server, make_exporter, suffix):
    shop(make_exporter, suffix)
    queue = f"queue:test/orders-{suffix}"
    wait_for(server, f"service:checkout-{suffix}", {
        ("queries", "database:test/orders@pg"),
        ("calls", f"service:test/payments-{suffix}"),
        ("publishes_to", queue),
    })
    wait_for(server, f"service:mail-{suffix}", {("consumes_from", queue)})
    print(f"ok: {suffix}")


def occupied(server):
    """Takes all the room for bodies: a request that sends all but its last byte and then waits."""
    url = urllib.parse.urlparse(server.otlp_http).netloc
    while True:
        held = http.client.HTTPConnection(url)
        held.putrequest("POST", "/v1/traces")
        held.putheader("content-type", "application/x-protobuf")
        held.putheader("content-length", "65536")
        held.endheaders()
        held.send(b"\n" * 65535)
        for _ in range(20):
            time.sleep(0.05)
            if refused(url):
                return held
        # A probe was in the room when this one came, so this one was refused.
        held.close()


def refused(url):
    """Whether the room is taken."""
    probe = http.client.HTTPConnection(url)
    probe.request("POST", "/v1/traces", b"\n\0", {"content-type": "application/x-protobuf"})
    answer = probe.getresponse()
    answer.read()
    probe.close()
    assert answer.status in (200, 503), answer.status
    return answer.status == 503 and answer.getheader("retry-after") == "1"


def check_retry(server, make_exporter, suffix):
    """While there is no room the exporter is told to come again, and does; nothing is lost."""
    held = occupied(server)
    sending = threading.Thread(target=shop, args=(make_exporter, suffix))
    sending.start()
    sending.join(timeout=1.0)
    assert sending.is_alive(), "the exporter did not wait"
    held.close()
    sending.join(timeout=60)
    assert not sending.is_alive()
    wait_for(server, f"service:mail-{suffix}", {("consumes_from", f"queue:test/orders-{suffix}")})
    print(f"ok: {suffix}")


def main():
    with Server("--config", str(HERE.parent / "otlp.toml")) as server:
        url = f"{server.otlp_http}/v1/traces"

        def over_http(compression):
            return lambda: HttpExporter(endpoint=url, compression=compression, timeout=30)

        def over_grpc(compression):
            return lambda: GrpcExporter(
                endpoint=server.otlp_grpc, insecure=True, compression=compression, timeout=30
            )

        check_shop(server, over_http(Compression.NoCompression), "http")
        check_shop(server, over_http(Compression.Gzip), "http-gzip")
        check_shop(server, over_grpc(grpc.Compression.NoCompression), "grpc")
        check_shop(server, over_grpc(grpc.Compression.Gzip), "grpc-gzip")
        check_retry(server, over_http(Compression.Gzip), "http-after-503")
        check_retry(server, over_grpc(grpc.Compression.Gzip), "grpc-after-unavailable")


main()
