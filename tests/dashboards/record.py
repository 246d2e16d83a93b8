#!/usr/bin/env python3
"""Records metrics.txt: the metrics that the services export while tests/deploy/alerts.py tries the alerts, and before
that while ingest reads an org at a fake Salesforce, which then disappears.

    cargo build -p orgwatchd -p orgwatch
    python3 tests/dashboards/record.py

Has the requirements of tests/deploy/alerts.py, and takes as long.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "deploy"))

import alerts  # noqa: E402
from fleet import ROOT  # noqa: E402

ORG = "00D000000000002EAA"
PREFIX = "ORGWATCH_INGEST__SALESFORCE__ORGS__FAKE__"


class Trial(alerts.Trial):
    fake = None

    def run(self):
        self.paused.set()
        self.expect("OrgwatchSourceBlind", during=self.blind)
        self.fleet.stop("ingest")
        for name in [name for name in os.environ if name.startswith(PREFIX)]:
            del os.environ[name]
        self.fleet.start("ingest")
        self.paused.clear()
        self.quiet()
        super().run()

    def blind(self):
        """Kills the fake Salesforce as soon as ingest reads it."""
        if self.fake.poll() is None and self.query("orgwatch_source_lag_seconds and orgwatch_source_blind == 0"):
            self.fake.kill()


def settings(printed):
    """Returns variables with which ingest queries the org each second and soon detects silence."""
    keys = {
        "ORG_ID": ORG, "STREAMS": "false", "STORED": "follow", "STORED_SECONDS": "1", "LOG_FILES": "off",
        "CONTEXT_SECONDS": "0", "BLIND_SECONDS": "10", "CONNECTION__LOGIN_URL": printed["login_url"],
        "CONNECTION__PUBSUB_URL": printed["pubsub_url"], "CONNECTION__CLIENT_ID": printed["client_id"],
        "CONNECTION__CLIENT_SECRET": printed["client_secret"],
    }
    return {PREFIX + key: value for key, value in keys.items()}


def main():
    with tempfile.TemporaryDirectory(prefix="orgwatch-record-") as folder:
        plan = ["--users", "5", "--days", "10", "--seed", "3", "--out", folder]
        subprocess.run([ROOT / "target/debug/orgwatch", "simulate", *plan], check=True, stdout=subprocess.DEVNULL)
        serve = [ROOT / "target/debug/orgwatchd", "fake-org", "--org", ORG, Path(folder) / "events.ndjson"]
        with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as fake:
            try:
                printed = "".join(iter(fake.stdout.readline, "}\n")) + "}"
                os.environ.update(settings(json.loads(printed)))
                Trial.fake, alerts.Trial = fake, Trial
                sys.argv[1:] = ["--write", str(HERE / "metrics.txt")]
                return alerts.main()
            finally:
                fake.kill()


if __name__ == "__main__":
    sys.exit(main())
