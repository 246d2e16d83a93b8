"""Writes the reference of helm/orgwatch/README.md from the comments of values.yaml; with `--check` only compares.

A comment that begins with `# --` describes the key below it, up to the next key. A key with such a comment is one row,
whatever is in it; a comment above a section without `--` becomes its heading.
"""

import json
import re
import sys

import yaml

from support import CHART

BEGIN, END = "<!-- values -->\n", "<!-- end of values -->\n"


def rows(text):
    """Path, description and default of each described key; a heading, as path and None, where a section begins."""
    values, path, told, heading = yaml.safe_load(text), [], [], []
    for line in text.splitlines():
        if found := re.match(r"\s*# -- (.*)", line):
            told, heading = [found[1]], []
        elif found := re.match(r"\s*# (.*)", line):
            (told or heading).append(found[1])
        elif found := re.match(r"( *)([\w]+):", line):
            path = path[: len(found[1]) // 2] + [found[2]]
            if len(path) == 1:
                yield path[0], None if told else " ".join(heading), None
            if told:
                default = values
                for key in path:
                    default = default[key]
                yield ".".join(path), " ".join(told), default
            told, heading = [], []
        elif not line.strip():
            told, heading = [], []


def reference(text):
    lines = []
    for path, told, default in rows(text):
        if "." not in path and default is None:
            if told is not None:
                lines += ["", f"### {path}", ""] + ([told, ""] if told else [])
                lines += ["| key | default | |", "|---|---|---|"]
            elif not lines:
                lines += ["| key | default | |", "|---|---|---|"]
        else:
            lines.append(f"| `{path}` | `{json.dumps(default)}` | {told} |")
    return "\n".join(lines) + "\n"


def written():
    """README.md as it should be."""
    readme = (CHART / "README.md").read_text()
    before, rest = readme.split(BEGIN)
    return before + BEGIN + "\n" + reference((CHART / "values.yaml").read_text()) + "\n" + END + rest.split(END)[1]


def main(arguments):
    fresh = written()
    if arguments == ["--check"]:
        if (CHART / "README.md").read_text() != fresh:
            sys.exit("helm/orgwatch/README.md is not what values.yaml says: run tests/chart/readme.py")
    else:
        (CHART / "README.md").write_text(fresh)


if __name__ == "__main__":
    main(sys.argv[1:])
