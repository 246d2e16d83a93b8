"""Follows docs/install.md literally, as far as this machine allows, and checks the chart's README."""

import json
import re
import shlex
import unittest

import yaml

import readme
from machine import psql
from support import CHART, ROOT, ci_values, render
from test_live import Release, output

TEXT = (ROOT / "docs/install.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def commands(section):
    """Returns the shell lines of a section, split into words."""
    part = re.split(r"^#+ ", TEXT, flags=re.MULTILINE)
    part = [found for found in part if found.startswith(section)][0]
    shell = re.findall(r"^```sh\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for line in "".join(shell).splitlines()]


def secrets_created(section):
    """Returns keys and values of each Secret that a section creates, by its name."""
    made = {}
    for words in commands(section):
        if words[3:6] == ["create", "secret", "generic"]:
            made[words[6]] = dict(re.match(r"--from-\w+=([^=]+)=(.*)", word).groups() for word in words[7:])
    return made


def secrets_used(objects):
    """Returns the keys of each Secret that pods refer to, by its name; none for Secrets mounted as a whole."""
    used = {}
    for _, pod in objects.pods():
        for volume in pod["spec"]["volumes"]:
            if "secret" in volume:
                keys = {item["key"] for item in volume["secret"].get("items", [])}
                used.setdefault(volume["secret"]["secretName"], set()).update(keys)
    return used


VALUES, = [yaml.safe_load(block) for block in blocks("yaml")]


class Reference(unittest.TestCase):
    def test_the_reference_matches_the_values(self):
        self.assertEqual((CHART / "README.md").read_text(), readme.written(), "run tests/chart/readme.py")

    def test_every_value_is_described(self):
        text = (CHART / "values.yaml").read_text()
        described = {path for path, _, default in readme.rows(text) if default is not None}

        def check(path, value):
            if path not in described:
                self.assertTrue(isinstance(value, dict) and value, path)
                for key, inner in value.items():
                    check(f"{path}.{key}", inner)

        for key, value in yaml.safe_load(text).items():
            check(key, value)


class Installation(unittest.TestCase):
    def test_secrets_of_pods_are_created(self):
        created, used = secrets_created("3. Secrets"), secrets_used(render(VALUES))
        self.assertEqual(created.keys(), used.keys())
        for name, keys in used.items():
            self.assertLessEqual(keys, created[name].keys())

    def test_configured_files_are_keys_of_secrets(self):
        files = re.findall(r"/run/secrets/([\w-]+)/([\w-]+)", json.dumps(VALUES))
        self.assertEqual(len(files), 2)
        for name, key in files:
            self.assertIn(key, secrets_created("3. Secrets")[name])

    def test_the_trial_needs_one_secret(self):
        objects = render(ci_values()["trying"])
        included = {found["metadata"]["name"] for found in objects.of("Secret")}
        self.assertEqual(secrets_used(objects).keys() - included, secrets_created("To try it").keys())

    def test_commands_name_existing_objects(self):
        objects = render(VALUES)
        text = "\n".join(blocks("sh"))
        for kind, name in re.findall(r"\b(deployment|service)/([\w-]+)", text):
            objects.get(kind.capitalize(), name)
        objects.get("ConfigMap", "orgwatch-test")
        for path in re.findall(r"(?:install \w+ |upgrade \w+ |--values )([\w./-]*/[\w./-]*)", text):
            self.assertTrue((ROOT / path).exists(), path)


class Followed(Release):
    def test_from_nothing_to_the_first_event(self):
        sql, = blocks("sql")
        logins = {f"postgres://{role}:{password}" for role, password in re.findall(r"(\w+) LOGIN PASSWORD '(.*)'", sql)
                  if not role.startswith("orgwatch_operator")}
        event, = blocks("json")
        answer = json.loads(re.search(r"The answer is `(.*)`", TEXT)[1])

        def prepare(administrator):
            for statement in filter(str.strip, sql.split(";")):
                psql(administrator, statement)
            server = administrator.split("@")[1].split("/")[0]
            urls = secrets_created("3. Secrets")["orgwatch-postgres"]
            self.assertEqual({url.split("@")[0] for url in urls.values()}, logins)
            return {key: re.sub("@[^/]*", f"@{server}", url) for key, url in urls.items()}

        permissions = json.loads(output("topology", "permissions")[1])
        may = {own: {"permissions": {way: {"allow": subjects} for way, subjects in permissions[own].items()}}
               for own in secrets_created("3. Secrets")["orgwatch-nats"]}
        # Without TLS, because there is no certificate authority here.
        nats = {key: value for key, value in VALUES["nats"].items() if key != "tls"}
        postgres = {key: value for key, value in VALUES["postgres"].items() if key != "tls"}
        self.install(VALUES | {"nats": nats, "postgres": postgres}, prepare, may)
        self.works(json.loads(event), answer)


if __name__ == "__main__":
    unittest.main()
