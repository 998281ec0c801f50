"""The neutral case form as Epicenter's own events. Nothing here knows an answer."""

import datetime
import math

TOPOLOGY = "yardstick/topology"
# How long before the question a deviation began where nobody recorded it.
ONSET = datetime.timedelta(minutes=5)


def source_of(case):
    """The source that tells a case from the others on one server."""
    return f"yardstick/{case['case']}"


def key(entity):
    """An entity id, `kind:name`, in parts: names hold slashes and colons."""
    kind, colon, name = entity.partition(":")
    if not colon:
        kind, name = "entity", entity
    return {"kind": kind.lower(), "name": name}


def event(source, delivery, name, time, data):
    return {"id": delivery, "source": source, "type": name, "time": time, "data": data}


def topology_events(rows):
    """Items and relations with their validity; a row without one always held."""
    for number, row in enumerate(rows):
        for place, (since, until) in enumerate(row.get("valid") or [("2000-01-01T00:00:00Z", None)]):
            span = {"validFrom": since} | ({"validUntil": until} if until else {})
            delivery = f"{number}/{place}"
            if row["type"] == "node":
                yield event(TOPOLOGY, delivery, "item.observed", since, {"key": key(row["id"]), **span})
            else:
                ends = {"dependent": key(row["src"]), "provider": key(row["dst"]), "kind": row["kind"]}
                yield event(TOPOLOGY, delivery, "relation.observed", since, {**ends, **span})


def case_events(case):
    """The changes and signals of a case, all under the case's source."""
    source = source_of(case)
    for change in case["changes"]:
        data = {"sourceId": change["id"], "targets": [key(target) for target in change["targets"]]}
        data |= {"startedAt": change["time"], "kind": change["kind"], "environment": change["environment"]}
        if change.get("title"):
            data["title"] = change["title"]
        yield event(source, f"change/{change['id']}", "change.recorded", change["time"], data)
    yield from signal_events(case)


def signal_events(case):
    """Deviations of items and relations, of the time between onset and question."""
    signals = case.get("signals") or {}
    for node in signals.get("nodes", ()):
        for metric, value in node["incident"].items():
            yield from deviation(case, {"key": key(node["id"])}, metric, node["baseline"].get(metric), value)
    for edge in signals.get("edges", ()):
        ends = {"dependent": key(edge["src"]), "provider": key(edge["dst"])}
        seen_by = f"_seen_by_{edge['reported_by']}" if edge.get("reported_by") else ""
        for metric, value in edge["incident"].items():
            yield from deviation(case, ends, metric + seen_by, edge["baseline"].get(metric), value)
    for release in signals.get("versions", ()):
        item = {"key": key(f"service:{release['service']}")}
        metric = "success_of_new_version"
        yield from deviation(case, item, metric, release["old"].get("success"), release["new"].get("success"))


def deviation(case, of, metric, baseline, value):
    """One measure against its baseline; nothing where either was not measured."""
    if not all(isinstance(number, (int, float)) and math.isfinite(number) for number in (baseline, value)):
        return
    until = moment(case["incident"]["detected_at"])
    since = min(moment(case["incident"].get("onset_at") or case["incident"]["detected_at"]), until)
    if since == until:
        since = until - ONSET
    window = {"from": text(since), "until": text(until)}
    name = "item.deviated" if "key" in of else "relation.deviated"
    where = of.get("key") or of["dependent"] | {"to": of["provider"]["name"]}
    data = {**of, "deviation": {"metric": metric, "baseline": baseline, "value": value, "window": window}}
    delivery = f"signal/{'/'.join(str(part) for part in where.values())}/{metric}"
    yield event(source_of(case), delivery, name, text(until), data)


def incident_event(case):
    """The incident as the alert that raised it."""
    incident = case["incident"]
    data = {"sourceId": case["case"], "items": [key(entity) for entity in incident["affected"]]}
    data |= {"title": incident["symptom"], "startedAt": incident["detected_at"]}
    return event(source_of(case), "incident", "incident.opened", incident["detected_at"], data)


def moment(time):
    return datetime.datetime.fromisoformat(time.replace("Z", "+00:00"))


def text(time):
    return time.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
