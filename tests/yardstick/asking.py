"""Speaks to a server: facts in through /ingest/events, questions over GraphQL."""

import json
import time
import urllib.error
import urllib.request

PER_REQUEST = 5000
TRIES = 20

INCIDENT = """
query Incident($source: String!) {
  incidents(filter: {source: $source}, first: 1) { nodes { id } }
}
"""
NEARBY = """
query Nearby($incident: ID!, $at: DateTime!, $source: String!) {
  changesNearby(incident: $incident, at: $at, first: 20, filter: {source: $source}) {
    position
    changes { score change { sourceId } contributions { contribution } }
  }
}
"""


class Client:
    """A sender and asker that remembers what it was promised."""

    def __init__(self, address):
        self.address = address
        self.position = 0

    def send(self, events):
        """Sends events in order; raises if any was not taken."""
        lines = [json.dumps(event) for event in events]
        for start in range(0, len(lines), PER_REQUEST):
            body = "\n".join(lines[start : start + PER_REQUEST]).encode()
            answer = self.post("/ingest/events", body, "application/x-ndjson")
            if answer["rejected"] or answer.get("quarantined"):
                raise RuntimeError(f"not everything was taken: {answer}")
            self.position = max(self.position, int(answer["position"]))

    def nearby(self, source, at):
        """The ids of the changes near the incident of a source, the most suspect first."""
        incident = self.ask(INCIDENT, source=source)["incidents"]["nodes"][0]["id"]
        for _ in range(TRIES):
            answer = self.ask(NEARBY, incident=incident, at=at, source=source)["changesNearby"]
            if self.position <= int(answer["position"]):
                break
        else:
            raise RuntimeError(f"the view stays behind position {self.position}")
        for near in answer["changes"]:
            parts = sum(part["contribution"] for part in near["contributions"])
            if 1e-9 < abs(parts - near["score"]):
                raise RuntimeError(f"{source}: contributions add up to {parts}, not to {near['score']}")
        return [near["change"]["sourceId"] for near in answer["changes"]]

    def ask(self, query, **variables):
        body = json.dumps({"query": query, "variables": variables}).encode()
        answer = self.post("/graphql", body, "application/json")
        if answer.get("errors"):
            raise RuntimeError(json.dumps(answer["errors"]))
        return answer["data"]

    def post(self, path, body, media):
        """Posts, and comes again when the server says that it is busy."""
        headers = {"content-type": media, "accept": "application/json"}
        request = urllib.request.Request(self.address + path, data=body, headers=headers)
        for _ in range(TRIES):
            try:
                with urllib.request.urlopen(request, timeout=120) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as refusal:
                if refusal.code not in (429, 503):
                    raise RuntimeError(f"{path}: {refusal.code} {refusal.read().decode()}") from refusal
                time.sleep(float(refusal.headers.get("retry-after") or 1))
        raise RuntimeError(f"{path}: the server stayed busy")
