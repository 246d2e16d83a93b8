"""Runs what the chart renders, with the real `orgwatchd`, a real nats-server and a real Postgres."""

import json
import re
import signal
import subprocess
import unittest

import yaml

from machine import Machine, free_port, get, orgwatchd, wait_for
from support import CHART, ROOT, ci_values, component, containers, name_of, render

TOKEN = "a-token-of-sixteen-or-more"
EVENT = {
    "attributes": {"type": "ListViewEvent"},
    "EventIdentifier": "5c1f4a3e-7a52-4d3b-9f6a-0d5f6d7e8a90",
    "EventDate": "2026-03-01T10:00:00.000Z",
    "UserId": "005000000000001AAA",
    "QueriedEntities": "Account",
    "RowsProcessed": 25,
}
ANSWER = {"accepted": 1, "backfill": 1, "too_old": 0, "ahead": 0, "ignored": 0, "rejected": [], "rejected_total": 0}
NKEYS = yaml.safe_load((ROOT / "tests/chart/nkeys.yaml").read_text())


def output(*arguments, environment=None):
    done = subprocess.run([orgwatchd(), *arguments], capture_output=True, text=True, env=environment or {})
    return done.returncode, done.stdout + done.stderr


class Configuration(unittest.TestCase):
    def test_every_rendered_configuration_is_accepted(self):
        machine = Machine()
        self.addCleanup(machine.close)
        environment = {"ORGWATCH_POSTGRES__URL": "postgres://me@localhost/orgwatch"}
        # Checking the configuration reads the tokens of orgs and the secrets of destinations.
        for token in ["push-tokens/acme", "orgwatch-push/token", "sign-in/client-secret"]:
            (machine.folder / token).parent.mkdir()
            (machine.folder / token).write_text(f"a token in {token} that nobody can guess")
        (machine.folder / "channels").mkdir()
        (machine.folder / "channels/soar").write_text("whsec_" + "c2VjcmV0" * 4)
        (machine.folder / "channels/slack").write_text("https://hooks.slack.com/services/T/B/x")
        for name, values in ci_values().items():
            with self.subTest(name):
                for found in render(values).of("ConfigMap"):
                    if "orgwatch.toml" in found["data"]:
                        file = machine.folder / f"{name}-{component(found)}.toml"
                        text = found["data"]["orgwatch.toml"]
                        file.write_text(text.replace("/run/secrets/", f"{machine.folder}/"))
                        check = output("--config", str(file), "config", "check", environment=environment)
                        self.assertEqual(check, (0, ""))

    def test_the_schema_has_every_section(self):
        code, shown = output("config", "show")
        self.assertEqual(code, 0, shown)
        schema = json.loads((CHART / "values.schema.json").read_text())["properties"]["config"]
        self.assertEqual(set(re.findall(r"^\[(\w+)", shown, re.MULTILINE)), schema["properties"].keys())

    def test_defaults_on_which_the_chart_relies(self):
        shown = output("config", "show")[1]
        for line in 'prefix = "orgwatch"', "count = 32", "connect_seconds = 60":
            self.assertIn(f"\n{line}\n", shown)


class Detectors(unittest.TestCase):
    def test_the_chart_has_every_detector_and_its_family(self):
        machine = Machine()
        self.addCleanup(machine.close)
        environment = {"ORGWATCH_NATS__SERVERS": json.dumps([machine.nats()[0]])}
        text = (CHART / "templates/_workloads.tpl").read_text()
        families = yaml.safe_load(re.search(r'define "orgwatch.families" -}}\n(.*?){{', text, re.DOTALL)[1])
        for family, detectors in families.items():
            of_family = output("topology", "show", "--family", family, environment=environment)
            of_detectors = output("topology", "show", "--detectors", ",".join(detectors), environment=environment)
            filters = [self.filters(text, consumer) for (_, text), consumer in
                       ((of_family, f"detector-{family}"), (of_detectors, f"detector-{'-'.join(sorted(detectors))}"))]
            self.assertEqual(filters[0], filters[1])
            self.assertEqual(len(filters[0]), 1)
        sources = (ROOT / "crates/detect/src/detectors").glob("*.rs")
        named = [re.search(r'^    \w+ = "(\w+)", \w+, ceiling', source.read_text(), re.MULTILINE) for source in sources]
        named = {found[1] for found in named if found} | {"threat_detection"}
        self.assertEqual({detector for detectors in families.values() for detector in detectors}, named)

    def filters(self, shown, consumer):
        declared = json.loads(shown)["declared"]["consumers"]
        return [found["filters"] for found in declared if found["name"] == consumer][0]


class Release(unittest.TestCase):
    """A release that runs on this machine."""

    def setUp(self):
        self.machine = Machine()
        self.addCleanup(self.machine.close)
        self.secrets = {"orgwatch-push": {"token": TOKEN}, "orgwatch-channels": {"soar": "whsec_" + "c2VjcmV0" * 4}}

    def install(self, values, prepare=lambda administrator: {"url": administrator}, users=None):
        """Starts servers, and runs the Job if there is one.

        `prepare` returns URLs by their keys, from the administrator's URL; `users` has the permissions of each service.
        """
        self.objects = render(values)
        maps = [found["data"] for found in self.objects.of("ConfigMap")]
        configurations = [data["nats.conf"] for data in maps if "nats.conf" in data]
        if users:
            allowed = [may | {"nkey": NKEYS[own]["public"]} for own, may in users.items()]
            authorization = json.dumps({"users": allowed})
            configurations = [f"jetstream {{\n store_dir: /data\n}}\nauthorization: {authorization}\n"]
            self.secrets["orgwatch-nats"] = {own: NKEYS[own]["seed"] for own in users}
        nats, self.monitoring = self.machine.nats(*configurations)
        self.secrets["orgwatch-postgres"] = prepare(self.machine.postgres())
        self.environment = {"ORGWATCH_NATS__SERVERS": json.dumps([nats]), "ORGWATCH_LOG": "info"}
        for job in self.objects.of("Job"):
            for step in containers(job["spec"]["template"]):
                self.machine.run(self.objects, job, step, self.secrets, self.environment)

    def consumers(self):
        """Streams and consumers as KEDA sees them."""
        streams = self.streams()
        return {(stream["name"], found["name"]) for stream in streams for found in stream.get("consumer_detail", [])}

    def streams(self):
        answer = get(f"{self.monitoring}/jsz?acc=$G&consumers=true&config=true")
        return json.loads(answer[1])["account_details"][0]["stream_detail"]

    def start_services(self):
        """Starts a pod of each workload, and waits for its probes. Returns the processes, and the address to push to."""
        started, pushes, self.api = {}, f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        for own, deployment in self.objects.workloads().items():
            container = deployment["spec"]["template"]["spec"]["containers"][0]
            admin = f"127.0.0.1:{free_port()}"
            listens = {"ADMIN": admin, "INGEST": pushes, "CONSOLE": self.api}
            environment = self.environment | {f"ORGWATCH_{each}__LISTEN": at for each, at in listens.items()}
            process = self.machine.start(self.objects, deployment, container, self.secrets, environment)
            started[own] = (process, container, admin)
        for own, (process, container, admin) in started.items():
            for probe in "startup", "readiness", "liveness":
                url = f"http://{admin}{container[f'{probe}Probe']['httpGet']['path']}"

                def answers():
                    self.assertIsNone(process.poll(), self.machine.log(f"orgwatch-{own}-{container['name']}"))
                    return (get(url) or [0])[0] == 200

                wait_for(f"{own}: {probe}", answers)
        return started, pushes

    def works(self, event=EVENT, answer=ANSWER):
        """Pushes an event and finds it in the stream, with every service ready; then stops all services in order."""
        started, pushes = self.start_services()
        headers = {"Authorization": f"Bearer {TOKEN}"}
        status, body = get(f"http://{pushes}/v1/events", json.dumps(event).encode(), headers)
        self.assertEqual((status, json.loads(body)), (202, answer))
        messages = {stream["name"]: stream["state"]["messages"] for stream in self.streams()}
        self.assertEqual(messages["ORGWATCH_ACTIVITY"], 1)
        self.assertEqual(get(f"http://{self.api}/v1/openapi.json")[0], 200)
        self.assertEqual(get(f"http://{self.api}/v1/incidents")[0], 401)
        test = self.objects.get("Pod", "orgwatch-test")
        for container in test["spec"]["containers"]:
            if container["name"].startswith("topology-"):
                self.machine.run(self.objects, test, container, self.secrets, self.environment)
        for process, _, _ in started.values():
            process.send_signal(signal.SIGTERM)
        codes = {own: process.wait(30) for own, (process, _, _) in started.items()}
        self.assertEqual(codes, {own: 0 for own in started})
        for own, (_, container, _) in started.items():
            self.assertNotIn("nats: denied", self.machine.log(f"orgwatch-{own}-{container['name']}"))


class Installed(Release):
    def test_consumers_exist_before_their_scalers(self):
        self.install(ci_values()["groups"])
        scalers = [found["spec"]["triggers"][0]["metadata"] for found in self.objects.of("ScaledObject")]
        self.assertEqual(len(scalers), 2)
        self.assertEqual({found["account"] for found in scalers}, {"$G"})
        wanted = {(found["stream"], found["consumer"]) for found in scalers}
        there = self.consumers()
        self.assertLessEqual(wanted, there)
        # Groups without a scaler have consumers, too, and a group that does not run has none.
        of_groups = {name for _, name in there if name.startswith("detector-")}
        self.assertEqual(of_groups, {
            "detector-volume", "detector-identity", "detector-new_access-new_report_export-scope_increase-unlike_self",
            "detector-api_recon-off_hours-threat_detection",
        })

    def test_consumers_of_every_service_that_keda_can_scale(self):
        keda = {"autoscaling": {"kind": "keda"}}
        values = ci_values()["groups"] | {"detector": keda, "correlator": keda, "notifier": keda}
        self.install(values)
        wanted = [found["spec"]["triggers"][0]["metadata"] for found in self.objects.of("ScaledObject")]
        self.assertEqual({found["consumer"] for found in wanted}, {"detector-all", "correlator", "notifier"})
        self.assertLessEqual({(found["stream"], found["consumer"]) for found in wanted}, self.consumers())

    def test_external_servers(self):
        config = {"ingest": {"orgs": {"00D000000000001": {"token_files": ["/run/secrets/orgwatch-push/token"]}}}}
        values = ci_values()["minimal"] | {"config": config, "ingest": {"existingSecrets": ["orgwatch-push"]}}
        self.install(values)
        self.assertEqual(len(self.objects.of("Job")), 1)
        self.works()

    def test_servers_in_the_cluster(self):
        self.install(ci_values()["trying"])
        self.assertEqual(self.objects.of("Job"), [])
        self.works()


if __name__ == "__main__":
    unittest.main()
