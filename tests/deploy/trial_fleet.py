"""The five processes of the trial, with orgs and destinations of their own, and what its steps share."""

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import subprocess
import threading
import time
from pathlib import Path

from fleet import Fleet, Receiver, wait
from trial_story import full
from upgrade import rows

#: Seconds without a push after which an org is silent.
SILENT = 2
#: Each step has orgs of its own, so that no step sees the events of another.
ORGS = ["whole", "halves", "pieces", "late", "history", "watched", "flow0", "flow1", "flow2", "flow3", "hostile", "calm",
        "slow", "spare", "ended", "gone", "rotated"]


class TrialFleet(Fleet):
    """A fleet with an org for each name of ORGS, and two signed webhooks, one of which takes as many messages a minute as by default."""

    def receive(self):
        return Recorder()

    def write_configuration(self):
        super().write_configuration()
        text = ""
        for name in ORGS:
            self.set_token(name, f"{name}-{secrets.token_hex(16)}")
            text += f'\n[ingest.orgs.{org(name)}]\ntoken_files = ["{self.token_file(name)}"]\n'
        for name, rate in [("quick", 6000), ("usual", 30)]:
            url = self.receiver.url.replace("/hook", f"/{name}")
            text += f'\n[notifier.destinations.{name}]\nkind = "webhook"\nurl = "{url}"\nmin_severity = "low"\n'
            text += f'secret = "{self.receiver.secret}"\nrate_per_minute = {rate}\n'
        with open(self.folder / "orgwatchd.toml", "a") as file:
            file.write(text)

    def token_file(self, name):
        return self.secrets / f"token-{name}"

    def token(self, name):
        return self.token_file(name).read_text()

    def set_token(self, name, token):
        """Replaces the file as Kubernetes does: by renaming."""
        new = self.secrets / "token.new"
        new.write_text(token)
        new.rename(self.token_file(name))

    def memory(self, name):
        """Returns the resident memory of a process now, in MiB."""
        status = Path(f"/proc/{self.running[name].pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def sql(self, statement, login="postgres"):
        """Runs a statement; returns whether it succeeded, and its output."""
        url = f"postgres://{login}@127.0.0.1:{self.port('postgres')}/orgwatch"
        command = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", url, "-c", statement]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode == 0, done.stdout.strip()


class Recorder(Receiver):
    """Accepts signed CloudEvents and remembers them."""

    def __init__(self):
        self.key, self.lock, self.events, self.forged = secrets.token_bytes(32), threading.Lock(), [], []
        self.secret = "whsec_" + base64.b64encode(self.key).decode()
        super().__init__()

    def take(self, path, headers, body):
        super().take(path, headers, body)
        name = path.strip("/")
        event = json.loads(body)
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.new(self.key, signed, hashlib.sha256).digest()).decode()
        genuine = name == "hook" or hmac.compare_digest(expected, headers["webhook-signature"] or "")
        with self.lock:
            if not genuine or headers["webhook-id"] != event["id"]:
                self.forged.append((name, event["id"]))
            self.events.append((name, time.monotonic(), event))

    def of(self, name):
        """Returns what a destination got, with the time of arrival."""
        with self.lock:
            return [(at, event) for to, at, event in self.events if to == name]

    def changes(self, name, change, org_id):
        """Returns the data of one kind of change of an org's incidents."""
        data = [event["data"] for _, event in self.of(name)]
        return [each for each in data if each.get("change") == change and each.get("org_id") == org_id]


class Trial:
    """A fleet, the executable that says what is expected, and the report."""

    def __init__(self, fleet, options, report):
        self.fleet, self.options, self.report = fleet, options, report
        # Spans of time in which a server or the notifier was away.
        self.outages = []

    def push(self, name, lines, query="?watch=true", batch=400, pause=0.0, hurry=None):
        """Pushes lines in order until each is accepted; returns the numbers of all answers, added up. Between two pushes
        it pauses until `hurry` is set."""
        total = {}
        for start in range(0, len(lines), batch):
            body = b"".join(lines[start : start + batch])
            while (answer := self.try_push(name, body, query))[0] not in (200, 202):
                if answer[0] not in (0, 408, 429, 500, 503):
                    raise RuntimeError(f"push of {name}: {answer}")
                time.sleep(0.2)
            for key, value in json.loads(answer[1]).items():
                if isinstance(value, int) and not isinstance(value, bool):
                    total[key] = total.get(key, 0) + value
            if hurry:
                hurry.wait(pause)
        return total

    def try_push(self, name, body, query="?watch=true"):
        """Pushes once; returns status and text, status 0 if there is no answer."""
        try:
            return self.fleet.answer(body, self.fleet.token(name), query)
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)

    def settle(self, seconds=120):
        """Waits until every stage has done its work, also what silence makes them do."""
        time.sleep(2 * SILENT + 1)
        wait(self.fleet.idle, "all stages", seconds=seconds)
        time.sleep(1)
        wait(self.fleet.idle, "all stages", seconds=seconds)

    def live(self, name, kind="incidents"):
        """Returns the incidents or findings of an org."""
        path = self.fleet.folder / f"live.{kind}"
        self.fleet.operate("export", f"--{kind}", path)
        return [each for each in map(json.loads, path.read_text().splitlines()) if each["org_id"] == full(org(name))]

    def backtest(self, name, lines):
        """Returns the incidents of a backtest of the lines."""
        events, out = self.fleet.folder / f"{name}.ndjson", self.fleet.folder / f"{name}.incidents"
        events.write_bytes(b"".join(lines))
        command = [self.options.orgwatch, "backtest", events, "--org", org(name), "--incidents", out]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
        return [json.loads(line) for line in out.read_text().splitlines()]

    def check_equal(self, name, lines, what, least=1, seconds=60):
        """Checks that an org's incidents become those of a backtest of the lines; returns the latter."""
        expected = self.backtest(name, lines)
        if len(expected) < least:
            raise RuntimeError(f"{what}: the backtest has only {len(expected)} incidents")
        theirs, deadline = canonical(self.fleet.folder, expected), time.monotonic() + seconds
        while True:
            ours = canonical(self.fleet.folder, self.live(name))
            if ours == theirs or time.monotonic() > deadline:
                break
            time.sleep(1)
        same = len(set(ours) & set(theirs))
        self.report.check(ours == theirs, f"{what}: {same} of {len(theirs)} incidents of the backtest, {len(ours)} live")
        for line in differences(set(ours) - set(theirs), set(theirs) - set(ours)):
            self.report.note(line)
        return expected


def canonical(folder, incidents):
    """Returns incidents as sorted texts without what may differ between live and backtest."""
    path = folder / "compared"
    path.write_text("".join(json.dumps(each) + "\n" for each in incidents))
    return rows(path)


def differences(ours, theirs):
    """Returns where the incidents of one account differ, in a few lines."""
    live = {each["user_id"]: each for each in map(json.loads, ours)}
    pairs = [(live[each["user_id"]], each) for each in map(json.loads, theirs) if each["user_id"] in live]
    return [line for pair in pairs[:1] for line in paths(*pair, pair[0]["user_id"])][:6]


def paths(ours, theirs, where):
    """Yields each place in which two values differ, with both."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            yield from paths(ours.get(key), theirs.get(key), f"{where}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for at, pair in enumerate(zip(ours, theirs)):
            yield from paths(*pair, f"{where}[{at}]")
    elif ours != theirs:
        yield f"{where}: live {json.dumps(ours)[:100]}, by the backtest {json.dumps(theirs)[:100]}"


def org(name):
    """Returns the id of a step's org, with 15 characters."""
    return f"00D0000000{ORGS.index(name) + 10001}"
