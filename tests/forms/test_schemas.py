"""Checks the snapshots of the crate forms against the schema of OCSF."""

import json
import unittest
from pathlib import Path

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

SNAPSHOTS = Path(__file__).resolve().parents[2] / "crates/forms/src/snapshots"


def findings():
    """Yields the name of each snapshot of a Detection Finding, and the finding."""
    for path in sorted(SNAPSHOTS.glob("*_ocsf.snap")):
        _, _, body = path.read_text().split("---\n", 2)
        yield path.name, json.loads(body)


def errors(finding, profiles):
    """Returns what is wrong with a finding."""
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=finding["metadata"]["version"]))
    name = schema.lookup_class_name_from_uid(class_uid=finding["class_uid"])
    validator = Draft202012Validator(schema.get_class_schema(class_name=name, profiles=profiles))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(finding)]


class Ocsf(unittest.TestCase):
    maxDiff = None

    def test_findings_keep_the_schema(self):
        found = dict(findings())
        self.assertGreaterEqual(len(found), 3, f"snapshots in {SNAPSHOTS}")
        for name, finding in found.items():
            self.assertEqual(errors(finding, finding["metadata"]["profiles"]), [], name)

    def test_what_the_schema_does_not_allow_is_found(self):
        for name, finding in findings():
            profiles = finding["metadata"]["profiles"]
            unknown = {**finding, "risk": 1}
            self.assertEqual(len(errors(unknown, profiles)), 1, name)
            without = {key: value for key, value in finding.items() if key != "finding_info"}
            self.assertEqual(len(errors(without, profiles)), 1, name)


if __name__ == "__main__":
    unittest.main()
