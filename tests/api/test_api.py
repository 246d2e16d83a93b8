"""Checks the API of a running console against its own description."""

import datetime
import json
import os
import subprocess
import sys
import unittest
import uuid
from pathlib import Path

from client import Api
from dev import Dev, wait_for

HERE = Path(__file__).resolve().parent

#: Operations that never succeed, as they take an OpenID provider, the session of a person, or a dead letter.
REFUSED = {
    "GET /v1/dead-letters/{sequence}",
    "POST /v1/dead-letters/{sequence}/replay",
    "GET /v1/sign-in",
    "GET /v1/sign-in/callback",
    "POST /v1/sign-out",
}
#: Operations that only answer with empty lists, as nothing is missing, set aside or withdrawn.
EMPTY = {
    "GET /v1/dead-letters",
    "GET /v1/gaps",
    "GET /v1/orgs/{org_id}/gaps",
    "GET /v1/tenant-security-api-anomalies/deleted",
}


def setUpModule():
    global dev
    dev = Dev()
    unittest.addModuleCleanup(dev.close)


class Client(unittest.TestCase):
    """A client that was written from the description alone."""

    def test_a_decision_is_previewed_recorded_followed_and_undone(self):
        api = Api(dev.url, dev.token)
        with api.follow("followEvents") as stream:
            self.assertEqual(stream.next().event, "start")

            found = wait_for("an open incident", lambda: api.call("listIncidents", {"status": "open"}).body["items"])
            incident = {"incident_id": found[0]["incident_id"]}

            def state():
                answer = api.call("readIncident", incident)
                return answer.headers["etag"], answer.body["status"], answer.body["disposition"]

            tag, status, disposition = state()
            self.assertEqual((status, disposition), ("open", None))
            self.assertEqual(api.call("readIncident", incident | {"if-none-match": tag}).status, 304)

            ruling = {"kind": "disposition", "incident_ids": [incident["incident_id"]], "disposition": "benign"}
            asked = {"reason": "A migration that was announced.", "ruling": ruling}
            preview = api.call("previewDecision", body=asked).body
            self.assertEqual([effect["incident_id"] for effect in preview["effects"]], ruling["incident_ids"])
            becomes = {standing["incident_id"]: standing["becomes"] for standing in preview["incidents"]}
            self.assertEqual(becomes[incident["incident_id"]], "closes")
            self.assertEqual(state(), (tag, "open", None), "a preview changes nothing")

            condition = {"idempotency-key": str(uuid.uuid4()), "if-match": tag}
            recorded = api.call("recordDecision", condition, asked)
            self.assertEqual((recorded.status, recorded.body["applied"]), (201, True))
            self.assertEqual(state()[1:], ("resolved", "benign"))
            disposed = self.change_of(incident, api, stream)
            repeated = api.call("recordDecision", condition, asked)
            self.assertEqual((repeated.status, repeated.body["decisions"]), (200, recorded.body["decisions"]))
            self.assertEqual(api.call("recordDecision", {"if-match": tag}, asked).status, 412)

            [decision] = recorded.body["decisions"]
            ruling = {"kind": "undone", "decision_id": decision["decision_id"]}
            undo = {"reason": "It was not announced.", "ruling": ruling}
            undone = api.call("recordDecision", {"idempotency-key": str(uuid.uuid4())}, undo)
            self.assertEqual((undone.status, undone.body["applied"]), (201, True))
            self.assertEqual(state()[1:], ("open", None))
            reopened = self.change_of(incident, api, stream)

        with api.follow("followEvents", {"last-event-id": disposed.id}) as stream:
            self.assertEqual(stream.next()[:2], ("start", disposed.id))
            self.assertEqual(self.change_of(incident, api, stream), reopened)

    def change_of(self, incident, api, stream):
        """Returns the next change of an incident."""
        while True:
            event = stream.next()
            self.assertEqual(event.event, "incident")
            api.validate_as("IncidentChange", event.data)
            if event.data["incident_id"] == incident["incident_id"]:
                return event


class Document(unittest.TestCase):
    """Requests that Schemathesis makes of the description, allowed and not."""

    def setUp(self):
        self.api = Api(dev.url, dev.token)

    def test_every_answer_is_as_documented(self):
        # Given its URL, Schemathesis would leave out the operation that answers with it.
        document, calls = dev.folder / "openapi.json", dev.folder / "calls.ndjson"
        document.write_text(json.dumps(self.api.document))
        variables = {
            "CALLS": str(calls),
            "OWN_SESSION": self.api.call("readSession").body["session_id"],
            "PYTHONPATH": str(HERE),
            "SCHEMATHESIS_HOOKS": "hooks",
            "TOKEN": dev.token,
            "VALUES": json.dumps(self.values()),
        }
        run = ["--config-file", HERE / "schemathesis.toml", "run", document, "--url", dev.url]
        ran = subprocess.run(
            [sys.executable, "-B", "-m", "schemathesis.cli", *run, "--no-color", "--warnings", "off"],
            cwd=dev.folder,
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        self.assertEqual(ran.returncode, 0, ran.stdout)

        answers = [json.loads(line) for line in calls.read_text().splitlines()]
        done = [(label, has_data) for label, status, has_data in answers if 200 <= status < 300]
        called = {f"{method} {path}" for method, path, _ in self.api.operations.values()}
        self.assertEqual({label for label, _, _ in answers}, called)
        self.assertEqual(called - {label for label, _ in done}, REFUSED)
        self.assertEqual(called - {label for label, has_data in done if has_data} - REFUSED, EMPTY)

    def values(self):
        """Returns what a client takes from other answers, by parameter or field, or by operation and parameter."""
        call = self.api.call
        org = call("listOrgs").body[0]["org_id"]
        found = call("listIncidents", {"org": org}).body["items"]
        found.sort(key=lambda incident: -incident["similar"])
        incidents = [incident["incident_id"] for incident in found[:5]]
        shown = call("readIncident", {"incident_id": incidents[0]}).body
        finding, user = shown["findings"][0], shown["user_id"]
        comment = {"reason": "Asked.", "ruling": {"kind": "comment", "incident_ids": incidents}}
        decisions = call("recordDecision", body=comment).body["decisions"]
        toml = "[detect]\nraise_at = 3.5"
        settings = {"kind": "settings", "org_id": org, "toml": toml}
        call("recordDecision", body={"reason": "Fewer alarms.", "ruling": settings})
        token = {"name": "to be ended", "roles": {org: "viewer"}, "days": 1}
        forgotten = [f"forgotten {number}" for number in range(20)]
        for view in forgotten:
            call("keepView", {"name": view}, body={"query": "status=open"})
        hour = datetime.timedelta(hours=1)
        now = datetime.datetime.now(datetime.UTC)
        values = {
            "org_id": [org],
            "org": [org],
            "user_id": [user],
            "user": [user],
            "incident_id": incidents,
            "incident": incidents,
            "incident_ids": incidents,
            "finding_id": [finding["finding_id"]],
            "detector": [finding["detector"]],
            "least": [1.0],
            "hash": [finding["config_hash"]],
            "decision_id": [decision["decision_id"] for decision in decisions],
            "session_id": [call("makeToken", body=token).body["session_id"] for _ in range(20)],
            "roles": [{org: "viewer"}],
            "after": ["0-0"],
            "last-event-id": ["0-0"],
            "from": [finding["observed_at"][:10] + "T00:00:00Z"],
            "to": [shown["last_event_at"]],
            # The days of the simulated org begin at midnight in UTC.
            "day": [finding["observed_at"][:10] + "T00:00:00Z"],
            "start": [(now - hour).isoformat()],
            "end": [(now + hour).isoformat()],
            "fields": ["Score,Username"],
            "toml": [toml],
            "GET /v1/tenant-security-api-anomalies sort": ["-Score"],
            "PUT /v1/views/{name} name": ["kept", "kept, too"],
            "PUT /v1/views/{name} query": ["severity=critical&sort=latest"],
            "DELETE /v1/views/{name} name": forgotten,
        }
        for name, (method, path, operation) in self.api.operations.items():
            parameters = {parameter["name"]: parameter["required"] for parameter in operation.get("parameters", [])}
            if "cursor" in parameters and "by" not in parameters:
                needed = {parameter: values[parameter][0] for parameter in parameters if parameters[parameter]}
                values[f"{method} {path} cursor"] = [call(name, needed | {"limit": 1}).body["next_cursor"]]
        values["GET /v1/incidents/count cursor"] = values["GET /v1/incidents cursor"]
        return values


if __name__ == "__main__":
    unittest.main()
