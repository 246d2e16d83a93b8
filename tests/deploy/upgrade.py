#!/usr/bin/env python3
"""Upgrades a running system service by service and back again, and compares its incidents with those of a backtest.

    git worktree add ../before RELEASE && (cd ../before && cargo build --target-dir target -p orgwatchd)
    cargo build -p orgwatchd -p orgwatch
    python3 tests/deploy/upgrade.py --before ../before/target/debug/orgwatchd

The order is that of docs/operations.md. `--stay baseline` leaves a service at the new release, for releases that cannot
go back according to the changelog. Has the requirements of fleet.py, and takes a few minutes.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from fleet import ROOT, Fleet, wait

ORG = "00Dhn0000000005AAA"
LEARN_UNTIL = "2026-01-17"
# Event seconds a second, with which a part takes half a minute.
SPEED = 20_000
READERS_FIRST = ["notifier", "correlator", "detector", "baseline", "ingest"]
# Left out of the comparison: a live incident keeps the id with which it opened, and a release may add settings and reword
# texts.
APART = ["incident_id", "revision", "config_hash", "summary", "reason"]
# Left out, too, where the previous release lacks them.
ADDED = ["addresses"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, required=True, help="executable of the previous release")
    parser.add_argument("--after", type=Path, default=ROOT / "target/debug/orgwatchd")
    parser.add_argument("--orgwatch", type=Path, default=ROOT / "target/debug/orgwatch")
    parser.add_argument("--stay", nargs="*", default=[], metavar="SERVICE", help="services that do not go back")
    parser.add_argument("--users", type=int, default=30)
    options = parser.parse_args()
    settings = {"ORGWATCH_DETECTOR__LEARN_UNTIL": LEARN_UNTIL, "ORGWATCH_INGEST__FILES__ORG": ORG}
    # As the owner of the schema: the previous release may have no roles. Nor may it have a console, which writes nothing of
    # what is compared.
    with Fleet(options.before, settings, "postgres-url", READERS_FIRST) as fleet:
        parts = Parts(options, fleet)
        parts.play(1)
        use(fleet, options.after)
        fleet.operate("migrate")
        fleet.operate("topology", "apply")
        for service in READERS_FIRST:
            replace(fleet, service, "after")
        parts.finish()
        parts.play(2)
        use(fleet, options.before)
        for service in [each for each in reversed(READERS_FIRST) if each not in options.stay]:
            replace(fleet, service, "before")
        parts.finish()
        parts.play(3)
        parts.finish(is_last=True)
        wait(fleet.idle, "all stages", seconds=600)
        known = fleet.folder / "known"
        fleet.operate("export", "--findings", known)
        names = {name for line in known.read_text().splitlines() for name in json.loads(line)}
        apart = APART + [name for name in ADDED if name not in names]
        use(fleet, options.after)
        dead = fleet.operate("dead", "list")
        compare(parts, fleet, dead, apart)


class Parts:
    """The events of an org in three files, in order of time, which ingest plays one after the other at a limited speed."""

    def __init__(self, options, fleet):
        self.fleet, self.options, self.folder = fleet, options, fleet.folder / "events"
        self.whole = fleet.folder / "org/events.ndjson"
        plan = ["--users", options.users, "--days", 21, "--seed", 5, "--attacks", 1, "--out", self.whole.parent]
        run([options.orgwatch, "simulate", *plan])
        self.lines = self.whole.read_bytes().splitlines(keepends=True)
        self.folder.mkdir()
        self.played = 0

    def play(self, number):
        """Restarts ingest to play a part; the other services keep running."""
        third = len(self.lines) // 3 + 1
        part = self.lines[(number - 1) * third : number * third]
        (self.folder / f"{number}.ndjson").write_bytes(b"".join(part))
        self.fleet.variables["ORGWATCH_INGEST__FILES__PATHS"] = f'["{self.folder / f"{number}.ndjson"}"]'
        self.fleet.variables["ORGWATCH_INGEST__FILES__SPEED"] = str(SPEED)
        self.fleet.variables["ORGWATCH_INGEST__FILES__END"] = str(number == 3).lower()
        replace(self.fleet, "ingest", f"part {number}")

    def finish(self, is_last=False):
        """Waits until the part has been played. Fails if it had been before the services were replaced."""
        if self.over() and not is_last:
            raise RuntimeError("the events were over before the services were replaced: more --users, or a lower SPEED")
        wait(self.over, "the end of the events", seconds=300)
        self.played += 1

    def over(self):
        return self.fleet.log("ingest").count("files are published") > self.played


def use(fleet, executable):
    """Has services started from now on be of this executable. Earlier releases know no age of backfill."""
    fleet.orgwatchd = executable
    known = subprocess.run([executable, "config", "show"], capture_output=True, text=True, check=False).stdout
    fleet.variables.pop("ORGWATCH_INGEST__BACKFILL_HOURS", None)
    if "backfill_hours" in known:
        fleet.variables["ORGWATCH_INGEST__BACKFILL_HOURS"] = "0"


def replace(fleet, service, why):
    fleet.stop(service)
    fleet.start(service)
    print(f"{service}: {why}", flush=True)


def compare(parts, fleet, dead, apart):
    live, files = fleet.folder / "live", fleet.folder / "files"
    fleet.operate("export", "--incidents", f"{live}.incidents", "--findings", f"{live}.findings")
    backtest = ["backtest", parts.whole, "--org", ORG, "--learn-until", LEARN_UNTIL]
    run([parts.options.orgwatch, *backtest, "--incidents", f"{files}.incidents", "--findings", f"{files}.findings"])
    same = not dead.strip()
    print(dead or "no dead letters")
    for kind in ["findings", "incidents"]:
        ours, theirs = rows(f"{live}.{kind}", apart), rows(f"{files}.{kind}", apart)
        same = same and bool(ours) and ours == theirs
        print(f"{kind}: {len(ours)} live, {len(theirs)} by the backtest, {len(set(ours) & set(theirs))} the same")
    sys.exit(0 if same else 1)


def rows(path, apart):
    objects = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return sorted(json.dumps(without(each, apart), sort_keys=True) for each in objects)


def without(value, apart):
    if isinstance(value, dict):
        return {name: without(each, apart) for name, each in value.items() if name not in apart}
    return [without(each, apart) for each in value] if isinstance(value, list) else value


def run(command):
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
