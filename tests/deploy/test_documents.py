"""Checks the Markdown files: links resolve, and the reference matches the code."""

import re
import subprocess
import unittest
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[2]
#: Bytes that a page may have, so that it stays a page for the first minutes.
LIMITS = {"README.md": 10 * 1024, "ARCHITECTURE.md": 18 * 1024}


def markdown_files():
    """Returns the Markdown files that git tracks."""
    listed = subprocess.run(["git", "ls-files", "-z", "*.md"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return [ROOT / path for path in listed.stdout.split("\0") if path and (ROOT / path).exists()]


def prose(text):
    """Returns the text without fenced and inline code."""
    text = re.sub(r"^( *)(```+).*?^\1\2 *$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "`", text)


def links(path):
    """Yields the target of each relative link, as path and anchor."""
    for target in re.findall(r"\]\(([^()\s]+)\)", prose(path.read_text())):
        if not re.match(r"[a-z]+:", target):
            file, _, anchor = target.partition("#")
            yield target, (path.parent / unquote(file)).resolve() if file else path, anchor


def anchors(path):
    """Returns the anchors that GitHub generates for the headings of a file."""
    text = re.sub(r"^ *(```+).*?^ *\1 *$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    found = set()
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        found.add(re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-"))
    return found


def sources(pattern):
    """Returns the text of all Rust files that match the pattern."""
    return "\n".join(path.read_text() for path in ROOT.glob(pattern))


class Links(unittest.TestCase):
    maxDiff = None

    def test_every_relative_link_resolves(self):
        broken = []
        for path in markdown_files():
            for target, file, anchor in links(path):
                if not file.exists() or anchor and file.suffix == ".md" and anchor not in anchors(file):
                    broken.append(f"{path.relative_to(ROOT)}: {target}")
        self.assertEqual(broken, [])


class Pages(unittest.TestCase):
    def test_short_pages_stay_short(self):
        for name, limit in LIMITS.items():
            self.assertLessEqual((ROOT / name).stat().st_size, limit, name)


class Reference(unittest.TestCase):
    maxDiff = None

    def test_the_command_line_has_every_command_and_flag(self):
        text = (ROOT / "docs/command-line.md").read_text()
        analyst, operator = text.split("\n## orgwatchd\n")
        for page, path in (analyst, "orgwatch"), (operator, "orgwatchd"):
            files = [ROOT / f"crates/{path}/src/{file}" for file in ("arguments.rs", "dev/arguments.rs")]
            code = "\n".join(file.read_text().split("#[cfg(test)]")[0] for file in files if file.exists())
            flags = re.findall(r'#\[arg\([^\]]*\blong\b(?: = "(\w+)")?[^\]]*\)\]\s*(?:pub\(crate\) )?(\w+):', code)
            flags = [named or field for named, field in flags]
            commands = re.findall(r"^    ([A-Z]\w+)(?:\(| \{|,$)", code, re.MULTILINE)
            self.assertGreater(len(flags) * len(commands), 100, path)
            for flag in flags:
                self.assertIn(f"--{flag.replace('_', '-')}", page, path)
            for command in commands:
                name = re.sub(r"(?<!^)(?=[A-Z])", "-", command).lower()
                self.assertRegex(page, rf"\b{name}\b", path)

    def test_tests_of_the_requirements_on_sources_exist(self):
        section = (ROOT / "docs/sources.md").read_text().partition("## What users of other connectors")[2]
        named = re.findall(r"`([a-z]\w*_\w+)`", section)
        self.assertGreater(len(named), 40)
        defined = set(re.findall(r"\bfn (\w+)\(", "".join(sources(each) for each in ("crates/*/src/**/*.rs", "crates/*/tests/**/*.rs", "tests/it/*.rs"))))
        self.assertEqual([name for name in named if name not in defined], [])

    def test_log_messages_exist(self):
        """Each message that docs/logs.md or a runbook quotes is in the code."""
        code = re.sub(r"\\\n\s*", "", sources("crates/*/src/**/*.rs"))
        section = (ROOT / "docs/logs.md").read_text().partition("## Lines at ERROR")[2]
        quoted = [message for line in section.splitlines() if line.startswith("| `")
                  for message in re.findall(r"`([^`]+)`", line.split(" | ")[0])]
        for path in sorted((ROOT / "docs/runbooks").glob("*.md")):
            for line in path.read_text().splitlines():
                if "log of" in line or "logs of" in line or "Their logs" in line:
                    quoted += [text for text in re.findall(r"`([^`]+)`", line) if " " in text and "=" not in text and "select" not in text]
        self.assertGreater(len(quoted), 30)
        missing = [message for message in quoted if message.strip("… ") not in code]
        self.assertEqual(missing, [])


if __name__ == "__main__":
    unittest.main()
