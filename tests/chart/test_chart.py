"""Checks what the chart renders for every file in ci/: schemas, and properties that are easy to get wrong."""

import functools
import json
import unittest
from urllib.parse import urlsplit

import helm_python
import kubernetes_validate

from support import CHART, CUSTOM, KUBERNETES, ci_values, component, containers, hook, name_of, render, selects

import capacity  # support has put its folder on the path

SERVICES = {"ingest", "baseline", "detector", "correlator", "notifier", "console"}
#: Where services serve requests.
SERVED = {"ingest": "ingest.listen", "console": "console.listen"}


def every(cases):
    """Runs a test for each case that `cases` finds in the rendered objects: a name, and arguments."""

    def decorate(test):
        @functools.wraps(test)
        def run(self):
            for name, *arguments in cases(self.rendered):
                with self.subTest(name):
                    test(self, *arguments)

        return run

    return decorate


def file(rendered):
    return rendered.items()


def pod(rendered):
    for name, objects in rendered.items():
        for owner, found in objects.pods():
            yield f"{name}: {owner['kind']} {name_of(owner)}", objects, owner, found


def workload(rendered):
    for name, objects in rendered.items():
        for own, deployment in objects.workloads().items():
            yield f"{name}: {own}", objects, own, deployment


def container_of(deployment):
    return deployment["spec"]["template"]["spec"]["containers"][0]


def mebibytes(quantity):
    """Returns a quantity of memory such as 512Mi as a number of MiB."""
    return int(quantity[:-2]) * {"Mi": 1, "Gi": 1024}[quantity[-2:]]


def config_of(objects, deployment):
    return objects.config(deployment["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"])


class EveryValuesFile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rendered = {}
        for name, values in ci_values().items():
            cls.rendered[name] = render(values)
            cls.rendered[f"{name}, upgrade"] = render(values, is_install=False, is_upgrade=True, revision=2)

    def test_lint(self):
        for name, values in ci_values().items():
            for version in KUBERNETES:
                with self.subTest(name, version=version):
                    report = helm_python.lint(CHART, values, strict=True, kube_version=f"v{version}.0")
                    self.assertEqual((report["errors"], report["messages"]), ([], []))

    def test_kubernetes_schemas(self):
        # Objects that several files have in common are validated once, because validation is slow.
        distinct = {json.dumps(found, sort_keys=True): found for objects in self.rendered.values() for found in objects}
        for found in distinct.values():
            for version in KUBERNETES:
                with self.subTest(f"{found['kind']} {name_of(found)}", version=version):
                    if found["kind"] not in CUSTOM:
                        kubernetes_validate.validate(found, version, strict=True)

    @every(file)
    def test_names_are_unique_and_short(self, objects):
        names = [(found["kind"], name_of(found)) for found in objects]
        self.assertEqual(len(set(names)), len(names))
        self.assertTrue(all(len(name) <= 63 for _, name in names), names)

    @every(file)
    def test_every_service_runs(self, objects):
        services = {container_of(deployment)["name"] for deployment in objects.workloads().values()}
        self.assertEqual(services, SERVICES)

    @every(workload)
    def test_selectors_of_a_workload_match_only_its_pods(self, objects, own, deployment):
        name, template = name_of(deployment), deployment["spec"]["template"]
        selectors = [
            deployment["spec"]["selector"]["matchLabels"],
            objects.get("Service", name)["spec"]["selector"],
            objects.get("NetworkPolicy", name)["spec"]["podSelector"]["matchLabels"],
        ]
        selectors += [found["labelSelector"]["matchLabels"] for found in template["spec"]["topologySpreadConstraints"]]
        selectors += [
            found["spec"]["selector"]["matchLabels"]
            for found in objects.of("PodDisruptionBudget")
            if component(found) == own
        ]
        for selector in selectors:
            self.assertEqual([component(found) for _, found in objects.pods() if selects(selector, found)], [own])
        # full-values.yaml disables the one of notifier.
        has_budget = not (own == "notifier" and name == "watch-notifier")
        self.assertEqual(len(selectors), 5 + has_budget)
        self.assertEqual(template["spec"]["serviceAccountName"], name)
        self.assertIs(objects.get("ServiceAccount", name)["automountServiceAccountToken"], False)

    @every(pod)
    def test_pods_are_restricted(self, _objects, _owner, found):
        spec = found["spec"]
        self.assertIs(spec["automountServiceAccountToken"], False)
        self.assertIs(spec["enableServiceLinks"], False)
        self.assertIs(spec["securityContext"]["runAsNonRoot"], True)
        self.assertGreater(spec["securityContext"]["runAsUser"], 0)
        self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
        self.assertFalse(spec.keys() & {"hostNetwork", "hostPID", "hostIPC"})
        for container in containers(found):
            context = container["securityContext"]
            self.assertIs(context["allowPrivilegeEscalation"], False)
            self.assertIs(context["readOnlyRootFilesystem"], True)
            self.assertEqual(context["capabilities"], {"drop": ["ALL"]})
            self.assertIn("memory", container["resources"]["limits"])
            self.assertEqual(container["resources"]["requests"].keys(), {"cpu", "memory"})
            self.assertFalse(container["image"].endswith(":latest"), container["image"])

    @every(workload)
    def test_memory_is_what_was_measured_and_more(self, _objects, own, deployment):
        resources = container_of(deployment)["resources"]
        service = own.partition("-")[0]
        peak, give = capacity.documented()[service]
        pushes = capacity.PUSHES if service == "ingest" else 0
        self.assertGreaterEqual(mebibytes(resources["requests"]["memory"]), peak)
        self.assertGreaterEqual(mebibytes(resources["limits"]["memory"]), max(give, peak + pushes))

    @every(workload)
    def test_probes_use_the_right_paths(self, _objects, own, deployment):
        container = container_of(deployment)
        probes = {probe: container[f"{probe}Probe"] for probe in ("startup", "liveness", "readiness")}
        # Pushes are accepted while Postgres is away, and the API is served while NATS is.
        readiness = "/startupz" if own in SERVED else "/readyz"
        paths = {probe: settings["httpGet"]["path"] for probe, settings in probes.items()}
        self.assertEqual(paths, {"startup": "/startupz", "liveness": "/livez", "readiness": readiness})
        self.assertEqual({settings["httpGet"]["port"] for settings in probes.values()}, {"admin"})
        # nats.connect_seconds, and as long again for Postgres and the schema.
        self.assertGreaterEqual(probes["startup"]["periodSeconds"] * probes["startup"]["failureThreshold"], 120)

    @every(workload)
    def test_services_have_time_to_stop_in_order(self, _objects, own, deployment):
        hooks = container_of(deployment).get("lifecycle", {})
        drain = hooks.get("preStop", {}).get("sleep", {}).get("seconds", 0)
        self.assertEqual(drain > 0, own in SERVED)
        self.assertGreater(deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"], 20 + drain)

    @every(workload)
    def test_ports_match_the_configuration(self, objects, own, deployment):
        config = config_of(objects, deployment)
        listens = {"admin": config["admin.listen"]}
        if own in SERVED:
            listens["http"] = config[SERVED[own]]
        expect = {name: int(json.loads(address).rsplit(":", 1)[1]) for name, address in listens.items()}
        ports = {port["name"]: port["containerPort"] for port in container_of(deployment)["ports"]}
        service = objects.get("Service", name_of(deployment))["spec"]["ports"]
        self.assertEqual(ports, expect)
        self.assertEqual({port["targetPort"]: port["port"] for port in service}, expect)
        policy = objects.get("NetworkPolicy", name_of(deployment))["spec"]["ingress"]
        self.assertEqual({port["port"] for rule in policy for port in rule["ports"]}, set(expect.values()))
        self.assertTrue(all(rule["from"] for rule in policy))

    @every(workload)
    def test_egress_matches_the_configuration(self, objects, own, deployment):
        config = config_of(objects, deployment)
        urls = json.loads(config["nats.servers"])
        urls += [json.loads(value) for key, value in config.items() if key == "telemetry.otlp_endpoint"]
        # postgres.port of full-values.yaml; the default port elsewhere.
        expect = {53, 6432 if name_of(deployment).startswith("watch-") else 5432}
        expect |= {urlsplit(url).port for url in urls}
        if own == "notifier" and "notifier.destinations.soar.url" in config:
            expect |= {urlsplit(json.loads(config["notifier.destinations.soar.url"])).port, 443}
        if own == "console" and "console.sign_in.issuer" in config:
            expect.add(443)
        rules = objects.get("NetworkPolicy", name_of(deployment))["spec"]["egress"]
        self.assertEqual({port["port"] for rule in rules for port in rule["ports"]}, expect)

    @every(file)
    def test_everything_not_allowed_is_denied(self, objects):
        deny, = [found for found in objects.of("NetworkPolicy") if component(found) == "default-deny"]
        self.assertEqual(deny["spec"]["policyTypes"], ["Ingress", "Egress"])
        self.assertFalse(deny["spec"].keys() & {"ingress", "egress"})
        for _, found in objects.pods():
            self.assertTrue(selects(deny["spec"]["podSelector"]["matchLabels"], found))

    @every(workload)
    def test_replicas_are_set_only_without_a_scaler(self, objects, _own, deployment):
        scalers = objects.of("HorizontalPodAutoscaler", "ScaledObject")
        scalers = [found for found in scalers if found["spec"]["scaleTargetRef"]["name"] == name_of(deployment)]
        self.assertLessEqual(len(scalers), 1)
        self.assertEqual("replicas" in deployment["spec"], not scalers)

    @every(file)
    def test_scalers_scale_existing_workloads(self, objects):
        for found in objects.of("HorizontalPodAutoscaler", "ScaledObject"):
            target = found["spec"]["scaleTargetRef"]
            self.assertEqual(name_of(found), name_of(objects.get(target["kind"], target["name"])))

    @every(workload)
    def test_baseline_is_scaled_with_its_partitions(self, objects, own, deployment):
        if own != "baseline":
            return
        partitions = int(config_of(objects, deployment).get("partitions.count", 32))
        scalers = [found for found in objects.of("HorizontalPodAutoscaler") if component(found) == own]
        most = [found["spec"]["maxReplicas"] for found in scalers] or [deployment["spec"]["replicas"]]
        self.assertLessEqual(most[0], partitions)
        # The next pod waits until partitions have moved, and no pod stops before its successor is ready.
        self.assertGreater(deployment["spec"]["minReadySeconds"], 10)
        self.assertEqual(deployment["spec"]["strategy"]["rollingUpdate"], {"maxSurge": 1, "maxUnavailable": 0})

    @every(file)
    def test_the_job_runs_before_the_release_and_needs_none_of_its_objects(self, objects):
        made = {name_of(found) for found in objects.of("Secret")}
        for job in objects.of("Job"):
            events, weight = hook(job)
            self.assertEqual(events, {"pre-install", "pre-upgrade"})
            spec = job["spec"]["template"]["spec"]
            config = spec["volumes"][0]["configMap"]["name"]
            needs = [("ServiceAccount", spec["serviceAccountName"]), ("ConfigMap", config), ("NetworkPolicy", config)]
            for kind, name in needs:
                self.assertEqual(hook(objects.get(kind, name))[0], events)
                self.assertLess(hook(objects.get(kind, name))[1], weight)
            used = {volume["secret"]["secretName"] for volume in spec["volumes"] if "secret" in volume}
            self.assertFalse(made & used)

    @every(workload)
    def test_either_the_job_or_the_services_create_schema_and_consumers(self, objects, _own, deployment):
        """The Job creates them on external servers, the services on servers in the cluster."""
        config = config_of(objects, deployment)
        jobs = [job["spec"]["template"] for job in objects.of("Job")]
        steps = [container["args"][2:] for job in jobs for container in containers(job)]
        self.assertEqual(json.loads(config["postgres.migrate"]), ["migrate"] not in steps)
        chosen = [step[2:] for step in steps if step[:2] == ["topology", "apply"]]
        arguments = [container_of(found)["args"][2:] for found in objects.workloads().values()]
        groups = [found[1:] for found in arguments if found[0] == "detector"]
        self.assertEqual(chosen, [] if json.loads(config["nats.manage_topology"]) else groups)

    @every(pod)
    def test_mounted_volumes_exist(self, objects, owner, found):
        maps = {name_of(found) for found in objects.of("ConfigMap")}
        volumes = {volume["name"]: volume for volume in found["spec"].get("volumes", [])}
        claims = {claim["metadata"]["name"] for claim in owner["spec"].get("volumeClaimTemplates", [])}
        for container in containers(found):
            for mount in container.get("volumeMounts", []):
                self.assertIn(mount["name"], volumes.keys() | claims)
        used = {volume["configMap"]["name"] for volume in volumes.values() if "configMap" in volume}
        self.assertLessEqual(used, maps)

    def test_a_changed_configuration_replaces_only_pods_that_read_it(self):
        def sums(**config):
            workloads = render(ci_values()["minimal"] | {"config": config}).workloads()
            templates = {own: found["spec"]["template"] for own, found in workloads.items()}
            return {(own, found["metadata"]["annotations"]["checksum/config"]) for own, found in templates.items()}

        before = sums()
        self.assertEqual({own for own, _ in sums(correlator={"relay_ms": 51}) - before}, {"correlator"})
        self.assertEqual({own for own, _ in sums(console={"idle_minutes": 30}) - before}, {"console"})
        self.assertEqual(len(sums(telemetry={"level": "debug"}) - before), len(before))


if __name__ == "__main__":
    unittest.main()
