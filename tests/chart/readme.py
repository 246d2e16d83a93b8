"""Writes the reference of helm/orgwatch/README.md from the comments of values.yaml; `--check` only compares.

A comment that begins with `# --` describes the key below it. A key with such a comment becomes one row, whatever it
contains; a comment without `--` above a section becomes the text of its heading.
"""

import json
import re
import sys

import yaml

from support import CHART

BEGIN, END = "<!-- values -->\n", "<!-- end of values -->\n"


def rows(text):
    """Yields path, description and default of each described key; for a section its path, its text, and None."""
    values, path, described, heading = yaml.safe_load(text), [], [], []
    for line in text.splitlines():
        if found := re.match(r"\s*# -- (.*)", line):
            described, heading = [found[1]], []
        elif found := re.match(r"\s*# (.*)", line):
            (described or heading).append(found[1])
        elif found := re.match(r"( *)([\w]+):", line):
            path = path[: len(found[1]) // 2] + [found[2]]
            if len(path) == 1:
                yield path[0], None if described else " ".join(heading), None
            if described:
                default = values
                for key in path:
                    default = default[key]
                yield ".".join(path), " ".join(described), default
            described, heading = [], []
        elif not line.strip():
            described, heading = [], []


def reference(text):
    lines = []
    for path, described, default in rows(text):
        if "." not in path and default is None:
            if described is not None:
                lines += ["", f"### {path}", ""] + ([described, ""] if described else [])
                lines += ["| key | default | |", "|---|---|---|"]
            elif not lines:
                lines += ["| key | default | |", "|---|---|---|"]
        else:
            lines.append(f"| `{path}` | `{json.dumps(default)}` | {described} |")
    return "\n".join(lines) + "\n"


def written():
    """Returns README.md as it should be."""
    readme = (CHART / "README.md").read_text()
    before, rest = readme.split(BEGIN)
    return before + BEGIN + "\n" + reference((CHART / "values.yaml").read_text()) + "\n" + END + rest.split(END)[1]


def main(arguments):
    fresh = written()
    if arguments == ["--check"]:
        if (CHART / "README.md").read_text() != fresh:
            sys.exit("helm/orgwatch/README.md does not match values.yaml: run tests/chart/readme.py")
    else:
        (CHART / "README.md").write_text(fresh)


if __name__ == "__main__":
    main(sys.argv[1:])
