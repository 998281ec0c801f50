"""Events of the official SDK in binary, structured and batch mode, and what the graph makes of them."""

import datetime
import gzip
import json
import pathlib
import sys
import urllib.error
import urllib.request

from cloudevents.core.bindings import http
from cloudevents.core.v1.event import CloudEvent

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from server import Server  # noqa: E402

NOW = datetime.datetime.now(datetime.timezone.utc)

CHANGES = """
{ changes(first: 10) { totalCount nodes { source sourceId title kind environment status targets { key } } } }
"""

QUARANTINE = """
{ quarantine(first: 10) { totalCount nodes { hash source format reason excerpt } } }
"""


def event(kind, id, data, source="/ci/déploiement", **more):
    attributes = {"type": kind, "source": source, "id": id, "time": NOW, **more}
    return CloudEvent(attributes=attributes, data=data)


def deployed(id, service):
    """A CDEvent as its producer would wrap it."""
    kind = "dev.cdevents.service.deployed.0.3.0"
    context = {"specversion": "0.5.1", "id": id, "source": "/ci", "type": kind, "timestamp": NOW.isoformat()}
    content = {"environment": {"id": "prod"}, "artifactId": f"pkg:oci/{service}@2.4.1"}
    data = {"context": context, "subject": {"id": service, "content": content}}
    return event(kind, id, data, datacontenttype="application/json")


def own_change(id, title):
    data = {"title": title, "targets": ["service:prod/web"], "kind": "flag", "environment": "prod", "startedAt": NOW.isoformat()}
    return event("epicenter.change.recorded", id, data, source="flags", datacontenttype="application/json")


def post(server, message, body=None, **headers):
    """Sends an SDK message and returns status and answer."""
    body = message.body if body is None else body
    request = urllib.request.Request(f"{server.http}/ingest/cloudevents", body, {**message.headers, **headers})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def took(answered, **expected):
    status, answer = answered
    counted = {name: answer[name] for name in ("accepted", "duplicates", "quarantined")}
    wanted = {"accepted": 0, "duplicates": 0, "quarantined": 0, **expected}
    assert status == 200 and counted == wanted and answer["rejected"] == [], answered


def batch(*events):
    """The SDK has no batch mode; a batch is the JSON array of what it writes in structured mode."""
    messages = [http.to_structured_event(it) for it in events]
    messages[0].headers["content-type"] = "application/cloudevents-batch+json"
    return messages[0], b"[" + b",".join(it.body for it in messages) + b"]"


def ask(server, query, **variables):
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{server.http}/graphql", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        answered = json.load(answer)
    assert "errors" not in answered, answered
    return answered["data"]


def changes_hold(server):
    # A question is answered from a view that holds everything acknowledged before it.
    found = ask(server, CHANGES)["changes"]
    assert found["totalCount"] == 5, found
    by_title = {it["title"]: it for it in found["nodes"]}
    checkout = by_title["checkout deployed in prod"]
    assert checkout["source"] == "/ci/déploiement" and checkout["kind"] == "deployment", checkout
    assert [it["key"] for it in checkout["targets"]] == ["service:prod/checkout"], checkout
    assert by_title["fast checkout on"]["sourceId"] == "s2", found


def quarantine_holds(server):
    kept = ask(server, QUARANTINE)["quarantine"]
    assert kept["totalCount"] == 2, kept
    for entry in kept["nodes"]:
        assert entry["format"] == "cloudevents" and "com.example.unheard" in entry["reason"], entry
        again = "mutation ($hash: ID!) { reprocessQuarantine(hash: $hash) { understood reason } }"
        result = ask(server, again, hash=entry["hash"])["reprocessQuarantine"]
        assert not result["understood"] and "com.example.unheard" in result["reason"], result
    assert ask(server, QUARANTINE)["quarantine"]["totalCount"] == 2, "what is not understood stays"


def main():
    with Server() as server:
        took(post(server, http.to_binary_event(deployed("b1", "checkout"))), accepted=1)
        took(post(server, http.to_binary_event(deployed("b1", "checkout"))), duplicates=1)
        took(post(server, http.to_structured_event(deployed("s1", "cart"))), accepted=1)
        took(post(server, http.to_structured_event(own_change("s2", "fast checkout on"))), accepted=1)
        took(post(server, http.to_binary_event(own_change("s2", "fast checkout on"))), duplicates=1)

        several = batch(deployed("s1", "cart"), own_change("t1", "new basket on"), event("com.example.unheard", "t2", {"a": 1}))
        took(post(server, *several), accepted=1, duplicates=1, quarantined=1)
        message, body = batch(deployed("z1", "search"))
        took(post(server, message, gzip.compress(body), **{"content-encoding": "gzip"}), accepted=1)
        took(post(server, http.to_binary_event(event("com.example.unheard", "u1", "plain", datacontenttype="text/plain"))), quarantined=1)

        status, answer = post(server, http.to_structured_event(own_change("s2", "something else")))
        assert status == 409 and answer["rejected"][0]["field"] == "id", (status, answer)
        wrong = http.to_binary_event(own_change("w1", "wrong"))
        del wrong.headers["ce-source"]
        status, answer = post(server, wrong)
        assert status == 400 and answer["rejected"][0]["field"] == "source", (status, answer)

        changes_hold(server)
        quarantine_holds(server)
    print("cloudevents: binary, structured, batch and gzip taken; duplicates and conflicts told apart, unknown types kept aside")


if __name__ == "__main__":
    main()
