"""Checks that the files of deploy/ match the code and each other.

`.tools/venv/bin/python tests/deploy/test_deploy.py --write` regenerates the NATS permissions in deploy/nats/nats.conf.
"""

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import compose_spec
import yaml

import capacity

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
NATS = DEPLOY / "nats/nats.conf"
# A test of the bus keeps this snapshot equal to the permissions in the code.
PERMISSIONS = ROOT / "crates/bus/src/snapshots/bus__permissions__tests__the_configuration.snap"
SERVICES = ["ingest", "baseline", "detector", "correlator", "notifier", "console"]


def users():
    """Returns the `authorization` block that the code needs, with keys from the environment."""
    block = PERMISSIONS.read_text().partition("\nauthorization {")[2]
    return "authorization {" + re.sub(r'nkey: "(\w+)"', lambda found: f"nkey: ${found[1].upper()}_NKEY", block)


def write():
    head = NATS.read_text().partition("authorization {")[0]
    NATS.write_text(head + users())


def module(name):
    """Loads a script of deploy/."""
    spec = importlib.util.spec_from_file_location(name, DEPLOY / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def compose():
    """Returns the compose file with the defaults of its variables."""
    return yaml.safe_load(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (DEPLOY / "compose.yaml").read_text()))


class Nats(unittest.TestCase):
    def test_permissions_match_the_code(self):
        text = NATS.read_text()
        self.assertEqual(text[text.index("authorization {") :], users(), "run with --write")

    def test_the_server_accepts_the_configuration_with_created_secrets(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, DEPLOY / "prepare.py", "--out", folder], check=True, stdout=subprocess.PIPE)
            again = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
            subprocess.run([sys.executable, DEPLOY / "prepare.py", "--out", folder], check=True, stdout=subprocess.PIPE)
            self.assertEqual({path.name: path.read_bytes() for path in Path(folder).iterdir()}, again)
            self.assertEqual(Path(folder).stat().st_mode & 0o777, 0o700)
            keys = dict(line.split("=", 1) for line in (Path(folder) / "nats.env").read_text().splitlines())
            path = Path(folder) / "nats.conf"
            path.write_text(NATS.read_text().replace("/run/secrets", folder).replace('"/data"', f'"{folder}/streams"'))
            server = [ROOT / ".tools/venv/bin/nats-server", "-t", "-c", path]
            done = subprocess.run(server, env={**os.environ, **keys}, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            wrong = subprocess.run(server, env={**os.environ, **keys, "INGEST_NKEY": "UABC"}, capture_output=True)
            self.assertNotEqual(wrong.returncode, 0)


class Compose(unittest.TestCase):
    def setUp(self):
        self.file = compose()
        self.services = self.file["services"]

    def test_the_compose_file_is_valid(self):
        parsed = compose_spec.PyCompose.from_yaml(yaml.safe_dump(self.file, sort_keys=False))
        parsed.validate()
        self.services["nats"]["comand"] = []
        with self.assertRaises(Exception):
            compose_spec.PyCompose.from_yaml(yaml.safe_dump(self.file, sort_keys=False))

    def test_yaml_is_tidy(self):
        lint = [sys.executable, "-m", "yamllint", "--strict", "-c", DEPLOY / ".yamllint", DEPLOY]
        done = subprocess.run(lint, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_containers_are_as_restricted_as_the_image(self):
        user = re.search(r"^USER (\S+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)[1]
        for name in [*SERVICES, "migrate", "topology"]:
            service = self.services[name]
            self.assertEqual((service["user"], service["read_only"], service["cap_drop"]), (user, True, ["ALL"]), name)
            self.assertEqual(service["security_opt"], ["no-new-privileges:true"], name)

    def test_each_service_has_only_its_own_secrets(self):
        for name in [*SERVICES, "topology"]:
            own = "operator" if name == "topology" else name
            keys = {each["target"]: each["source"] for each in self.services[name]["secrets"] if isinstance(each, dict)}
            self.assertEqual(keys, {"nkey": f"{own}-nkey", "postgres-url": f"{own}-postgres-url"}, name)
            self.assertNotIn("postgres-url", self.services[name]["secrets"], name)
            self.assertEqual("push-token" in self.services[name]["secrets"], name == "ingest", name)

    def test_mounted_files_exist_or_are_created(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, DEPLOY / "prepare.py", "--out", folder], check=True, stdout=subprocess.PIPE)
            made = {f"secrets/{path.name}" for path in Path(folder).iterdir()}
        named = {secret["file"] for secret in self.file["secrets"].values()}
        named |= {path for service in self.services.values() for path in service.get("env_file", [])}
        self.assertLessEqual(named, made)
        for name, service in self.services.items():
            for source in [volume.split(":")[0] for volume in service.get("volumes", [])]:
                there = (DEPLOY / source).exists() if source.startswith(".") else source in self.file["volumes"]
                self.assertTrue(there, f"{name}: {source}")
            used = [each["source"] if isinstance(each, dict) else each for each in service.get("secrets", [])]
            self.assertLessEqual(set(used), set(self.file["secrets"]), name)

    def test_ports_are_published_only_on_this_machine(self):
        for name, service in self.services.items():
            for port in service.get("ports", []):
                self.assertTrue(port.startswith("127.0.0.1:"), f"{name}: {port}")


    def test_each_service_asks_itself_whether_it_is_healthy(self):
        image = (DEPLOY / "Dockerfile").read_text()
        program = re.search(r'^ENTRYPOINT \["(\S+)"\]$', image, re.MULTILINE)[1]
        commands = (ROOT / "crates/orgwatchd/src/arguments.rs").read_text()
        self.assertRegex(commands, r"(?m)^    Health,$")
        for name in SERVICES:
            check = self.services[name]["healthcheck"]
            self.assertEqual(check["test"], ["CMD", program, "health"], name)
            self.assertLess(int(check["timeout"][:-1]), int(check["interval"][:-1]), name)

    def test_each_container_has_a_limit_of_memory(self):
        limits = {name: int(service["mem_limit"][:-1]) * {"m": 1, "g": 1024}[service["mem_limit"][-1]]
                  for name, service in self.services.items()}
        self.assertEqual(limits.keys(), self.services.keys())
        self.assertEqual(capacity.documented().keys(), set(SERVICES))
        for name, (peak, give) in capacity.documented().items():
            pushes = capacity.PUSHES if name == "ingest" else 0
            self.assertGreaterEqual(limits[name], max(give, peak + pushes), name)


class Observability(unittest.TestCase):
    def test_pipelines_of_the_collector_name_configured_components(self):
        file = yaml.safe_load((DEPLOY / "collector.yaml").read_text())
        known = {kind: set(file[kind]) for kind in ("receivers", "processors", "exporters")}
        known["receivers"] |= set(file["connectors"])
        known["exporters"] |= set(file["connectors"])
        used = {kind: set() for kind in known}
        for name, pipeline in file["service"]["pipelines"].items():
            for kind, names in pipeline.items():
                self.assertLessEqual(set(names), known[kind], name)
                used[kind] |= set(names)
        self.assertEqual(used, known)

    def test_prometheus_scrapes_every_service(self):
        jobs = {job["job_name"]: job for job in yaml.safe_load((DEPLOY / "prometheus.yaml").read_text())["scrape_configs"]}
        asked = jobs["orgwatch"]["dns_sd_configs"][0]
        self.assertEqual((asked["names"], asked["port"]), (SERVICES, 9090))


class Image(unittest.TestCase):
    def test_it_is_built_without_the_commands_of_development(self):
        text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
        builds = [line for line in text.splitlines() if re.search(r"cargo (build|chef cook) ", line)]
        self.assertEqual(len(builds), 2, builds)
        for build in builds:
            self.assertIn("--no-default-features", build)

    def test_it_has_both_executables_with_their_bills_of_materials(self):
        text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
        build, last = re.split(r"(?m)^FROM \$\{RUNTIME\}$", text)
        packages = module("sbom").PACKAGES
        self.assertEqual(sorted(packages), ["orgwatch", "orgwatchd"])
        loops = re.findall(r"(?m)^RUN for package in (.+?); do", build)
        self.assertEqual([loop.split() for loop in loops], [packages, packages])
        copied = {path: to for line in re.findall(r"(?m)^COPY --from=build (.+)$", last)
                  for *paths, to in [line.split()] for path in paths}
        binaries = {f"/out/{package}": "/usr/local/bin/" for package in packages}
        bills = {f"/out/{package}.cdx.json": "/usr/share/doc/orgwatch/" for package in packages}
        self.assertEqual(copied, binaries | bills)
        # What the image is for: analysts print the arithmetic of what it has written.
        self.assertRegex((ROOT / "crates/orgwatch/src/arguments.rs").read_text(), r"(?m)^    Explain")

    def test_the_build_context_has_the_whole_workspace(self):
        lines = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        let_in = [line[1:] for line in lines if line.startswith("!")]
        sbom = module("sbom")
        for package in sbom.metadata(sbom.host())["packages"]:
            paths = [package["manifest_path"], *(target["src_path"] for target in package["targets"])]
            for path in [Path(path) for path in paths if package["source"] is None]:
                relative = os.path.normpath(path.relative_to(ROOT))
                self.assertTrue(any(Path(relative).is_relative_to(each) for each in let_in), relative)


class Sbom(unittest.TestCase):
    def test_it_lists_exactly_the_crates_that_are_built_in(self):
        sbom = module("sbom")
        bill = sbom.bill(sbom.metadata(sbom.host()), "orgwatchd")
        names = {component["name"]: component for component in bill["components"]}
        self.assertLessEqual({"ring", "sqlx", "async-nats", "orgwatch-detect", "tokio"}, set(names))
        self.assertFalse({"insta", "proptest", "orgwatchd", "xtask"} & set(names))
        self.assertFalse({"orgwatch-fake-org", "orgwatch-servers", "orgwatch-simulator"} & set(names))
        analyst = {component["name"] for component in sbom.bill(sbom.metadata(sbom.host()), "orgwatch")["components"]}
        self.assertIn("orgwatch-simulator", analyst)
        self.assertFalse({"insta", "proptest", "sqlx", "async-nats"} & analyst)
        unhashed = {name for name, component in names.items() if "hashes" not in component}
        self.assertTrue(all(name.startswith("orgwatch-") for name in unhashed), unhashed)
        references = {component["bom-ref"] for component in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
        for dependency in bill["dependencies"]:
            self.assertLessEqual({dependency["ref"], *dependency["dependsOn"]}, references)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        unittest.main()
