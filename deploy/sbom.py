#!/usr/bin/env python3
"""Prints the software bill of materials of orgwatchd as CycloneDX 1.5 JSON: every crate that is built in.
Those of macros are among them, those for tests and build scripts are not.

The same lock file gives the same bytes: there is no time and no random number in it.
Needs cargo and Python 3, nothing else.
"""

import argparse
import json
import subprocess
import sys
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "orgwatchd"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", help="triple that is built for; that of this machine where absent")
    target = parser.parse_args().target or host()
    json.dump(bill(metadata(target)), sys.stdout, indent=1, sort_keys=True)
    print()


def bill(metadata):
    """The document, from what `cargo metadata` says."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = next(id for id, package in packages.items() if package["name"] == PACKAGE)
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
    """What is linked into `root`, itself included."""
    linked, waiting = {root}, [root]
    while waiting:
        for id in normal(nodes[waiting.pop()]):
            if id not in linked:
                linked.add(id)
                waiting.append(id)
    return linked


def normal(node):
    """Dependencies that are neither for tests nor for building alone."""
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
        # Cargo once separated alternatives with a slash.
        described["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    checksum = CHECKSUMS.get((package["name"], package["version"]))
    if checksum:
        described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return described


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def checksums():
    """Of crates from the registry, as the lock file has them, by name and version."""
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
    command = ["cargo", "metadata", "--locked", "--format-version=1", f"--filter-platform={target}"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def host():
    told = subprocess.run(["rustc", "--print", "host-tuple"], check=True, stdout=subprocess.PIPE, text=True)
    return told.stdout.strip()


CHECKSUMS = checksums()

if __name__ == "__main__":
    main()
