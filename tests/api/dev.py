"""Runs `orgwatchd dev` over a small simulated org."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXECUTABLES = ROOT / "target/debug"

#: Seconds; several times what each step takes on two busy cores.
PATIENCE = 120


def wait_for(what, condition, limit=PATIENCE):
    """Waits until `condition` returns a true value, and returns that."""
    deadline = time.monotonic() + limit
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not after {limit} s")
        time.sleep(0.05)
    return found


class Dev:
    """All services as one process, after it has played every event. `close` stops it and removes its files."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="orgwatch-api-"))
        # Postgres runs as another account if root starts it.
        self.folder.chmod(0o755)
        self.process = None
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        org = self.folder / "org"
        simulate = [executable("orgwatch"), "simulate", "--users", "40", "--days", "35", "--out", org]
        subprocess.run(simulate, check=True, stdout=subprocess.DEVNULL)
        org_id = json.loads((org / "labels.json").read_text())["org_id"]
        settings = {f"ORGWATCH_{name}__LISTEN": f"127.0.0.1:{free_port()}" for name in ("ADMIN", "CONSOLE", "INGEST")}
        settings |= {
            "ORGWATCH_CONSOLE__REQUESTS_PER_MINUTE": "100000",
            # The client checks that its decision is applied, on a busy machine, too.
            "ORGWATCH_CONSOLE__APPLY_WAIT_MS": "15000",
            "TMPDIR": str(self.folder),
        }
        events = ["--input", org / "events.ndjson", "--org", org_id, "--learn-until", "2026-01-20", "--salesforce"]
        self.process = subprocess.Popen(
            [executable("orgwatchd"), "dev", *events],
            env=os.environ | settings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.notes = []
        self.reader = threading.Thread(target=lambda: self.notes.extend(self.process.stderr), daemon=True)
        self.reader.start()
        self.url, self.token = self.wait_for_note(r"(http://\S+)/v1/openapi.json; authorization: Bearer (\S+)")
        self.wait_for_note("(Everything is played)")

    def wait_for_note(self, pattern):
        """Waits until the process prints a line that the pattern matches. Returns the groups of the match."""

        def find():
            found = [match for line in list(self.notes) if (match := re.search(pattern, line))]
            if not found and self.process.poll() is not None:
                raise RuntimeError(f"orgwatchd dev ended with {self.process.returncode}:\n{''.join(self.notes)}")
            return found

        return wait_for(f"orgwatchd dev prints {pattern!r}", find)[0].groups()

    def close(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                # The second one stops its servers at once.
                self.process.send_signal(signal.SIGINT)
                self.process.wait(PATIENCE)
            self.reader.join(PATIENCE)
            self.process.stderr.close()
        shutil.rmtree(self.folder)


def executable(name):
    found = EXECUTABLES / name
    if not found.exists():
        raise FileNotFoundError(f"{found}: `cargo build -p orgwatchd -p orgwatch` builds it")
    return found


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
