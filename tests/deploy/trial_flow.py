"""Steps of the trial in which events come late, with pauses, as history, or while parts of the system are away."""

import re
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from datetime import time as daytime

from fleet import get, wait
from trial_fleet import SILENT, org
from trial_story import Person, full, lines

LAST = date(2026, 3, 2)
FLOWS = 4
FLOW_SECONDS = 120
#: Accounts of the first flow, each of which ends in a critical incident.
LEAVERS = 16


def pauses(trial):
    """The same file in one piece and in several, with pauses in which the org is silent: the incidents of a backtest."""
    file, after = leavers(12), lines([record for number in range(12) for record in next_days(Person(number))])
    splits = {"whole": [], "halves": [len(file) - 216], "pieces": [100, 3000, len(file) - 60, len(file) - 25]}
    pushing = [threading.Thread(target=in_parts, args=(trial, name, file, cuts)) for name, cuts in splits.items()]
    for each in pushing:
        each.start()
    for each in pushing:
        each.join()
    trial.settle()
    for name, cuts in splits.items():
        severe = sorted(each["risk_score"] for each in trial.live(name) if each["severity"] == "critical")
        what = f"{severe[0]} to {severe[-1]}" if severe else "none"
        trial.report.check(len(severe) == 12, f"{len(cuts)} pauses, the last day open: {len(severe)} of 12 critical, risk {what}")
        # What is open is judged by what is known so far. These events close the day.
        trial.push(name, after)
    trial.settle()
    for name, cuts in splits.items():
        trial.check_equal(name, file + after, f"{len(file + after)} events, {len(cuts)} pauses", least=12, seconds=20)


def leavers(count, first=0):
    """Returns the lines of an org with so many accounts, all of which leave on the last day."""
    return lines([record for number in range(first, first + count) for record in Person(number).leaver(LAST)])


def next_days(person):
    """Returns two ordinary days after the last one, which close it."""
    return [record for days in (1, 2) for record in person.day(LAST + timedelta(days=days))]


def in_parts(trial, name, file, cuts):
    for begin, end in zip([0, *cuts], [*cuts, len(file)]):
        trial.push(name, file[begin:end])
        if end < len(file):
            time.sleep(2 * SILENT + 2)


def late(trial):
    """Rows that arrive after their day has closed count as volume; those that are too old are answered by number."""
    person, reporter, other = Person(1), Person(2), Person(3)
    ordinary = [record for each in (person, other) for record in each.working_days(LAST, 30) + each.day(LAST)]
    afternoons = [datetime.combine(LAST - timedelta(days=back), daytime(15)) for back in range(40)]
    ordinary += [reporter.query(at + timedelta(minutes=minute), 20) for at in afternoons for minute in range(at.day % 4 + 2)]
    tomorrow = LAST + timedelta(days=1)
    trial.push("late", lines(ordinary))
    trial.push("late", lines(other.day(tomorrow)))
    trial.settle()
    before = len(trial.live("late"))
    answer = trial.push("late", lines(person.burst(LAST)))
    trial.push("late", [log_file(reporter, LAST, 40)])
    trial.settle()
    for who, rows, how in [(person, 4040, "list views"), (reporter, 40_000, "a log file")]:
        found = [each for each in trial.live("late", "findings") if each["user_id"][:15] == who.id]
        spikes = [each for each in found if each["detector"] == "row_spike" and each["observed_at"][:10] == str(LAST)]
        what = "; ".join(each["summary"] for each in spikes) or "no finding"
        trial.report.check(bool(spikes), f"{rows} rows by {how}, a day late: {what}")
    trial.report.note(f"{before} incidents before; the answer was {answer}")
    # Three days more, so that the last day lies further back than identity_hours (96).
    for days in range(2, 6):
        trial.push("late", lines(other.day(LAST + timedelta(days=days))))
    trial.settle()
    answer = trial.push("late", lines(person.burst(LAST, hour=18)))
    trial.report.check(answer.get("too_old") == 18, f"18 events that are too old: the answer was {answer}")


def log_file(person, day, count):
    """Returns an event log file of API queries of 1,000 rows each."""
    head = "EVENT_TYPE,TIMESTAMP_DERIVED,REQUEST_ID,USER_ID_DERIVED,API_TYPE,METHOD_NAME,ENTITY_NAME,ROWS_PROCESSED,CLIENT_IP"
    rows = [f"API,{day}T15:{number // 60:02}:{number % 60:02}.000Z,{person.number:04}{number:016},{full(person.id)},P,"
            f"query,Account,1000,198.51.100.{person.number + 1}" for number in range(count)]
    return "\n".join([head, *rows, ""]).encode()


def history(trial):
    """What is older than 72 hours teaches and raises nothing, unless the push says watch=true; the answer counts it."""
    old = lines(Person(1).leaver(LAST))
    answer = trial.push("history", old, query="")
    counted = answer.get("backfill", 0)
    trial.report.check(counted == len(old), f"{counted} of {len(old)} old events counted as backfill: {answer}")
    now = datetime.now(timezone.utc)
    day = (now - timedelta(days=1)).date()
    person = Person(2)
    trial.push("history", lines(person.working_days(day - timedelta(days=4), 30)), query="")
    trial.settle()
    found = trial.live("history")
    trial.report.check(not found, f"history alone: {len(found)} incidents")
    trial.push("history", lines(person.burst(day, hour=0)), query="")
    trial.push("watched", old)
    trial.settle()
    own = [each for each in trial.live("history") if each["user_id"][:15] == person.id]
    severe = [each for each in own if each["severity"] == "critical"]
    trial.report.check(len(severe) == 1, f"yesterday's events of one account after its history: {len(severe)} critical incidents")
    trial.check_equal("watched", old, "the old events with watch=true", seconds=20)


def faults(trial):
    """Every process is killed, servers are away and replicas come and go while events flow."""
    files = {f"flow{number}": flow(trial, number) for number in range(FLOWS)}
    # The first part, in which the accounts become known, without faults.
    for name, file in files.items():
        trial.push(name, file[: len(file) * 2 // 3], batch=2000)
    hurry, started = threading.Event(), time.monotonic()
    pushing = [threading.Thread(target=slowly, args=(trial, name, file[len(file) * 2 // 3 :], hurry))
               for name, file in files.items()]
    for each in pushing:
        each.start()
    try:
        disturb(trial)
        over = sum(not each.is_alive() for each in pushing)
        trial.report.check(over == 0, f"events flowed during all faults, for {time.monotonic() - started:.0f} s")
    finally:
        hurry.set()
        for each in pushing:
            each.join()
    trial.settle(seconds=300)
    events, critical = sum(map(len, files.values())), []
    for name, file in files.items():
        expected = trial.check_equal(name, file, f"{name}, {len(file)} events", least=10)
        critical += [each for each in expected if each["severity"] == "critical"]
    trial.report.note(f"{events} events in {time.monotonic() - started:.0f} s")
    trial.report.check(len(critical) >= LEAVERS, f"{len(critical)} critical incidents to be named")


def slowly(trial, name, part, hurry):
    """Pushes lines within about FLOW_SECONDS, and what is left at once when `hurry` is set."""
    trial.push(name, part, batch=max(1, len(part) * 3 // 10 // FLOW_SECONDS), pause=0.3, hurry=hurry)


def flow(trial, number):
    """Returns the lines of an org: the first is one whose accounts leave, the others are simulated."""
    if number == 0:
        return leavers(LEAVERS, first=100) + lines(next_days(Person(100)))
    out = trial.fleet.folder / f"simulated{number}"
    plan = ["--users", 20, "--days", 21, "--seed", 11 + number, "--attacks", 0, "--out", out]
    subprocess.run([str(part) for part in [trial.options.orgwatch, "simulate", *plan]], check=True, stdout=subprocess.DEVNULL)
    return (out / "events.ndjson").read_bytes().splitlines(keepends=True)


def disturb(trial):
    """Kills each process, takes both servers away, adds replicas, kills each process again, removes the replicas."""
    fleet = trial.fleet
    kill_each(trial)
    with away(trial, "nats"):
        fleet.stop("nats", signal.SIGKILL)
        time.sleep(5)
        fleet.start_nats()
    with away(trial, "postgres"):
        fleet.stop("postgres")
        time.sleep(5)
        fleet.start_postgres()
    extra = [f"{service}-{number}" for service in ("detector", "baseline") for number in (1, 2)]
    for name in extra:
        fleet.start(name)
    wait(lambda: all(owned(fleet, name) > 0 for name in ("baseline", "baseline-1", "baseline-2")), "partitions to move")
    kill_each(trial)
    for name in extra:
        fleet.stop(name)
    wait(lambda: owned(fleet, "baseline") == 32, "partitions to move back")


def kill_each(trial):
    for service in ["baseline", "detector", "correlator", "notifier", "ingest"]:
        with away(trial, service):
            trial.fleet.stop(service, signal.SIGKILL)
            trial.fleet.start(service)
        # Let it work before the next one is killed.
        time.sleep(2)


@contextmanager
def away(trial, name):
    """Remembers when something was away. Until ten seconds later a confirmation may be lost, so it may be sent again."""
    begin = time.monotonic()
    yield
    trial.outages.append((name, begin - 10, time.monotonic() + 10))
    trial.report.note(f"{name} was away for {time.monotonic() - begin:.1f} s")


def owned(fleet, name):
    """Returns the partitions that a replica of baseline owns."""
    _, text = get(fleet.port(name), "/metrics")
    return sum(map(float, re.findall(r"^orgwatch_baseline_partitions(?:\{.*\})? (\S+)$", text, re.MULTILINE)))


def deliveries(trial):
    """Every critical incident is named, every incident is carried, nothing comes twice, signatures are right."""
    receiver = trial.fleet.receiver
    names = ["whole", *(f"flow{number}" for number in range(FLOWS))]
    open_now = [each for name in names for each in trial.live(name)]
    critical = {each["incident_id"] for each in open_now if each["severity"] == "critical"}
    every = {each["incident_id"] for each in open_now}
    # A digest comes at the end of its minute, after the critical incidents that wait.
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline and not all(
            critical <= named(receiver, name, ["critical"]) and every <= named(receiver, name) | gathered(receiver, name)
            for name in ("quick", "usual")):
        time.sleep(1)
    trial.report.check(len(critical) > 0, f"{len(every)} incidents, of which {len(critical)} are critical")
    for name in ["quick", "usual"]:
        got = named(receiver, name, ["critical"])
        carried = named(receiver, name) | gathered(receiver, name)
        digests = sum("digest" in event["type"] for _, event in receiver.of(name))
        trial.report.check(critical <= got, f"{name}: {len(critical & got)} of {len(critical)} critical incidents named")
        trial.report.check(every <= carried, f"{name}: {len(every & carried)} of {len(every)} incidents, {digests} digests")
        twice, explained = repeats(trial, receiver.of(name))
        trial.report.check(not twice, f"{name}: {len(twice)} revisions twice, {explained} more after a confirmation was cut off")
    opened = [each for name in names for each in receiver.changes("quick", "opened", full(org(name)))]
    old = sum(bool(each.get("catch_up")) for each in opened)
    trial.report.check(opened and old == len(opened), f"{old} of {len(opened)} opened incidents of months ago are catch-ups")
    count = len(receiver.events)
    trial.report.check(not receiver.forged, f"{count - len(receiver.forged)} of {count} signatures right")


def named(receiver, name, severities=("low", "medium", "high", "critical")):
    """Returns the incidents that a destination got by themselves with one of the severities."""
    data = [event["data"] for _, event in receiver.of(name) if "incident_id" in event["data"]]
    return {each["incident_id"] for each in data if each["severity"] in severities}


def gathered(receiver, name):
    """Returns every incident id in the digests of a destination."""
    found = set()

    def walk(value):
        if isinstance(value, dict):
            found.update(each for key, each in value.items() if key == "incident_id")
            walk(list(value.values()))
        elif isinstance(value, list):
            found.update(each for each in value if isinstance(each, str))
            for each in value:
                walk(each)
    walk([event["data"] for _, event in receiver.of(name) if "digest" in event["type"]])
    return found


def repeats(trial, events):
    """Returns the ids that came twice without an outage in between, and how often one explains it."""
    first, twice, explained = {}, [], 0
    for at, event in events:
        before = first.setdefault(event["id"], at)
        if before != at:
            cut = any(begin < before < end for name, begin, end in trial.outages if name in ("notifier", "postgres"))
            explained += cut
            twice += [] if cut else [event["id"]]
    return twice, explained


def ended(trial):
    """An incident that later events have passed is said `ended`; a finding after that is `resumed`."""
    person, other = Person(1), Person(2)
    trial.push("ended", lines(person.leaver(LAST) + other.working_days(LAST, 30) + other.day(LAST)))
    trial.settle()
    incident = next((each["incident_id"] for each in trial.live("ended") if each["user_id"][:15] == person.id), None)
    trial.report.check(incident is not None, "an incident is there")
    for days in (1, 2, 3):
        trial.push("ended", lines(other.day(LAST + timedelta(days=days))))
    seen = expect_change(trial, "ended", incident)
    trial.report.check(bool(seen) and seen.get("end_reason") == "passed", f"ended: {seen or 'not said within 30 s'}")
    # Within identity_hours, so that it belongs to the day of the incident.
    trial.push("ended", lines(person.burst(LAST, hour=18)))
    seen = expect_change(trial, "resumed", incident)
    trial.report.check(bool(seen), f"resumed: {seen or 'not said within 30 s'}")
    closed = trial.fleet.receiver.changes("quick", "closed", full(org("ended")))
    trial.report.check(not closed, f"{len(closed)} changes say closed, which is for people")


def expect_change(trial, change, incident):
    """Waits for a change of the incident; returns what it says."""
    def there():
        return [each for each in trial.fleet.receiver.changes("quick", change, full(org("ended")))
                if each["incident_id"] == incident]
    try:
        wait(there, change, seconds=30)
    except TimeoutError:
        return None
    return {key: there()[0].get(key) for key in ("revision", "risk_score", "end_reason") if there()[0].get(key)}
