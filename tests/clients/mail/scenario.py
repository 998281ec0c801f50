#!/usr/bin/env python3
"""Subscriptions by mail: addresses confirm, letters are read by Python's own library, and what the server of mail
answers counts for each address by itself."""

import email
import email.policy
import json
import pathlib
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from server import Server  # noqa: E402
from smtp import PASSWORD, USER, MailServer  # noqa: E402

PATIENCE = 30
CHINESE = "\u652f\u4ed8\u670d\u52a1 <b>2.1</b>"
TIME = "2026-11-20T10:00:00Z"


def configured(folder, mail, way):
    (folder / "ca.pem").write_bytes(mail.authorities)
    (folder / "password").write_text(PASSWORD + "\n")
    config = folder / "epicenter.toml"
    config.write_text(f"""
[mail]
server = "127.0.0.1"
port = {getattr(mail, way)}
tls = "{way}"
ca = "{folder}/ca.pem"
user = "{USER}"
password_file = "{folder}/password"
from = "epicenter@ops.example.com"
domains = ["example.com", "trusted.example.com"]

[deliveries]
trusted_hosts = ["trusted.example.com"]
retry_after = ["PT0.2S", "PT1H"]
""")
    return "--config", str(config)


class Asked:
    """GraphQL and the intake of a server."""

    def __init__(self, server):
        self.url = server.http

    def post(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return json.load(response)

    def graphql(self, document, **variables):
        answer = self.post("/graphql", {"query": document, "variables": variables})
        assert "errors" not in answer, answer
        return answer["data"]

    def refused(self, document, **variables):
        answer = self.post("/graphql", {"query": document, "variables": variables})
        return answer["errors"][0]["message"]

    def take(self, kind, **data):
        answer = self.post("/ingest/events", [{"source": "test", "type": kind, "time": TIME, "data": data}])
        assert answer["rejected"] == [], answer

    def change(self, number, item, title=None, **more):
        self.take("change.recorded", sourceId=str(number), title=title or f"ship {number}", targets=[item], **more)

    def subscribe(self, url, item, **more):
        about = {"name": f"about {item}", "url": url, "match": {"items": [item], "incidents": True}, **more}
        return self.graphql(SUBSCRIBE, input=about)["subscribe"]["id"]

    def until(self, document, is_so, **variables):
        end = time.monotonic() + PATIENCE
        while True:
            answer = self.graphql(document, **variables)
            if is_so(answer):
                return answer
            assert time.monotonic() < end, answer

    def deliveries(self, subscription, is_so):
        answer = self.until(DELIVERIES, lambda it: is_so(it["deliveries"]["nodes"]), id=subscription)
        return answer["deliveries"]["nodes"]


SUBSCRIBE = "mutation ($input: SubscribeInput!) { subscribe(input: $input) { id } }"
DELIVERIES = """query ($id: ID!) { deliveries(subscription: $id) {
  nodes { id status nextAt attempts { number status error } } } }"""
CONFIRM = "mutation ($id: ID!, $code: String) { verifySubscription(id: $id, code: $code) { status error } }"
STANDING = """{ subscriptions { nodes { id url format enabled disabledReason deliveries { verification {
  required verifiedAt addresses { address verifiedAt sentAt error } } } } } }"""


class Letters:
    """What a server of mail took, each by the address that it was for."""

    def __init__(self, mail):
        self.queue, self.kept = mail.answers.letters, []

    def to(self, address):
        """The next letter to an address, whoever else got others meanwhile."""
        while True:
            for place, (to, letter) in enumerate(self.kept):
                if address in to:
                    del self.kept[place]
                    return to, letter
            self.keep(self.queue.get(timeout=PATIENCE))

    def keep(self, taken):
        is_known, to, content = taken
        assert is_known, "over TLS, and by the password"
        self.kept.append((to, email.message_from_bytes(content, policy=email.policy.default)))

    def none_to(self, address):
        while not self.queue.empty():
            self.keep(self.queue.get())
        assert not [to for to, _ in self.kept if address in to]


def text(letter, kind="plain"):
    return letter.get_body((kind,)).get_content().replace("\r\n", "\n")


def addresses_confirm(asked, letters, mail):
    url = "mailto:li@example.com,wang%2Bops@example.com"
    subscription = asked.subscribe(url, "service:a")
    asked.change(1, "service:a")
    _, first = letters.to("li@example.com")
    _, second = letters.to("wang+ops@example.com")
    assert first["Subject"] == "Confirm that you want to hear from Epicenter", first["Subject"]
    assert "about service:a" not in str(first), "no word of who subscribed"
    first, second = (text(it).split("Code: ")[1].split()[0] for it in (first, second))
    assert first != second
    test = "mutation ($id: ID!) { testSubscription(id: $id) { status error } }"
    assert "not verified" in asked.refused(test, id=subscription)
    assert "the code is not one" in asked.refused(CONFIRM, id=subscription, code="x")
    letters.none_to("li@example.com")
    asked.graphql(CONFIRM, id=subscription, code=second)
    to, letter = letters.to("wang+ops@example.com")
    assert to == ["wang+ops@example.com"] and "ship 1" in letter["Subject"], (to, letter["Subject"])
    assert "the code is not one" in asked.refused(CONFIRM, id=subscription, code=second), "it was used"
    standing = next(it for it in asked.graphql(STANDING)["subscriptions"]["nodes"] if it["id"] == subscription)
    assert (standing["url"], standing["format"]) == ("mailto:*@example.com", "EMAIL"), standing
    known = standing["deliveries"]["verification"]["addresses"]
    assert [it["address"] for it in known] == ["l\u2026@example.com", "w\u2026@example.com"], known
    assert [it["verifiedAt"] is not None for it in known] == [False, True], known
    asked.graphql(CONFIRM, id=subscription)
    again = text(letters.to("li@example.com")[1]).split("Code: ")[1].split()[0]
    assert "the code is not one" in asked.refused(CONFIRM, id=subscription, code=first), "another was sent"
    asked.graphql(CONFIRM, id=subscription, code=again)
    assert asked.refused(CONFIRM, id=subscription) == "every address has confirmed"
    answer = asked.graphql(test, id=subscription)["testSubscription"]
    assert answer == {"status": 250, "error": None}, answer
    to, letter = letters.to("li@example.com")
    assert to == ["li@example.com", "wang+ops@example.com"], to
    assert letter["To"] == "li@example.com, wang+ops@example.com", letter["To"]

    stranger = asked.subscribe("mailto:stranger@example.com", "service:b")
    letters.to("stranger@example.com")
    for _ in range(2):
        asked.graphql(CONFIRM, id=stranger)
        letters.to("stranger@example.com")
    assert asked.refused(CONFIRM, id=stranger).startswith("too many challenges were sent")
    refused = asked.refused(SUBSCRIBE, input={"name": "x", "url": "mailto:x@evil.org", "match": {}})
    assert refused == "url holds \"x@evil.org\", whose domain is not one of `mail.domains`", refused


def letters_are_read(asked, letters):
    subscription = asked.subscribe("mailto:reader@trusted.example.com", "service:prod/shop")
    asked.change(7, "service:prod/shop", CHINESE + "\r\nBcc: evil@example.com", environment="prod", status="running")
    _, letter = letters.to("reader@trusted.example.com")
    assert letter["Subject"] == f"Change: {CHINESE} Bcc: evil@example.com (service:prod/shop, prod)", letter["Subject"]
    assert letter["Bcc"] is None and not letter.defects, letter.defects
    assert letter.get_content_type() == "multipart/alternative"
    assert [it.get_content_type() for it in letter.iter_parts()] == ["text/plain", "text/html"]
    assert letter["From"] == "Epicenter <epicenter@ops.example.com>", letter["From"]
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["List-Id"] == f"<{subscription}.ops.example.com>", letter["List-Id"]
    assert abs(letter["Date"].datetime.timestamp() - time.time()) < 60
    delivery = asked.deliveries(subscription, lambda it: it and it[0]["status"] == "DELIVERED")[0]
    assert letter["Message-ID"] == f"<{delivery['id']}@ops.example.com>", letter["Message-ID"]
    assert text(letter).startswith(f"{CHINESE} Bcc: evil@example.com: running\n\nStatus: running\nEnvironment: prod\n")
    shown = text(letter, "html")
    assert "<b>" not in shown and CHINESE.replace("<", "&lt;").replace(">", "&gt;") in shown, shown
    asked.change(7, "service:prod/shop", CHINESE, environment="prod", status="succeeded")
    _, later = letters.to("reader@trusted.example.com")
    assert "Status: succeeded" in text(later)
    assert later["Message-ID"] != letter["Message-ID"]
    assert later["References"] == letter["References"] == later["In-Reply-To"], "they hang together"
    asked.take("incident.opened", sourceId="i", title="slow", severity="critical", items=["service:prod/shop"])
    _, incident = letters.to("reader@trusted.example.com")
    assert incident["Subject"] == "Incident: slow (service:prod/shop)", incident["Subject"]
    assert "Severity: critical" in text(incident)
    assert incident["References"] != letter["References"]

    asked.subscribe("mailto:digest@trusted.example.com", "service:d", digest={"every": "PT1S"})
    asked.change(8, "service:d")
    asked.change(9, "service:d")
    _, gathered = letters.to("digest@trusted.example.com")
    assert gathered["Subject"] == "2 notices for about service:d", gathered["Subject"]
    assert "- ship 8: " in text(gathered) and "- ship 9: " in text(gathered), text(gathered)


def answers_count_for_each_address(asked, letters, mail):
    hanging = asked.subscribe("mailto:hang@trusted.example.com", "service:e")
    partly = asked.subscribe("mailto:ok1@trusted.example.com,gone1@trusted.example.com", "service:e")
    later = asked.subscribe("mailto:ok2@trusted.example.com,later@trusted.example.com", "service:e")
    refused = asked.subscribe("mailto:refused@trusted.example.com", "service:e")
    gone = asked.subscribe("mailto:gone2@trusted.example.com", "service:e")
    asked.change(10, "service:e")
    assert letters.to("ok1@trusted.example.com")[0] == ["ok1@trusted.example.com"]
    told = "g\u2026@trusted.example.com: 550 5.1.1 <g\u2026@trusted.example.com>: there is nobody"
    only = asked.deliveries(partly, lambda it: it and it[0]["status"] == "DELIVERED")[0]
    assert only["attempts"] == [{"number": 1, "status": 250, "error": told}], only

    _, first = letters.to("ok2@trusted.example.com")
    to, second = letters.to("later@trusted.example.com")
    assert to == ["later@trusted.example.com"], "who has it is not sent it again"
    assert first["Message-ID"] == second["Message-ID"]
    only = asked.deliveries(later, lambda it: it and it[0]["status"] == "DELIVERED")[0]
    told = "l\u2026@trusted.example.com: 451 4.7.1 try again"
    expected = [{"number": 1, "status": 451, "error": told}, {"number": 2, "status": 250, "error": None}]
    assert only["attempts"] == expected, only

    dead = asked.deliveries(refused, lambda it: it and it[0]["status"] == "DEAD")[0]
    told = "r\u2026@trusted.example.com: 550 5.7.1 not from you"
    assert dead["attempts"] == [{"number": 1, "status": 550, "error": told}], dead
    standing = lambda answer, id: next(it for it in answer["subscriptions"]["nodes"] if it["id"] == id)
    answer = asked.until(STANDING, lambda it: not standing(it, gone)["enabled"])
    reason = standing(answer, gone)["disabledReason"]
    assert reason == "the mail server says that there is nobody at its addresses", reason
    assert standing(answer, refused)["enabled"]

    waits = asked.deliveries(hanging, lambda it: it)[0]
    assert (waits["status"], waits["attempts"]) == ("WAITING", []), "it stands in nobody's way"


def main():
    with tempfile.TemporaryDirectory() as folder, MailServer() as mail:
        folder, letters = pathlib.Path(folder), Letters(mail)
        flags = configured(folder, mail, "starttls")
        server = Server(*flags, data_dir=folder / "data")
        with server:
            asked = Asked(server)
            addresses_confirm(asked, letters, mail)
            letters_are_read(asked, letters)
            answers_count_for_each_address(asked, letters, mail)
            asked.subscribe("mailto:slow@trusted.example.com", "service:f")
            asked.change(11, "service:f")
            _, before = letters.to("slow@trusted.example.com")
            server.kill()

            mail.answers.is_quick = True
            configured(folder, mail, "implicit")
            server.start()
            _, again = letters.to("slow@trusted.example.com")
            assert before["Message-ID"] == again["Message-ID"], "whoever has it twice can tell"
            asked = Asked(server)
            asked.change(12, "service:a")
            assert letters.to("li@example.com")[0] == ["li@example.com", "wang+ops@example.com"], "they confirmed before"
            mail.loop.call_soon_threadsafe(mail.answers.hung.set)
    print("ok: addresses confirm; Python reads letters; each address counts by itself; a kill loses no letter")


if __name__ == "__main__":
    main()
