#!/usr/bin/env python3
"""Measures memory and disk for docs/capacity.md: pushes simulated orgs of two sizes as fast as ingest accepts them. The
stages behind ingest are away for the second half, and then work off all of it at once, as after an outage.

    cargo build --release -p orgwatchd -p orgwatch
    python3 tests/deploy/capacity.py

Has the requirements of fleet.py, and needs about two gigabytes of disk. Tests compare the limits of the chart and of
compose with the document.
"""

import argparse
import json
import re
import subprocess
import time
from pathlib import Path

from fleet import ROOT, SERVICES, Fleet, get, wait

BATCH = 2000
#: How much pushes may take in ingest, whatever they hold, in MiB.
PUSHES = 256
STAGES = SERVICES[1:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orgwatchd", type=Path, default=ROOT / "target/release/orgwatchd")
    parser.add_argument("--orgwatch", type=Path, default=ROOT / "target/release/orgwatch")
    parser.add_argument("--users", type=int, nargs="+", default=[100, 400])
    parser.add_argument("--days", type=int, default=30)
    options = parser.parse_args()
    for users in options.users:
        measure(options, users)


def measure(options, users):
    with Fleet(options.orgwatchd, {"ORGWATCH_DETECTOR__LEARN_UNTIL": "2026-01-20"}) as fleet:
        out = fleet.folder / "org"
        plan = ["--users", users, "--days", options.days, "--seed", 3, "--attacks", 1, "--out", out]
        command = [str(part) for part in [options.orgwatch, "simulate", *plan]]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        before, start = database(fleet), time.monotonic()
        lines = (out / "events.ndjson").read_bytes().splitlines(keepends=True)
        events, half = len(lines), len(lines) // 2
        push(fleet, lines[:half])
        wait(fleet.idle, "all stages", seconds=600)
        peaks = {service: peak(fleet, service) for service in SERVICES}
        for service in STAGES:
            fleet.stop(service)
        push(fleet, lines[half:])
        for service in STAGES:
            fleet.start(service)
        wait(fleet.idle, "all stages", seconds=600)
        took = time.monotonic() - start
        # The next checkpoint writes what was learned last.
        time.sleep(6)
        print(f"{users} users, {events} events in {took:.0f} s")
        for service in SERVICES:
            print(f"  {service}: {peaks[service]:.0f} MiB at most, {peak(fleet, service):.0f} MiB after an outage")
        _, text = get(fleet.port("nats-http"), "/jsz?streams=true")
        for stream in [each for account in json.loads(text)["account_details"] for each in account["stream_detail"]]:
            state = stream["state"]
            print(f"  {stream['name']}: {state['bytes'] / events:.1f} B an event, {state['messages']} messages")
        print(f"  nats-server: {peak(fleet, 'nats'):.0f} MiB at most")
        grown = database(fleet) - before
        print(f"  Postgres: {grown / 2**20:.1f} MiB, {grown / users / 1024:.1f} KiB a user")
        print(query(fleet, "select relname, pg_total_relation_size(c.oid) from pg_class c join pg_namespace n on "
                           "n.oid = relnamespace where nspname = 'orgwatch' and relkind = 'r' order by 2 desc limit 4"))


def documented():
    """Returns what docs/capacity.md says of each service, in MiB: the peak that was measured, and what to give it."""
    text = (ROOT / "docs/capacity.md").read_text()
    rows = re.findall(r"^\| (\w+) \| [^|]* \| ([^|]*MiB[^|]*) \| (\d+) MiB", text, re.MULTILINE)
    return {service: (max(map(int, re.findall(r"\d+(?= (?:and|MiB))", peaks))), int(give)) for service, peaks, give in rows}


def push(fleet, lines):
    for first in range(0, len(lines), BATCH):
        while fleet.push(b"".join(lines[first : first + BATCH])) >= 429:
            time.sleep(0.1)


def peak(fleet, name):
    """Returns the peak memory of a process, in MiB."""
    status = Path(f"/proc/{fleet.running[name].pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def database(fleet):
    """Returns the size of the database, in bytes."""
    return int(query(fleet, "select pg_database_size('orgwatch')"))


def query(fleet, statement):
    url = f"postgres://postgres@127.0.0.1:{fleet.port('postgres')}/orgwatch"
    return subprocess.run(["psql", "-At", url, "-c", statement], check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
