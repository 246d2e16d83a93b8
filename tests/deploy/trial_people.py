"""Steps of the trial about people and secrets, and what must hold at the end."""

import os
import re
import subprocess
import time
from datetime import date

from capacity import peak
from fleet import SERVICES, get, wait
from trial_fleet import org
from trial_story import Person, full, lines

DAY = date(2026, 3, 2)
TABLES = ["incidents", "findings", "incident_history", "entity_risk", "reader_incidents", "reader_findings", "reader_history",
          "reader_deliveries"]


def readers(trial):
    """Logins that are bound to one org each see only its rows, whatever they set."""
    fleet, mine = trial.fleet, {"anna": "whole", "bob": "halves"}
    for name in mine.values():
        if not trial.live(name):
            trial.push(name, lines(Person(1).leaver(DAY)))
    trial.settle()
    for login, name in mine.items():
        fleet.sql(f"create role {login} login in role orgwatch_reader")
        try:
            fleet.operate("readers", "grant", login, org(name))
        except RuntimeError as error:
            trial.report.check(False, f"readers grant {login} {org(name)}: {str(error)[:150]}")
    fleet.sql("create role nobody_yet login in role orgwatch_reader")
    for login, name in [*mine.items(), ("nobody_yet", None)]:
        own = {full(org(name))} if name else set()
        other = full(org("whole" if name == "halves" else "halves"))
        seen, refused = sees(fleet, login, "")
        trial.report.check(seen == own, f"{login} sees {', '.join(sorted(seen)) or 'nothing'} {refused}")
        for escape in [f"set orgwatch.org_id = '{other}';", f"select set_config('orgwatch.org_id', '{other}', false);",
                       "set role orgwatch_reader;", "set role orgwatch_operator;", "set row_security = off;",
                       "set session authorization bob;"]:
            seen, refused = sees(fleet, login, escape)
            trial.report.check(seen <= own, f"{login}: {escape} {refused or 'sees ' + (', '.join(sorted(seen)) or 'nothing')}")
    done, text = fleet.sql(f"insert into orgwatch.readers (login, org_id) values ('anna', '{full(org('halves'))}')", "anna")
    trial.report.check(not done and "permission denied" in text, f"anna cannot bind herself: {text[:90]}")


def sees(fleet, login, first):
    """Returns the orgs whose rows a login sees after a first statement, in any table or view, and a refusal."""
    seen, refused = set(), ""
    for table in TABLES:
        done, text = fleet.sql(f"{first} select distinct 'org ' || org_id from orgwatch.{table}", login)
        seen |= set(re.findall(r"^org (\S+)", text, re.MULTILINE))
        refused = refused if done else text.splitlines()[0][:90]
    return seen, refused


def tokens(trial):
    """A missing token file ends the tokens of its own org alone, while others are rotated, also at start."""
    fleet, record = trial.fleet, lines(Person(1).day(DAY))[0]
    for name in ("gone", "rotated"):
        trial.push(name, [record])
    gone, old = fleet.token("gone"), fleet.token("rotated")
    fleet.token_file("gone").unlink()
    fleet.set_token("rotated", "a-new-token-of-the-rotated-org")
    begin = time.monotonic()
    expect(trial, lambda: fleet.push(record), 202, "the org of push-token goes on", begin)
    expect(trial, lambda: fleet.push(record, fleet.token("rotated")), 202, "the new token of another org is accepted", begin)
    expect(trial, lambda: fleet.push(record, old), 401, "its old token is refused", begin)
    expect(trial, lambda: fleet.push(record, gone), 401, "the token whose file is missing is refused", begin)
    text = get(fleet.port("ingest"), "/readyz")[1]
    series = [line for line in get(fleet.port("ingest"), "/metrics")[1].splitlines()
              if "unreadable_token" in line and line[0] != "#" and not line.endswith(" 0")]
    trial.report.check("token" in text, f"readiness names it: {text.strip()[-150:]}")
    trial.report.check(len(series) == 1 and full(org("gone")) in series[0], f"a metric counts it: {series}")
    log = [line for line in fleet.log("ingest").splitlines() if '"ERROR"' in line and "token-gone" in line]
    trial.report.check(bool(log), f"{len(log)} lines at ERROR name the file")
    fleet.stop("ingest")
    try:
        fleet.start("ingest")
    except RuntimeError as error:
        trial.report.check(False, f"ingest starts without the file: {error}")
        fleet.set_token("gone", gone)
        fleet.start("ingest")
        return
    expect(trial, lambda: fleet.push(record, fleet.token("rotated")), 202, "ingest starts without the file", time.monotonic())
    fleet.set_token("gone", gone)
    expect(trial, lambda: fleet.push(record, gone), 202, "the file is back, and its token accepted", time.monotonic())


def expect(trial, ask, status, what, begin):
    """Waits for a status of a push, and reports after how many seconds it came."""
    try:
        wait(lambda: ask() == status, what, seconds=45)
        trial.report.check(True, f"{what}: {status} after {time.monotonic() - begin:.0f} s")
    except TimeoutError:
        trial.report.check(False, f"{what}: {ask()} instead of {status} for 45 s")


def end(trial):
    """Services say that they are healthy, metrics parse and have help, receipts hold, nothing is denied or dead."""
    fleet = trial.fleet
    codes = {service: run(fleet, service, "health").returncode for service in [*SERVICES, "nobody"]}
    trial.report.check([each for each, code in codes.items() if code] == ["nobody"], f"exit codes of `health`: {codes}")
    for service in SERVICES:
        status, text = get(fleet.port(service), "/metrics")
        families, faults = parse(text)
        what = f"{len(families)} families, {len(faults)} faults {faults[:3] or ''}"
        trial.report.check(status == 200 and families and not faults, f"metrics of {service}: {what}")
    denied = [line for line in fleet.log("nats").splitlines() if "Violation" in line]
    trial.report.check(not denied, f"NATS denied {len(denied)} publishes and subscriptions {denied[:1] or ''}")
    dead = fleet.operate("dead", "list").strip()
    trial.report.check(not re.search(r"\d", dead), f"dead letters: {dead[:300] or 'none'}")
    done = run(fleet, "operator", "verify")
    trial.report.check(done.returncode == 0, f"receipts: {' '.join(done.stdout.split())[:150]}")
    peaks = ", ".join(f"{name} {peak(fleet, name):.0f} MiB" for name in [*SERVICES, "nats"])
    trial.report.note(f"memory since the last start, at most: {peaks}")


def run(fleet, service, command):
    """Runs a command with the environment of a service."""
    environment = {**os.environ, **fleet.environment(service)}
    return subprocess.run([fleet.orgwatchd, command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)$')


def parse(text):
    """Reads Prometheus' text format strictly; returns the families with their types, and what is wrong."""
    helped, types, faults, seen = {}, {}, [], set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, *words = line.split(" ", 3)
            helped[name] = words
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            faults += [f"two types: {name}"] if name in types else []
            types[name] = kind
        elif line and not line.startswith("#"):
            faults += sample(line, types, seen)
    faults += [f"no help: {name}" for name in types if not helped.get(name)]
    faults += [f"gauge named _total: {name}" for name, kind in types.items() if kind == "gauge" and name.endswith("_total")]
    faults += [f"counter without _total: {name}" for name, kind in types.items() if kind == "counter" and not name.endswith("_total")]
    return types, faults


def sample(line, types, seen):
    """Returns what is wrong with a line of a value."""
    found = SAMPLE.match(line)
    if not found:
        return [f"unreadable: {line[:80]}"]
    name, labels, value = found.groups()
    family = next((each for each in (name, re.sub(r"_(bucket|sum|count)$", "", name)) if each in types), None)
    faults = [] if family else [f"no type: {name}"]
    faults += [f"twice: {name}{labels or ''}"] if (name, labels) in seen else []
    seen.add((name, labels))
    try:
        float(value)
    except ValueError:
        faults.append(f"no number: {line[:80]}")
    return faults
