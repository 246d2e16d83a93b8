"""What the chart renders, for every file in ci/: valid, and right where it is hard to be."""

import json
import re
import unittest
from urllib.parse import urlsplit

import helm_python
import kubernetes_validate
import yaml

from support import CHART, CUSTOM, KUBERNETES, ci_values, component, containers, hook, name_of, notes, render, selects

SERVICES = {"ingest", "baseline", "detector", "correlator", "notifier"}


class EveryValuesFile(unittest.TestCase):
    """Each test sees all files, on installation and on upgrade."""

    @classmethod
    def setUpClass(cls):
        cls.rendered = {}
        for name, values in ci_values().items():
            cls.rendered[name] = render(values)
            cls.rendered[f"{name}, upgrade"] = render(values, is_install=False, is_upgrade=True, revision=2)

    def each(self):
        for name, objects in self.rendered.items():
            with self.subTest(name):
                yield objects

    def each_pod(self):
        for name, objects in self.rendered.items():
            for owner, pod in objects.pods():
                with self.subTest(f"{name}: {owner['kind']} {name_of(owner)}"):
                    yield objects, owner, pod

    def each_workload(self):
        for name, objects in self.rendered.items():
            for own, deployment in objects.workloads().items():
                with self.subTest(f"{name}: {own}"):
                    yield objects, own, deployment, deployment["spec"]["template"]

    def test_lint(self):
        for name, values in ci_values().items():
            for version in KUBERNETES:
                with self.subTest(name, version=version):
                    report = helm_python.lint(CHART, values, strict=True, kube_version=f"v{version}.0")
                    self.assertEqual((report["errors"], report["messages"]), ([], []))

    def test_kubernetes_schemas(self):
        for objects in self.each():
            for found in objects:
                for version in KUBERNETES:
                    with self.subTest(f"{found['kind']} {name_of(found)}", version=version):
                        if found["kind"] not in CUSTOM:
                            kubernetes_validate.validate(found, version, strict=True)

    def test_names_are_unique_and_short(self):
        for objects in self.each():
            names = [(found["kind"], name_of(found)) for found in objects]
            self.assertEqual(len(set(names)), len(names))
            self.assertTrue(all(len(name) <= 63 for _, name in names), names)

    def test_every_service_has_a_workload_with_all_that_belongs_to_it(self):
        for objects, own, deployment, pod in self.each_workload():
            name = name_of(deployment)
            self.assertIn(pod["spec"]["containers"][0]["name"], SERVICES)
            self.assertTrue(selects(deployment["spec"]["selector"]["matchLabels"], pod))
            self.assertTrue(selects(objects.get("Service", name)["spec"]["selector"], pod))
            policy = objects.get("NetworkPolicy", name)
            self.assertTrue(selects(policy["spec"]["podSelector"]["matchLabels"], pod))
            self.assertEqual(pod["spec"]["serviceAccountName"], name)
            self.assertIs(objects.get("ServiceAccount", name)["automountServiceAccountToken"], False)
            for constraint in pod["spec"]["topologySpreadConstraints"]:
                self.assertEqual(constraint["labelSelector"]["matchLabels"], deployment["spec"]["selector"]["matchLabels"])
        for objects in self.each():
            services = {deployment["spec"]["template"]["spec"]["containers"][0]["name"]
                        for deployment in objects.workloads().values()}
            self.assertEqual(services, SERVICES)

    def test_no_selector_finds_the_pods_of_another_workload(self):
        for objects, own, deployment, _ in self.each_workload():
            others = [pod for _, pod in objects.pods() if component(pod) != own]
            self.assertFalse([pod for pod in others if selects(deployment["spec"]["selector"]["matchLabels"], pod)])

    def test_disruption_budgets(self):
        for objects in self.each():
            budgets = {component(found): found["spec"] for found in objects.of("PodDisruptionBudget")}
            wanted = objects.workloads()
            if name_of(objects.of("Deployment")[0]).startswith("watch-"):
                wanted.pop("notifier")
            self.assertEqual(budgets.keys(), wanted.keys())
            for own, budget in budgets.items():
                self.assertTrue(selects(budget["selector"]["matchLabels"], wanted[own]["spec"]["template"]))
                self.assertEqual(budget["maxUnavailable"], 1)

    def test_pods_are_restricted(self):
        for _, _, pod in self.each_pod():
            spec = pod["spec"]
            self.assertIs(spec["automountServiceAccountToken"], False)
            self.assertIs(spec["enableServiceLinks"], False)
            self.assertIs(spec["securityContext"]["runAsNonRoot"], True)
            self.assertGreater(spec["securityContext"]["runAsUser"], 0)
            self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            self.assertFalse(spec.keys() & {"hostNetwork", "hostPID", "hostIPC"})
            for container in containers(pod):
                context = container["securityContext"]
                self.assertIs(context["allowPrivilegeEscalation"], False)
                self.assertIs(context["readOnlyRootFilesystem"], True)
                self.assertEqual(context["capabilities"], {"drop": ["ALL"]})
                self.assertIn("memory", container["resources"]["limits"])
                self.assertEqual(container["resources"]["requests"].keys(), {"cpu", "memory"})
                self.assertFalse(container["image"].endswith(":latest"), container["image"])

    def test_probes_ask_what_is_meant(self):
        for objects, own, _, pod in self.each_workload():
            container, spec = pod["spec"]["containers"][0], pod["spec"]
            paths = {probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")}
            # Pushes are taken while Postgres is away.
            readiness = "/startupz" if own == "ingest" else "/readyz"
            self.assertEqual(paths, {"startup": "/startupz", "liveness": "/livez", "readiness": readiness})
            self.assertTrue(all(container[f"{probe}Probe"]["httpGet"]["port"] == "admin" for probe in paths))
            startup = container["startupProbe"]
            # nats.connect_seconds, and as long again for Postgres and the schema.
            self.assertGreaterEqual(startup["periodSeconds"] * startup["failureThreshold"], 120)
            drain = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            self.assertGreater(spec["terminationGracePeriodSeconds"], 20 + drain)

    def test_ports_are_those_that_the_configuration_listens_on(self):
        for objects, own, deployment, pod in self.each_workload():
            config = objects.config(pod["spec"]["volumes"][0]["configMap"]["name"])
            listens = {"admin": config["admin.listen"]}
            if own == "ingest":
                listens["http"] = config["ingest.listen"]
            expect = {name: int(json.loads(address).rsplit(":", 1)[1]) for name, address in listens.items()}
            ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
            service = objects.get("Service", name_of(deployment))["spec"]["ports"]
            self.assertEqual(ports, expect)
            self.assertEqual({port["targetPort"]: port["port"] for port in service}, expect)
            policy = objects.get("NetworkPolicy", name_of(deployment))["spec"]["ingress"]
            opened = {port["port"] for rule in policy for port in rule["ports"]}
            self.assertEqual(opened, set(expect.values()))
            self.assertTrue(all(rule["from"] for rule in policy))

    def test_egress_is_what_the_configuration_reaches(self):
        for objects, own, deployment, pod in self.each_workload():
            config = objects.config(pod["spec"]["volumes"][0]["configMap"]["name"])
            urls = json.loads(config["nats.servers"])
            urls += [json.loads(value) for key, value in config.items() if key == "telemetry.otlp_endpoint"]
            expect = {urlsplit(url).port for url in urls} | {53}
            # Of full-values.yaml; elsewhere Postgres listens where it does by default.
            expect.add(6432 if name_of(deployment).startswith("watch-") else 5432)
            if own == "notifier" and "notifier.channels.soar.url" in config:
                expect |= {urlsplit(json.loads(config["notifier.channels.soar.url"])).port, 443}
            rules = objects.get("NetworkPolicy", name_of(deployment))["spec"]["egress"]
            self.assertEqual({port["port"] for rule in rules for port in rule["ports"]}, expect)

    def test_everything_is_denied_that_is_not_allowed(self):
        for objects in self.each():
            deny, = [found for found in objects.of("NetworkPolicy") if component(found) == "default-deny"]
            self.assertEqual(deny["spec"]["policyTypes"], ["Ingress", "Egress"])
            self.assertFalse(deny["spec"].keys() & {"ingress", "egress"})
            for _, pod in objects.pods():
                self.assertTrue(selects(deny["spec"]["podSelector"]["matchLabels"], pod))

    def test_a_scaler_alone_decides_how_many(self):
        for objects, own, deployment, _ in self.each_workload():
            scalers = [found for found in objects.of("HorizontalPodAutoscaler", "ScaledObject")
                       if found["spec"]["scaleTargetRef"]["name"] == name_of(deployment)]
            self.assertLessEqual(len(scalers), 1)
            self.assertEqual("replicas" in deployment["spec"], not scalers)
        for objects in self.each():
            targets = {found["spec"]["scaleTargetRef"]["name"]
                       for found in objects.of("HorizontalPodAutoscaler", "ScaledObject")}
            self.assertLessEqual(targets, {name_of(found) for found in objects.of("Deployment")})

    def test_baseline_never_has_more_replicas_than_partitions(self):
        for objects, own, deployment, pod in self.each_workload():
            if own == "baseline":
                config = objects.config(pod["spec"]["volumes"][0]["configMap"]["name"])
                scaler = [found["spec"]["maxReplicas"] for found in objects.of("HorizontalPodAutoscaler")
                          if component(found) == own]
                most = scaler[0] if scaler else deployment["spec"]["replicas"]
                self.assertLessEqual(most, int(config.get("partitions.count", 32)))
                # The next pod waits until partitions have moved, and none goes before its successor is there.
                self.assertGreater(deployment["spec"]["minReadySeconds"], 10)
                self.assertEqual(deployment["spec"]["strategy"]["rollingUpdate"], {"maxSurge": 1, "maxUnavailable": 0})

    def test_the_job_runs_first_and_needs_nothing_of_the_release(self):
        for objects in self.each():
            for job in objects.of("Job"):
                events, weight = hook(job)
                self.assertEqual(events, {"pre-install", "pre-upgrade"})
                spec = job["spec"]["template"]["spec"]
                config = spec["volumes"][0]["configMap"]["name"]
                for kind, name in ("ServiceAccount", spec["serviceAccountName"]), ("ConfigMap", config):
                    needed_events, needed_weight = hook(objects.get(kind, name))
                    self.assertEqual(needed_events, events)
                    self.assertLess(needed_weight, weight)
                made = {name_of(found) for found in objects.of("Secret")}
                used = {volume["secret"]["secretName"] for volume in spec["volumes"] if "secret" in volume}
                self.assertFalse(made & used)
                own = {name: value for name, value in objects.config(config).items()}
                self.assertEqual(own, objects.config(config.removesuffix("setup") + "config"))

    def test_who_makes_schema_and_consumers(self):
        """The Job for servers of one's own, the services for those in the cluster; exactly one of the two."""
        for objects, _, _, pod in self.each_workload():
            config = objects.config(pod["spec"]["volumes"][0]["configMap"]["name"])
            steps = [container["args"][2:] for job in objects.of("Job") for container in containers(job["spec"]["template"])]
            self.assertEqual(json.loads(config["postgres.migrate"]), ["migrate"] not in steps)
            chosen = [step[2:] for step in steps if step[:2] == ["topology", "apply"]]
            groups = [deployment["spec"]["template"]["spec"]["containers"][0]["args"][3:]
                      for own, deployment in objects.workloads().items() if own.startswith("detector-")]
            self.assertEqual(chosen, [] if json.loads(config["nats.manage_topology"]) else groups)

    def test_volumes_are_there(self):
        for objects, owner, pod in self.each_pod():
            maps = {name_of(found) for found in objects.of("ConfigMap")}
            volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
            claims = {claim["metadata"]["name"] for claim in owner["spec"].get("volumeClaimTemplates", [])}
            for container in containers(pod):
                for mount in container.get("volumeMounts", []):
                    self.assertIn(mount["name"], volumes.keys() | claims)
            for volume in volumes.values():
                if "configMap" in volume:
                    self.assertIn(volume["configMap"]["name"], maps)

    def test_a_changed_configuration_replaces_pods(self):
        values = ci_values()["minimal"]
        changed = values | {"config": {"correlator": {"relay_ms": 51}}}
        sums = [[pod["metadata"]["annotations"]["checksum/config"] for owner, pod in render(each).pods()
                 if owner["kind"] == "Deployment"] for each in (values, changed)]
        self.assertFalse(set(sums[0]) & set(sums[1]))


class Full(unittest.TestCase):
    """What only full-values.yaml has."""

    @classmethod
    def setUpClass(cls):
        cls.objects = render(ci_values()["full"])

    def test_a_pod_sees_its_own_nats_key_alone(self):
        keys = {component(owner): [item["key"] for volume in pod["spec"]["volumes"] if volume["name"] == "nats"
                                   for item in volume["secret"]["items"]] for owner, pod in self.objects.pods()}
        self.assertEqual(keys, {"ingest": ["ingest"], "baseline": ["baseline"], "correlator": ["correlator"],
                                "notifier": ["notifier"], "detector-all": ["detector"], "setup": ["operator"],
                                "test": ["operator"]})

    def test_secrets_are_mounted_where_they_are_wanted(self):
        mounted = {own: [mount["mountPath"] for mount in deployment["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
                         if mount["mountPath"].startswith("/run/secrets/")]
                   for own, deployment in self.objects.workloads().items()}
        self.assertEqual({own: paths for own, paths in mounted.items() if paths},
                         {"ingest": ["/run/secrets/push-tokens"], "notifier": ["/run/secrets/channels"]})

    def test_nothing_secret_is_rendered(self):
        self.assertEqual(self.objects.of("Secret"), [])

    def test_the_service_monitor_finds_every_service(self):
        monitor, = self.objects.of("ServiceMonitor")
        found = {component(service) for service in self.objects.of("Service")
                 if monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()}
        self.assertEqual(found, self.objects.workloads().keys())
        self.assertEqual(monitor["spec"]["endpoints"][0]["port"], "admin")
        self.assertEqual(monitor["metadata"]["labels"]["release"], "prometheus")

    def test_rules_and_dashboards_are_the_files(self):
        rules = {component(found): found["spec"] for found in self.objects.of("PrometheusRule")}
        files = {f"rules-{file.stem}": yaml.safe_load(file.read_text()) for file in (CHART / "files/rules").glob("*.yaml")}
        self.assertEqual(rules, files)
        boards = {component(found): found["data"] for found in self.objects.of("ConfigMap")
                  if component(found).startswith("dashboard-")}
        files = {f"dashboard-{file.stem}": {file.name: file.read_text()} for file in (CHART / "files/dashboards").glob("*.json")}
        self.assertEqual(boards, files)
        self.assertTrue(rules and boards)

    def test_the_ingress_leads_to_pushes_alone(self):
        ingress, = self.objects.of("Ingress")
        path, = ingress["spec"]["rules"][0]["http"]["paths"]
        self.assertEqual((path["path"], path["pathType"]), ("/v1/events", "Exact"))
        self.assertEqual(path["backend"]["service"], {"name": "watch-ingest", "port": {"name": "http"}})

    def test_an_image_can_be_pinned(self):
        images = {container["image"] for deployment in self.objects.workloads().values()
                  for container in deployment["spec"]["template"]["spec"]["containers"]}
        self.assertRegex(images.pop(), r"^registry\.example\.com/orgwatchd@sha256:[0-9a-f]{64}$")
        self.assertFalse(images)


class Notes(unittest.TestCase):
    def test_what_is_missing_is_told(self):
        values = ci_values()
        self.assertNotIn("WARNING", notes(values["full"]))
        self.assertRegex(notes(values["minimal"]), "nobody may push(?s:.)*nobody is told")
        self.assertEqual(re.findall(r"(\w+)\.inCluster is for trying", notes(values["trying"])), ["nats", "postgres"])
        one = values["minimal"] | {"detector": {"groups": [{"name": "a", "family": "volume"}, {"name": "b", "family": "native"}]}}
        self.assertRegex(notes(one), "no group of detector.groups runs .*off_hours")


if __name__ == "__main__":
    unittest.main()
