#!/usr/bin/env python3
"""Tries the alerts on a running system: causes what each alert is for, and waits until Prometheus reports it as firing.

    cargo build -p orgwatchd -p orgwatch
    python3 tests/deploy/alerts.py --write tests/dashboards/metrics.txt

The minutes of the rules are shortened to seconds. `--write` saves the metrics that the services exported, against which
tests/dashboards checks the queries. Has the requirements of fleet.py, and takes about ten minutes.
"""

import argparse
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path

from fleet import ROOT, SERVICES, Fleet, get, replaced, wait

RULES = ROOT / "helm/orgwatch/files/rules/orgwatch.yaml"
HEALTHY_SECONDS = 20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orgwatchd", type=Path, default=ROOT / "target/debug/orgwatchd")
    parser.add_argument("--orgwatch", type=Path, default=ROOT / "target/debug/orgwatch")
    parser.add_argument("--write", type=Path, metavar="FILE", help="file to save the exported metrics to")
    options = parser.parse_args()
    settings = {"ORGWATCH_DETECTOR__LEARN_UNTIL": "2026-01-25", "ORGWATCH_INGEST__ACKNOWLEDGE_SECONDS": "1"}
    with Fleet(options.orgwatchd, settings) as fleet:
        trial = Trial(fleet, events(options.orgwatch, fleet.folder))
        try:
            trial.run()
        finally:
            trial.feeding.set()
            if options.write:
                fleet.scrape()
                options.write.write_text(exposition(fleet.seen))
    print(f"tried: {', '.join(sorted(trial.fired))}")
    missing = set(re.findall(r"alert: (\w+)", RULES.read_text())) - trial.fired
    print(f"not tried here: {', '.join(sorted(missing))}")


class Trial:
    """A fleet with a Prometheus, and the alerts that have fired."""

    def __init__(self, fleet, lines):
        self.fleet, self.fired, self.silent = fleet, set(), []
        # Push the first half at once, to learn from, and the rest little by little.
        half = len(lines) // 2
        for start in range(0, half, 8000):
            fleet.push(b"".join(lines[start : min(start + 8000, half)]))
        wait(fleet.idle, "the first half")
        self.rest = iter(range(half, len(lines), 100))
        self.lines, self.feeding, self.paused = lines, threading.Event(), threading.Event()
        self.prometheus()
        threading.Thread(target=self.feed, daemon=True).start()

    def feed(self):
        for start in self.rest:
            while self.paused.is_set() and not self.feeding.is_set():
                time.sleep(0.2)
            # Push refused events again, as a client does.
            while not self.feeding.is_set() and not self.push(b"".join(self.lines[start : start + 100])):
                time.sleep(0.2)
            if self.feeding.wait(0.3):
                return
        print("all events are sent; the rest of the trial has none")

    def push(self, body, token=None):
        try:
            return self.fleet.push(body, token) < 300
        except OSError:
            return False

    def prometheus(self):
        folder = self.fleet.folder
        (folder / "rules.yaml").write_text(hasty(RULES.read_text()))
        (folder / "prometheus.yaml").write_text(json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s", "scrape_timeout": "1s"},
            "rule_files": [str(folder / "rules.yaml")],
            "scrape_configs": [{
                "job_name": "orgwatch",
                "file_sd_configs": [{"files": [str(folder / "targets.json")], "refresh_interval": "1s"}],
            }],
        }))
        self.targets(SERVICES)
        address = f"127.0.0.1:{self.fleet.port('prometheus')}"
        self.fleet.spawn("prometheus", [
            "prometheus", f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/tsdb",
            f"--web.listen-address={address}",
        ], {})
        wait(lambda: get(self.fleet.port("prometheus"), "/-/ready")[0] == 200, "prometheus")

    def targets(self, services):
        targets = [{"targets": [f"127.0.0.1:{self.fleet.port(each)}"], "labels": {"service": each}} for each in services]
        (self.fleet.folder / "targets.json").write_text(json.dumps(targets))

    def firing(self):
        _, text = get(self.fleet.port("prometheus"), "/api/v1/alerts")
        alerts = json.loads(text)["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def query(self, expression):
        path = f"/api/v1/query?query={urllib.parse.quote(expression)}"
        return json.loads(get(self.fleet.port("prometheus"), path)[1])["data"]["result"]

    def expect(self, *alerts, during=lambda: None, seconds=120):
        """Waits until all of them fire, and calls `during` repeatedly meanwhile."""
        start = time.monotonic()

        def all_fire():
            during()
            self.fleet.scrape()
            return set(alerts) <= self.firing()

        try:
            wait(all_fire, ", ".join(alerts), seconds=seconds)
        except TimeoutError:
            print(f"MISSING {', '.join(set(alerts) - self.firing())}; firing: {sorted(self.firing())}", flush=True)
            return
        self.fired.update(alerts)
        print(f"{', '.join(alerts)}: after {time.monotonic() - start:.0f} s; firing: {sorted(self.firing())}", flush=True)

    def quiet(self):
        """Waits until no alert fires."""
        wait(lambda: not self.firing(), "quiet", seconds=180)

    def run(self):
        fleet = self.fleet
        time.sleep(HEALTHY_SECONDS)
        if self.firing():
            raise RuntimeError(f"a healthy system fires {self.firing()}")
        print(f"nothing fires in {HEALTHY_SECONDS} s of health", flush=True)

        self.expect("OrgwatchRecordsRejected", during=lambda: self.push(b'{"EventType": "Login", "USER_ID": 7}\n' * 50))
        # They are weeks older than the events that are pushed meanwhile.
        self.expect("OrgwatchEventsDropped", during=lambda: self.push(b"".join(self.lines[:100])))
        wrong = "nobody-has-this-token"
        self.expect("OrgwatchPushesUnauthorized", during=lambda: [self.push(b"{}", wrong) for _ in range(5)])

        self.expect("OrgwatchSignInsRefused", during=lambda: [fleet.ask("/v1/incidents", wrong) for _ in range(10)])
        self.api_token = fleet.operate("token", "alerts", "--role", "administrator", "--days", "1").strip()
        with fleet.follow(self.api_token):
            self.expect("OrgwatchConsoleSlow", during=self.locked)
        fleet.stop("console")
        self.expect("OrgwatchConsoleNotReady")
        fleet.start("console")
        self.quiet()

        token = fleet.secrets / "push-token"
        away = token.rename(fleet.folder / "push-token-away")
        self.expect("OrgwatchTokensUnreadable")
        away.rename(token)

        fleet.receiver.status = 500
        self.expect("OrgwatchDeliveriesStuck")
        fleet.receiver.status = 400
        self.expect("OrgwatchDeliveriesFailed", "OrgwatchDeadLetters")
        fleet.receiver.status = 200

        # A correlator with the NATS user of another service.
        fleet.spawn("correlator-wrong", [fleet.orgwatchd, "correlator"], fleet.environment("correlator-wrong", "ingest"))
        self.targets([*SERVICES, "correlator-wrong"])
        self.expect("OrgwatchNatsDenied")
        self.targets(SERVICES)
        fleet.stop("correlator-wrong", signal.SIGKILL)

        fleet.stop("detector", signal.SIGKILL)
        self.expect("OrgwatchDown", "OrgwatchStageMissing", "OrgwatchStalled")
        time.sleep(30)
        fleet.start("detector")
        self.expect("OrgwatchSlow")

        fleet.stop("baseline", signal.SIGKILL)
        self.expect("OrgwatchPartitionsUnowned")
        fleet.start("baseline")
        self.quiet()

        self.sql("REVOKE INSERT, UPDATE ON orgwatch.checkpoints FROM orgwatch")
        self.expect("OrgwatchCheckpointsFailing")
        self.sql("GRANT INSERT, UPDATE ON orgwatch.checkpoints TO orgwatch")

        fleet.stop("postgres")
        ask = lambda: fleet.ask("/v1/incidents", self.api_token)  # noqa: E731
        self.expect("OrgwatchPostgresUnavailable", "OrgwatchConsoleFails", "OrgwatchConsoleNotReady", during=ask)
        print({each["metric"]["service"]: each["value"][1] for each in self.query("orgwatch_postgres_pool_size")})
        fleet.start_postgres()

        self.expect("OrgwatchPushesFail", during=self.refused)
        self.quiet()
        fleet.stop("nats")
        self.expect("OrgwatchPushesFail")
        fleet.start_nats()
        self.quiet()

        fleet.stop("baseline")
        time.sleep(5)
        fleet.operate("topology", "apply", variables={"ORGWATCH_NATS__MAX_BYTES__ACTIVITY": "4096"})
        fleet.start("baseline")
        self.expect("OrgwatchActivitiesLost")
        fleet.operate("topology", "apply")

        self.paused.set()
        self.expect("OrgwatchIngestSilent")
        self.paused.clear()

    def refused(self):
        """Opens more connections without a token than an address may have: not the address from which events come."""
        for _ in range(300):
            try:
                address = ("127.0.0.1", self.fleet.port("push"))
                self.silent.append(socket.create_connection(address, 5, source_address=("127.0.0.2", 0)))
            except OSError:
                break
        for each in self.silent[:-300]:
            each.close()
        del self.silent[:-300]

    def locked(self):
        """Reads incidents while their table is locked for two seconds."""
        lock = "BEGIN; LOCK TABLE orgwatch.incidents; SELECT pg_sleep(2); COMMIT"
        holder = threading.Thread(target=self.sql, args=[lock])
        holder.start()
        time.sleep(0.5)
        self.fleet.ask("/v1/incidents", self.api_token)
        holder.join()

    def sql(self, statement):
        url = f"postgres://postgres@127.0.0.1:{self.fleet.port('postgres')}/orgwatch"
        subprocess.run(["psql", "--quiet", url, "-c", statement], check=True)


def events(orgwatch, folder):
    """Returns the lines of a simulated org with attacks."""
    plan = ["--users", "60", "--days", "90", "--seed", "7", "--attacks", "4", "--out", folder / "org"]
    subprocess.run([str(part) for part in [orgwatch, "simulate", *plan]], check=True, stdout=subprocess.DEVNULL)
    return (folder / "org/events.ndjson").read_bytes().splitlines(keepends=True)


def hasty(rules):
    """Returns the rules with their minutes as seconds."""
    shorter = {"s": ("ms", 17), "m": ("s", 1), "h": ("s", 60), "d": ("s", 1440)}

    def duration(found):
        unit, factor = shorter[found[3]]
        return f"{found[1]}{int(found[2]) * factor}{unit}"

    return re.sub(r"(\[|:(?=\d)|offset |for: )(\d+)([smhd])\b", duration, rules)


def exposition(seen):
    """Returns all series in order of their names, with only the last bucket of histograms."""
    types = sorted(line for line in seen.values() if line.startswith("# TYPE"))
    kept = [line for line in seen.values() if line[0] != "#" and ('le="' not in line or 'le="+Inf"' in line)]
    head = "# Series that the services exported while tests/deploy/alerts.py tried the alerts; the values mean nothing.\n"
    # One partition is enough.
    kept = sorted(line for line in kept if not re.search(r'"baseline-[1-9]', line))
    return head + "\n".join([*types, *(re.sub(r" [^ ]+$", " 1", line) for line in kept)]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
