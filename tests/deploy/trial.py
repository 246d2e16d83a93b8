#!/usr/bin/env python3
"""An operator's trial: five processes by the documented configuration, and what may go wrong with them.

    cargo build -p orgwatchd -p orgwatch
    python3 tests/deploy/trial.py

Each step prints what held and what did not, with figures; the exit code is 1 if anything did not. `--only pauses late`
runs some steps alone. Incidents are compared with those of `orgwatch backtest` of the same events. Events are those of
`orgwatch simulate` and of invented accounts that leave with thousands of records. Services, servers, certificates, nkeys
and logins are those of fleet.py, whose requirements it has; traces are not received, because OTLP over gRPC needs more
than the standard library. Two frames of Zstandard need the tool `zstd`. The whole takes eight to ten minutes.
"""

import argparse
import sys
import time
import traceback
from pathlib import Path

import trial_abuse
import trial_flow
import trial_people
from fleet import ROOT
from trial_fleet import SILENT, Trial, TrialFleet

STEPS = [trial_flow.pauses, trial_flow.late, trial_flow.history, trial_flow.faults, trial_flow.deliveries, trial_flow.ended,
         trial_abuse.hostile, trial_abuse.slow, trial_people.readers, trial_people.tokens, trial_people.end]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orgwatchd", type=Path, default=ROOT / "target/debug/orgwatchd")
    parser.add_argument("--orgwatch", type=Path, default=ROOT / "target/debug/orgwatch")
    parser.add_argument("--only", nargs="+", choices=[step.__name__ for step in STEPS], metavar="STEP", help="steps to run")
    options = parser.parse_args()
    report = Report()
    settings = {"ORGWATCH_INGEST__IDLE_WATERMARK_SECONDS": str(SILENT), "ORGWATCH_CORRELATOR__CLOSING_SECONDS": "2"}
    with TrialFleet(options.orgwatchd, settings) as fleet:
        trial = Trial(fleet, options, report)
        for step in STEPS:
            if not options.only or step.__name__ in options.only:
                report.run(step, trial)
    print(f"\n{report.held} held, {report.failed} did not, {report.skipped} skipped, in {time.monotonic() - report.start:.0f} s")
    sys.exit(1 if report.failed else 0)


class Report:
    """Prints what held and what did not, and counts both."""

    def __init__(self):
        self.held, self.failed, self.skipped, self.start = 0, 0, 0, time.monotonic()

    def run(self, step, trial):
        print(f"\n{step.__name__}, after {time.monotonic() - self.start:.0f} s: {step.__doc__}", flush=True)
        try:
            step(trial)
        except Exception as error:
            traceback.print_exc()
            self.check(False, f"the step broke off: {error}")

    def check(self, holds, text):
        self.held, self.failed = self.held + bool(holds), self.failed + (not holds)
        print(f"  {'held' if holds else 'DID NOT HOLD'}: {text}", flush=True)

    def skip(self, text):
        self.skipped += 1
        print(f"  skipped: {text}", flush=True)

    def note(self, text):
        print(f"  {text}", flush=True)


if __name__ == "__main__":
    main()
