"""Checks that dashboards and alerts name only metrics, labels and values that a running system exports.

`metrics.txt` has the metrics that services exported while each alert was caused. To record it after a metric has changed:

    cargo build -p orgwatchd -p orgwatch
    python3 tests/dashboards/record.py
"""

import json
import re
import shutil
import subprocess
import unittest
from pathlib import Path

import promql_parser
import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DASHBOARDS = sorted((ROOT / "helm/orgwatch/files/dashboards").glob("*.json"))
RULES = ROOT / "helm/orgwatch/files/rules/orgwatch.yaml"
RUNBOOKS = ROOT / "docs/runbooks"
RUNBOOK_URL = "https://github.com/orgwatch/orgwatch/blob/main/docs/runbooks/"
SECTIONS = ["## What it means", "## How to look", "## What to do", "## How it was tried"]

# Metrics that Prometheus creates itself, and labels that it adds to everything it scrapes.
OF_PROMETHEUS = {"up"}
OF_TARGETS = {"instance", "job", "service"}
# Metrics that the collector makes of spans (deploy/collector.yaml), which no test runs: allowed only in the row of traces.
OF_COLLECTOR = {
    "traces_span_metrics_duration_seconds_bucket": {"service_name", "span_name", "le"},
    "traces_span_metrics_calls_total": {"service_name", "span_name"},
}


def exported(text):
    """Returns the label sets of the series of each metric."""
    series = {}
    for line in text.splitlines():
        found = re.match(r"(\w+)(?:\{(.*)\})? \S+$", line)
        if found and not line.startswith("#"):
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found[2] or ""))
            series.setdefault(found[1], []).append(labels)
    return series


EXPORTED = exported((HERE / "metrics.txt").read_text())


def nodes(expression):
    """Yields an expression and everything in it."""
    yield expression
    for part in ("lhs", "rhs", "expr", "param", "vector_selector"):
        if (inner := getattr(expression, part, None)) is not None:
            yield from nodes(inner)
    for argument in getattr(expression, "args", None) or []:
        yield from nodes(argument)


def parse(query):
    """Parses a query after replacing Grafana's variables."""
    return promql_parser.parse(query.replace("$__rate_interval", "5m").replace("$__range", "6h"))


def problems(query, is_traces=False):
    """Returns the errors of a query, as texts."""
    found, known = [], set(OF_TARGETS) | set(re.findall(r'label_replace\(.*?\), "(\w+)", "\$1"', query))
    every = list(nodes(parse(query)))
    for selector in [node for node in every if isinstance(node, promql_parser.VectorSelector)]:
        name = selector.name
        if is_traces and name in OF_COLLECTOR:
            known |= OF_COLLECTOR[name]
        elif name in EXPORTED:
            known |= {label for labels in EXPORTED[name] for label in labels}
            found += [f"{name}: {problem}" for problem in unmatched(EXPORTED[name], selector.matchers.matchers)]
        elif name not in OF_PROMETHEUS:
            found.append(f"{name} is not exported")
    for node in every:
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            found += [f"no series has the label {label}" for label in node.modifier.labels if label not in known]
    return found


def unmatched(series, matchers):
    """Yields the errors of matchers that match no series; excluded values need not exist."""
    ops = promql_parser.MatchOp
    for matcher in matchers:
        values = [labels[matcher.name] for labels in series if matcher.name in labels]
        if not values:
            yield f"has no label {matcher.name}"
        elif matcher.op == ops.Equal and matcher.value not in values:
            yield f"{matcher.name} is never {matcher.value!r}"
        elif matcher.op == ops.Re and not any(re.fullmatch(matcher.value, value) for value in values):
            yield f"{matcher.name} never matches {matcher.value!r}"


def panels(dashboard):
    """Yields each panel that has a query, with the title of its row."""
    row = ""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            row = panel["title"]
        else:
            yield row, panel


class Checks(unittest.TestCase):
    """Tests of the checks themselves."""

    def test_errors_are_found(self):
        for query, expected in [
            ("sum(rate(orgwatch_ingest_records_total[5m]))", []),
            ("rate(orgwatch_ingest_records[5m])", ["orgwatch_ingest_records is not exported"]),
            ('up{job="x"} == 0', []),
            ("sum by (tenant) (orgwatch_baseline_partitions)", ["no series has the label tenant"]),
            ('orgwatch_ingest_records_total{outcome="accept"}',
             ["orgwatch_ingest_records_total: outcome is never 'accept'"]),
            ('orgwatch_ingest_records_total{outcome=~"acc"}',
             ["orgwatch_ingest_records_total: outcome never matches 'acc'"]),
            ('orgwatch_baseline_profiles{org="x"}', ["orgwatch_baseline_profiles: has no label org"]),
            ("traces_span_metrics_calls_total", ["traces_span_metrics_calls_total is not exported"]),
            ("quantile_over_time(0.5, sum(nothing)[1d:1m])", ["nothing is not exported"]),
        ]:
            self.assertEqual(problems(query), expected, query)
        self.assertEqual(problems("traces_span_metrics_calls_total", is_traces=True), [])
        with self.assertRaises(ValueError):
            parse("sum(rate(x[5m])")


class Dashboards(unittest.TestCase):
    def test_queries_name_exported_metrics(self):
        self.assertEqual([path.stem for path in DASHBOARDS], ["cost", "detection", "flow"])
        queries = 0
        for path in DASHBOARDS:
            for row, panel in panels(json.loads(path.read_text())):
                for target in panel["targets"]:
                    queries += 1
                    found = problems(target["expr"], is_traces=row.startswith("Traces"))
                    self.assertEqual(found, [], f"{path.name}: {panel['title']}: {target['expr']}")
        self.assertGreater(queries, 50)

    def test_legends_name_labels_of_the_result(self):
        for path in DASHBOARDS:
            for _, panel in panels(json.loads(path.read_text())):
                for target in panel["targets"]:
                    left = {label for by in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in by.split(", ")}
                    wanted = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                    self.assertLessEqual(wanted, left, f"{path.name}: {panel['title']}")

    def test_panels_are_distinct_and_use_the_selected_data_source(self):
        uids = set()
        for path in DASHBOARDS:
            dashboard = json.loads(path.read_text())
            uids.add(dashboard["uid"])
            ids = [panel["id"] for panel in dashboard["panels"]]
            self.assertEqual(len(ids), len(set(ids)), path.name)
            positions = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]]
            self.assertEqual(len(positions), len(set(positions)), path.name)
            for _, panel in panels(dashboard):
                for source in [panel["datasource"], *(target["datasource"] for target in panel["targets"])]:
                    self.assertEqual(source, {"type": "prometheus", "uid": "${datasource}"}, panel["title"])
        self.assertEqual(len(uids), len(DASHBOARDS))


class Rules(unittest.TestCase):
    def setUp(self):
        groups = yaml.safe_load(RULES.read_text())["groups"]
        self.alerts = {rule["alert"]: rule for group in groups for rule in group["rules"]}

    def test_expressions_name_exported_metrics(self):
        for name, alert in self.alerts.items():
            self.assertEqual(problems(alert["expr"]), [], name)

    def test_alerts_have_a_severity_a_summary_and_a_runbook(self):
        for name, alert in self.alerts.items():
            self.assertIn(alert["labels"]["severity"], {"critical", "warning"}, name)
            self.assertEqual(set(alert["annotations"]), {"summary", "runbook_url"}, name)
            self.assertEqual(alert["annotations"]["runbook_url"], f"{RUNBOOK_URL}{name}.md")

    def test_every_alert_has_a_runbook_and_every_runbook_an_alert(self):
        runbooks = {path.stem: path.read_text() for path in RUNBOOKS.glob("*.md") if path.stem != "README"}
        self.assertEqual(set(runbooks), set(self.alerts))
        for name, text in runbooks.items():
            self.assertTrue(text.startswith(f"# {name}\n"), name)
            self.assertEqual(re.findall(r"^## .*$", text, re.MULTILINE), SECTIONS, name)

    def test_runbooks_name_existing_panels(self):
        titles = {panel["title"] for path in DASHBOARDS for panel in json.loads(path.read_text())["panels"]}
        for path in RUNBOOKS.glob("*.md"):
            for line in path.read_text().splitlines():
                if "dashboard" in line or line.startswith("- *"):
                    for title in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", line):
                        self.assertIn(title, titles, path.name)

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed: the rules are not tried")
    def test_rules_fire_when_they_should(self):
        files = [HERE / "rules_test.yaml", HERE / "weeks_test.yaml"]
        done = subprocess.run(["promtool", "test", "rules", *files], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
