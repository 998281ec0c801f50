"""Python's icalendar writes a feed of freezes that the server takes, and reads the calendar that it gives."""

import datetime
import json
import pathlib
import sys
import urllib.error
import urllib.parse
import urllib.request
import zoneinfo

import icalendar

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from server import Server  # noqa: E402

UTC = datetime.timezone.utc
TITLE = "Año nuevo, 2027; " + "a title so long that its line is folded, with 圣诞节 in it " * 2


def post(server, path, kind, body, headers={}):
    request = urllib.request.Request(f"{server.http}{path}", body, {"content-type": kind, **headers})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def feed_of_freezes():
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//written here//EN")
    calendar.add("version", "2.0")
    year = icalendar.Event()
    year.add("uid", "new-year")
    year.add("summary", TITLE)
    year.add("dtstart", datetime.date(2026, 12, 31))
    year.add("dtend", datetime.date(2027, 1, 2))
    calendar.add_component(year)
    friday = icalendar.Event()
    friday.add("uid", "friday")
    friday.add("summary", "Friday afternoon")
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    friday.add("dtstart", datetime.datetime(2026, 11, 6, 15, tzinfo=berlin))
    friday.add("dtend", datetime.datetime(2026, 11, 6, 18, tzinfo=berlin))
    friday.add("rrule", {"freq": "weekly", "until": datetime.datetime(2026, 12, 31, tzinfo=UTC)})
    friday.add("exdate", datetime.datetime(2026, 11, 13, 15, tzinfo=berlin))
    calendar.add_component(friday)
    calendar.add_missing_timezones()
    return calendar.to_ical()


def calendar_of(server, tag=None, **asked):
    asked = {"from": "2026-11-01T00:00:00Z", "to": "2027-02-01T00:00:00Z", **asked}
    url = f"{server.http}/calendar.ics?{urllib.parse.urlencode(asked)}"
    request = urllib.request.Request(url, headers={"if-none-match": tag} if tag else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def events_of(body):
    calendar = icalendar.Calendar.from_ical(body)
    assert calendar["version"] == "2.0" and calendar["prodid"]
    found = {}
    for event in calendar.walk("VEVENT"):
        assert event["uid"] not in found, "an id stands once"
        assert event["dtstamp"].dt.tzinfo, "a moment has a zone"
        found[str(event["uid"])] = event
    return found


def main():
    with Server() as server:
        meaning = {"effect": "freeze", "source": "holidays", "scope": {"environments": ["prod"]}, "timeZone": "Europe/Berlin"}
        headers = {"epicenter-calendar": json.dumps(meaning)}
        answer = post(server, "/ingest/ical", "text/calendar", feed_of_freezes(), headers)
        assert (answer["accepted"], answer["rejected"]) == (2, []), answer
        change = {
            "sourceId": "deploy-7", "title": "ledger 2.1", "targets": ["service:prod/ledger"], "environment": "prod",
            "status": "planned", "plannedStartAt": "2026-12-24T10:00:00Z", "plannedFinishAt": "2026-12-24T11:00:00Z",
        }
        event = {"source": "cd", "type": "change.recorded", "time": "2026-11-20T10:00:00Z", "data": change}
        post(server, "/ingest/events", "application/json", json.dumps(event).encode())

        status, headers, body = calendar_of(server)
        assert status == 200 and headers["content-type"] == "text/calendar; charset=utf-8", headers
        assert all(len(line) <= 75 for line in body.split(b"\r\n")), "lines are folded"
        events = events_of(body)
        by_summary = {str(event["summary"]): event for event in events.values()}
        year = by_summary[f"Freeze: {TITLE.strip()}"]
        assert year["dtstart"].dt == datetime.datetime(2026, 12, 30, 23, tzinfo=UTC), year
        assert year["dtend"].dt == datetime.datetime(2027, 1, 1, 23, tzinfo=UTC), year
        fridays = [event["dtstart"].dt for event in events.values() if "Friday" in event["summary"]]
        assert len(fridays) == 7 and datetime.datetime(2026, 11, 13, 14, tzinfo=UTC) not in fridays, fridays
        planned = by_summary["ledger 2.1"]
        assert planned["dtstart"].dt == datetime.datetime(2026, 12, 24, 10, tzinfo=UTC)
        assert "status: planned" in planned["description"] and str(planned["status"]) == "CONFIRMED"

        again, _, empty = calendar_of(server, tag=headers["etag"])
        assert (again, empty) == (304, b""), "nothing changed"
        assert not events_of(calendar_of(server, environment="test")[2]), "all of it is about prod"

        post(server, "/ingest/events", "application/json", json.dumps({
            **event, "time": "2026-11-20T11:00:00Z", "data": {"sourceId": "deploy-7", "status": "cancelled"},
        }).encode())
        status, _, body = calendar_of(server, tag=headers["etag"])
        cancelled = events_of(body)[str(planned["uid"])]
        assert status == 200 and str(cancelled["status"]) == "CANCELLED", "the same event, called off"
        assert cancelled["sequence"] > planned["sequence"]
        assert calendar_of(server, item="service:nobody")[0] == 404
    print("calendar: what Python's icalendar writes is taken, and what is given it reads")


if __name__ == "__main__":
    main()
