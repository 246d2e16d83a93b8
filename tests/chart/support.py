"""Renders the chart, and finds objects in the result."""

import pathlib
import re
import sys

import helm_python
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/orgwatch"
#: The tools that `cargo xtask` installs are beside the Python that runs this.
TOOLS = pathlib.Path(sys.executable).parent

#: The oldest version that Chart.yaml allows, and the newest with available schemas.
KUBERNETES = ["1.30", "1.37"]
#: Kinds of operators, for which Kubernetes has no schema.
CUSTOM = {"ScaledObject", "ServiceMonitor", "PrometheusRule"}

# The scripts that measure a deployment.
sys.path.append(str(ROOT / "tests/deploy"))

_chart = helm_python.Chart.load(CHART)


def ci_values():
    """Returns the values of each file in ci/, by name."""
    files = sorted((CHART / "ci").glob("*-values.yaml"))
    return {file.name.removesuffix("-values.yaml"): yaml.safe_load(file.read_text()) for file in files}


def render(values, **options):
    """Returns the objects that Helm would apply. Raises helm_python.HelmError for invalid values."""
    texts = _chart.render(values, name="orgwatch", namespace="security", **options)
    objects = []
    for path, text in sorted(texts.items()):
        if not path.endswith("NOTES.txt"):
            objects += [found for found in yaml.safe_load_all(text) if found]
    return Objects(objects)


def notes(values):
    return _chart.render(values, name="orgwatch", namespace="security")["orgwatch/templates/NOTES.txt"]


class Objects(list):
    def of(self, *kinds):
        return [found for found in self if found["kind"] in kinds]

    def get(self, kind, name):
        found = [found for found in self.of(kind) if name_of(found) == name]
        assert len(found) == 1, f"{len(found)} of {kind} {name}"
        return found[0]

    def workloads(self):
        """Returns the Deployments of services, by component."""
        return {component(found): found for found in self.of("Deployment")}

    def pods(self):
        """Yields each object that has pods, with the pod's metadata and spec."""
        for found in self:
            if found["kind"] == "Pod":
                yield found, found
            elif "template" in found.get("spec", {}):
                yield found, found["spec"]["template"]

    def config(self, name):
        """Returns a rendered orgwatch.toml, by its dotted keys."""
        text = self.get("ConfigMap", name)["data"]["orgwatch.toml"]
        return dict(re.split(" = ", line, maxsplit=1) for line in text.splitlines())


def name_of(found):
    return found["metadata"]["name"]


def component(found):
    return found["metadata"]["labels"]["app.kubernetes.io/component"]


def containers(pod):
    return pod["spec"].get("initContainers", []) + pod["spec"]["containers"]


def selects(labels, pod):
    """Returns whether matchLabels select a pod."""
    return labels.items() <= pod["metadata"]["labels"].items()


def hook(found):
    """Returns the hook events of an object, none for a part of the release, and its weight."""
    annotations = found["metadata"].get("annotations", {})
    events = annotations.get("helm.sh/hook", "").split(",")
    return set(filter(None, events)), int(annotations.get("helm.sh/hook-weight", 0))
