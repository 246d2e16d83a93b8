"""Features of some values only: names of secrets, monitoring, an Ingress, and the NOTES."""

import re
import tomllib
import unittest

import yaml

from support import CHART, ci_values, component, name_of, notes, render


class Full(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.objects = render(ci_values()["full"])

    def container(self, own):
        return self.objects.workloads()[own]["spec"]["template"]["spec"]["containers"][0]

    def test_a_pod_sees_only_its_own_nats_key(self):
        keys = {}
        for owner, pod in self.objects.pods():
            volume, = [volume for volume in pod["spec"]["volumes"] if volume["name"] == "nats"]
            keys[component(owner)] = [item["key"] for item in volume["secret"]["items"]]
        expect = {own: [own] for own in ("ingest", "baseline", "correlator", "notifier", "console")}
        expect |= {"detector-all": ["detector"], "setup": ["operator"], "test": ["operator"]}
        self.assertEqual(keys, expect)

    def test_a_pod_sees_only_its_own_url_of_postgres(self):
        keys = {}
        for owner, pod in self.objects.pods():
            volume, = [volume for volume in pod["spec"]["volumes"] if volume["name"] == "postgres"]
            keys[component(owner)] = volume["secret"]["items"]
        expect = {own: f"{own}-uri" for own in ("ingest", "baseline", "correlator", "notifier", "console")}
        expect |= {"detector-all": "detector-uri", "setup": "uri", "test": "uri"}
        self.assertEqual(keys, {own: [{"key": key, "path": "url"}] for own, key in expect.items()})

    def test_secrets_are_mounted_only_where_requested(self):
        mounted = {}
        for own in self.objects.workloads():
            paths = [mount["mountPath"] for mount in self.container(own)["volumeMounts"]]
            mounted[own] = [path for path in paths if path.startswith("/run/secrets/")]
        expect = {
            "ingest": ["/run/secrets/push-tokens"], "notifier": ["/run/secrets/channels"],
            "console": ["/run/secrets/sign-in"],
        }
        self.assertEqual({own: paths for own, paths in mounted.items() if paths}, expect)

    def test_postgres_is_verified(self):
        environment = {variable["name"]: variable["value"] for variable in self.container("correlator")["env"]}
        self.assertEqual(environment["PGSSLMODE"], "verify-full")
        self.assertEqual(environment["PGSSLROOTCERT"], "/run/orgwatch/postgres-tls/ca.crt")

    def test_a_service_does_not_see_the_configuration_of_others(self):
        sections = {own: {key.split(".")[0] for key in self.objects.config(f"watch-{own}")}
                    for own in [*self.objects.workloads(), "setup", "test"]}
        services = {"ingest", "baseline", "detector", "correlator", "notifier", "console"}
        self.assertEqual(sections["ingest"] & services, {"ingest"})
        self.assertEqual(sections["notifier"] & services, {"notifier"})
        self.assertEqual(sections["console"] & services, {"console"})
        for own in "baseline", "detector-all", "correlator":
            self.assertFalse(sections[own] & services, own)
        # The Job checks every section that needs no secrets of other services.
        self.assertEqual(sections["setup"] & services, {"ingest", "console"})

    def test_no_secret_is_rendered(self):
        self.assertEqual(self.objects.of("Secret"), [])

    def test_the_service_monitor_finds_every_service(self):
        monitor, = self.objects.of("ServiceMonitor")
        selector = monitor["spec"]["selector"]["matchLabels"].items()
        found = [service for service in self.objects.of("Service") if selector <= service["metadata"]["labels"].items()]
        self.assertEqual({component(service) for service in found}, self.objects.workloads().keys())
        port = monitor["spec"]["endpoints"][0]["port"]
        self.assertTrue(all(port in {each["name"] for each in service["spec"]["ports"]} for service in found))
        self.assertEqual(monitor["metadata"]["labels"]["release"], "prometheus")
        jobs = {service["metadata"]["labels"][monitor["spec"]["jobLabel"]] for service in found}
        self.assertEqual(jobs, {"orgwatch"})

    def test_rules_equal_the_files(self):
        rules = {component(found): found["spec"] for found in self.objects.of("PrometheusRule")}
        files = (CHART / "files/rules").glob("*.yaml")
        self.assertEqual(rules, {f"rules-{file.stem}": yaml.safe_load(file.read_text()) for file in files})
        self.assertTrue(rules)

    def test_dashboards_equal_the_files(self):
        maps = [found for found in self.objects.of("ConfigMap") if component(found).startswith("dashboard-")]
        files = (CHART / "files/dashboards").glob("*.json")
        expect = {f"dashboard-{file.stem}": {file.name: file.read_text()} for file in files}
        self.assertEqual({component(found): found["data"] for found in maps}, expect)
        self.assertTrue(all(found["metadata"]["labels"]["grafana_dashboard"] == "1" for found in maps))
        self.assertTrue(maps)

    def test_each_ingress_serves_only_its_paths(self):
        served = {}
        for ingress in self.objects.of("Ingress"):
            rule, = ingress["spec"]["rules"]
            path, = rule["http"]["paths"]
            backend = path["backend"]["service"]
            self.assertEqual(backend, {"name": name_of(ingress), "port": {"name": "http"}})
            secret = "events-tls" if component(ingress) == "ingest" else "orgwatch-tls"
            self.assertEqual(ingress["spec"]["tls"], [{"hosts": [rule["host"]], "secretName": secret}])
            served[component(ingress)] = (rule["host"], path["path"], path["pathType"])
        expect = {
            "ingest": ("events.example.com", "/v1/events", "Exact"),
            "console": ("orgwatch.example.com", "/", "Prefix"),
        }
        self.assertEqual(served, expect)

    def test_lists_of_tables_are_toml(self):
        config = self.objects.config("watch-console")
        roles = tomllib.loads(f"roles = {config['console.sign_in.roles']}")["roles"]
        expect = [
            {"group": "security", "org": "*", "role": "administrator"},
            {"group": "sales-operations", "org": "00D000000000001", "role": "viewer"},
        ]
        self.assertEqual(roles, expect)

    def test_every_configuration_is_toml(self):
        maps = [found["data"]["orgwatch.toml"] for found in self.objects.of("ConfigMap") if "orgwatch.toml" in found["data"]]
        self.assertEqual(len(maps), len(self.objects.workloads()) + 2)
        for text in maps:
            self.assertEqual(tomllib.loads(text)["nats"]["replicas"], 3)

    def test_an_image_can_be_pinned(self):
        images = {self.container(own)["image"] for own in self.objects.workloads()}
        self.assertRegex(images.pop(), r"^registry\.example\.com/orgwatchd@sha256:[0-9a-f]{64}$")
        self.assertFalse(images)


class Operators(unittest.TestCase):
    """Objects of KEDA and the Prometheus operator, for which there is no schema here."""

    def objects(self, kind):
        return [found for values in ci_values().values() for found in render(values).of(kind)]

    def test_scaled_objects(self):
        expect = {
            "natsServerMonitoringEndpoint", "account", "stream", "consumer", "lagThreshold", "activationLagThreshold",
            "useHttps",
        }
        for found in self.objects("ScaledObject"):
            spec = found["spec"]
            self.assertEqual(found["apiVersion"], "keda.sh/v1alpha1")
            self.assertEqual(spec["scaleTargetRef"].keys(), {"apiVersion", "kind", "name"})
            self.assertTrue(0 <= spec["minReplicaCount"] <= spec["maxReplicaCount"])
            trigger, = spec["triggers"]
            self.assertEqual(trigger["type"], "nats-jetstream")
            self.assertEqual(trigger["metadata"].keys(), expect)
            # KEDA reads only strings.
            self.assertTrue(all(isinstance(value, str) and value for value in trigger["metadata"].values()))
            self.assertRegex(trigger["metadata"]["lagThreshold"], "^[1-9][0-9]*$")
            self.assertIn(trigger["metadata"]["useHttps"], ("true", "false"))

    def test_service_monitors(self):
        for found in self.objects("ServiceMonitor"):
            self.assertEqual(found["apiVersion"], "monitoring.coreos.com/v1")
            known = {"selector", "namespaceSelector", "jobLabel", "targetLabels", "endpoints"}
            self.assertEqual(found["spec"].keys(), known)
            self.assertEqual(found["spec"]["namespaceSelector"], {"matchNames": ["security"]})
            self.assertEqual(found["spec"]["endpoints"], [{"port": "admin", "path": "/metrics", "interval": "15s"}])

    def test_prometheus_rules(self):
        for found in self.objects("PrometheusRule"):
            self.assertEqual(found["apiVersion"], "monitoring.coreos.com/v1")
            self.assertEqual(found["spec"].keys(), {"groups"})
            for rule in [rule for group in found["spec"]["groups"] for rule in group["rules"]]:
                self.assertLessEqual({"alert", "expr"}, rule.keys())


class Partial(unittest.TestCase):
    """Changes to minimal-values.yaml, one at a time."""

    def render(self, **values):
        return render(ci_values()["minimal"] | values)

    def test_only_ingest_reaches_salesforce(self):
        objects = self.render(config={"ingest": {"salesforce": {"orgs": {"acme": {"org_id": "00D"}}}}})
        reaching = set()
        for found in objects.of("NetworkPolicy"):
            ports = {port["port"] for rule in found["spec"].get("egress", []) for port in rule["ports"]}
            if ports & {443, 7443}:
                reaching.add(component(found))
                self.assertLessEqual({443, 7443}, ports)
        self.assertEqual(reaching, {"ingest"})

    def test_only_the_console_reaches_the_provider(self):
        sign_in = {"issuer": "https://login.example.com:8443/realms/staff"}
        objects = self.render(config={"console": {"sign_in": sign_in}}, networkPolicy={"identityTo": []})
        reaching = set()
        for found in objects.of("NetworkPolicy"):
            if 8443 in {port["port"] for rule in found["spec"].get("egress", []) for port in rule["ports"]}:
                reaching.add(component(found))
        self.assertEqual(reaching, {"console"})

    def test_an_existing_account_is_used(self):
        objects = self.render(defaults={"serviceAccount": {"name": "watchers"}})
        self.assertEqual(objects.of("ServiceAccount"), [])
        used = {component(owner): pod["spec"]["serviceAccountName"] for owner, pod in objects.pods()}
        self.assertEqual(used.pop("test"), "default")
        self.assertEqual(set(used.values()), {"watchers"})

    def test_services_set_up_servers_without_the_job(self):
        objects = self.render(setup={"enabled": False})
        self.assertEqual(objects.of("Job"), [])
        config = objects.config("orgwatch-baseline")
        self.assertEqual((config["nats.manage_topology"], config["postgres.migrate"]), ("true", "true"))

    def test_a_service_without_its_own_url_uses_the_owners(self):
        objects = self.render(postgres={"existingSecret": "orgwatch-postgres", "urlKeys": {"notifier": "notifier"}})
        keys = {}
        for owner, pod in objects.pods():
            volume, = [volume for volume in pod["spec"]["volumes"] if volume["name"] == "postgres"]
            keys[component(owner)] = volume["secret"]["items"][0]["key"]
        self.assertEqual(keys.pop("notifier"), "notifier")
        self.assertEqual(set(keys.values()), {"url"})

    def test_the_job_sets_up_only_external_servers(self):
        objects = self.render(postgres={"inCluster": {"enabled": True}})
        steps = objects.get("Job", "orgwatch-setup")["spec"]["template"]["spec"]
        self.assertEqual([step["args"][2:] for step in steps["containers"]], [["topology", "apply"]])
        self.assertNotIn("initContainers", steps)

    def test_policies_can_be_disabled(self):
        self.assertEqual(self.render(networkPolicy={"enabled": False}).of("NetworkPolicy"), [])

    def test_services_without_pods_are_not_checked_for_readiness(self):
        groups = [{"name": "a", "family": "volume", "replicas": 0}, {"name": "b", "family": "time"}]
        objects = self.render(detector={"groups": groups})
        asked = {found["name"] for found in objects.get("Pod", "orgwatch-test")["spec"]["containers"]}
        self.assertEqual({f"ready-{own}" for own in objects.workloads()} - asked, {"ready-detector-a"})

    def test_values_of_a_group_override_those_of_detector_which_override_the_defaults(self):
        groups = [{"name": "a", "family": "volume", "replicas": 0}, {"name": "b", "family": "time"}]
        objects = self.render(defaults={"replicas": 5}, detector={"replicas": 4, "groups": groups})
        replicas = {name_of(found): found["spec"]["replicas"] for found in objects.of("Deployment")}
        expect = {"ingest": 5, "baseline": 5, "correlator": 5, "notifier": 5, "console": 5, "detector-a": 0, "detector-b": 4}
        self.assertEqual(replicas, {f"orgwatch-{name}": count for name, count in expect.items()})


class Notes(unittest.TestCase):
    def test_missing_settings_cause_warnings(self):
        values = ci_values()
        self.assertNotIn("WARNING", notes(values["full"]))
        self.assertRegex(notes(values["minimal"]), "nobody may push(?s:.)*nobody is notified(?s:.)*whoever takes it over can read every org")
        self.assertEqual(re.findall(r"(\w+)\.inCluster is for a trial", notes(values["trying"])), ["nats", "postgres"])

    def test_detectors_in_no_group_cause_a_warning(self):
        groups = [{"name": "a", "family": "volume"}, {"name": "b", "detectors": ["off_hours"]}]
        text = notes(ci_values()["minimal"] | {"detector": {"groups": groups}})
        idle = re.search("no group of detector.groups runs (.*)\\.", text)[1].split(", ")
        self.assertEqual(len(idle), 16)
        self.assertFalse(set(idle) & {"off_hours", "row_spike"})


if __name__ == "__main__":
    unittest.main()
