#!/usr/bin/env python3
"""Prints the software bill of materials of an executable as CycloneDX 1.5 JSON: every crate that is built in.
It includes crates of macros, and excludes those of tests, build scripts and the feature `dev`.

The same lock file gives the same bytes: the output has no time and no random number.
Needs only cargo and Python 3.
"""

import argparse
import json
import subprocess
import sys
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ["orgwatchd", "orgwatch"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", help="target triple; that of this machine by default")
    parser.add_argument("--package", choices=PACKAGES, default=PACKAGES[0], help="executable; %(default)s by default")
    options = parser.parse_args()
    json.dump(bill(metadata(options.target or host()), options.package), sys.stdout, indent=1, sort_keys=True)
    print()


def bill(metadata, executable):
    """Returns the document of an executable, from the output of `cargo metadata`."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = next(id for id, package in packages.items() if package["name"] == executable)
    linked = closure(root, nodes)
    components = sorted((component(packages[id]) for id in linked if id != root), key=lambda each: each["bom-ref"])
    dependencies = sorted(
        ({"ref": purl(packages[id]), "dependsOn": sorted(purl(packages[to]) for to in normal(nodes[id]))} for id in linked),
        key=lambda each: each["ref"],
    )
    content = json.dumps([components, dependencies], sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "metadata": {"component": {**component(packages[root]), "type": "application"}},
        "components": components,
        "dependencies": dependencies,
    }


def closure(root, nodes):
    """Returns the packages that are linked into `root`, including `root`."""
    linked, waiting = {root}, [root]
    while waiting:
        for id in normal(nodes[waiting.pop()]):
            if id not in linked:
                linked.add(id)
                waiting.append(id)
    return linked


def normal(node):
    """Returns the dependencies that are not only for tests or builds."""
    return {dep["pkg"] for dep in node["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])}


def component(package):
    described = {
        "type": "library",
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "purl": purl(package),
    }
    if package["license"]:
        # Older manifests separate alternatives with a slash.
        described["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    checksum = CHECKSUMS.get((package["name"], package["version"]))
    if checksum:
        described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return described


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def checksums():
    """Returns the checksums of registry crates in the lock file, by name and version."""
    found, fields = {}, {}
    for line in [*(ROOT / "Cargo.lock").read_text().splitlines(), "[[package]]"]:
        if line == "[[package]]":
            if "checksum" in fields:
                found[fields["name"], fields["version"]] = fields["checksum"]
            fields = {}
        elif line.startswith(("name = ", "version = ", "checksum = ")):
            key, value = line.split(" = ", 1)
            fields[key] = value.strip('"')
    return found


def metadata(target):
    command = ["cargo", "metadata", "--locked", "--no-default-features", "--format-version=1", f"--filter-platform={target}"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def host():
    done = subprocess.run(["rustc", "--print", "host-tuple"], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


CHECKSUMS = checksums()

if __name__ == "__main__":
    main()
