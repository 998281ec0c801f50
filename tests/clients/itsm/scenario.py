"""The clients of PagerDuty and Datadog with nothing changed but the URL, and what the graph makes of them."""

import json
import pathlib
import sys
import tempfile
import urllib.parse
import urllib.request
import warnings

warnings.filterwarnings("ignore")

import datadog  # noqa: E402
import datadog_api_client as datadog_api  # noqa: E402
import pagerduty  # noqa: E402
import pdpyras  # noqa: E402
from datadog_api_client.v2.api.events_api import EventsApi  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from server import Server  # noqa: E402
from tls import TlsFront  # noqa: E402

KEY = "a0000000aa0000a0a000aa0a0a0aa000"

CHANGES = "{ changes(first: 10) { nodes { source title environment status targets { key } } } }"
INCIDENTS = "{ incidents(first: 10) { nodes { source sourceId title status severity items { key } } } }"


def asked(server, query):
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(f"{server.http}/graphql", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        said = json.load(answer)
    assert not said.get("errors"), said
    return next(iter(said["data"].values()))["nodes"]


def with_pagerduty(server, front):
    class Session(pdpyras.ChangeEventsAPISession):
        url = server.http

    assert Session(KEY).submit("Deployed cart 3", "ci", {"version": "3"}), "the answer has an id"

    with pagerduty.EventsApiV2Client(KEY, base_url=front.url, verify=front.trust) as client:
        client.submit("Deployed checkout 7", "ci", {"service": "checkout", "environment": "prod"})
        assert client.trigger("checkout is slow", "web-7.shop.example", dedup_key="checkout/slow") == "checkout/slow"
        client.acknowledge("checkout/slow")
        made = client.trigger("cart is down", "cart", severity="error")
        assert made and client.resolve(made) == made

    with pagerduty.EventsApiV2Client("b" * 32, base_url=front.url, verify=front.trust) as stranger:
        try:
            stranger.submit("I am not known", "ci")
        except pagerduty.Error:
            pass
        else:
            raise AssertionError("a wrong routing key was taken")


def with_datadog(server):
    datadog.initialize(api_key="dd", api_host=server.http, mute=False)
    tags = ["service:payments", "env:prod", "version:9"]
    sent = datadog.api.Event.create(title="Deployed payments 9", text="by the pipeline", tags=tags)
    assert sent["status"] == "ok" and sent["event"]["id"], sent

    place = urllib.parse.urlparse(server.http).netloc
    variables = {"protocol": "http", "name": place}
    configuration = datadog_api.Configuration(
        api_key={"apiKeyAuth": "dd", "appKeyAuth": "app"},
        server_operation_index={"create_event": 1},
        server_operation_variables={"create_event": variables},
    )
    resource = {"name": "payment_v2", "type": "feature_flag"}
    about = {
        "author": {"name": "ann", "type": "user"},
        "changed_resource": resource,
        "impacted_resources": [{"name": "payments", "type": "service"}],
        "new_value": {"enabled": True},
    }
    attributes = {"title": "payment_v2 was switched on", "category": "change", "tags": ["env:prod"], "attributes": about}
    configuration.check_input_type = False
    with datadog_api.ApiClient(configuration) as client:
        answer = EventsApi(client).create_event(body={"data": {"type": "event", "attributes": attributes}})
    assert answer.data.attributes.attributes.evt.uid, answer


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "key").write_text(KEY + "\n")
        settings = folder / "epicenter.toml"
        tables = [
            f'[[senders]]\nform = "{form}"\nname = "shop"\nenvironment = "prod"\nitems = ["service:cart"]\nsecret_files = ["{folder}/key"]\n'
            for form in ("pagerduty-change", "pagerduty-events")
        ]
        settings.write_text("\n".join(tables))
        with Server("--config", str(settings)) as server:
            place = urllib.parse.urlsplit(server.http)
            with TlsFront(place.hostname, place.port) as front:
                with_pagerduty(server, front)
            with_datadog(server)
            changes = {change["title"]: change for change in asked(server, CHANGES)}
            incidents = {incident["title"]: incident for incident in asked(server, INCIDENTS)}
            log = b"".join(path.read_bytes() for path in pathlib.Path(server.data_dir).rglob("*") if path.is_file())

    def told(change):
        return change["source"], change["environment"], change["status"], [it["key"] for it in change["targets"]]

    assert told(changes["Deployed checkout 7"]) == ("pagerduty", "prod", "succeeded", ["service:checkout"]), changes
    assert told(changes["Deployed cart 3"]) == ("pagerduty", "prod", "succeeded", ["service:cart"]), changes
    assert told(changes["Deployed payments 9"]) == ("datadog", "prod", "succeeded", ["service:payments"]), changes
    flag = told(changes["payment_v2 was switched on"])
    assert flag == ("datadog", "prod", "succeeded", ["service:payments", "feature_flag:payment_v2"]), flag
    assert "I am not known" not in changes, changes
    slow, down = incidents["checkout is slow"], incidents["cart is down"]
    assert (slow["sourceId"], slow["status"], slow["severity"]) == ("checkout/slow", "acknowledged", "critical"), slow
    assert [item["key"] for item in slow["items"]] == ["host:web-7.shop.example"], slow
    assert (down["status"], down["severity"]) == ("resolved", "error"), down
    assert KEY.encode() not in log, "the routing key is on the disk"
    print("itsm: pagerduty, pdpyras, datadog and datadog-api-client: 4 changes, 2 incidents")


if __name__ == "__main__":
    main()
