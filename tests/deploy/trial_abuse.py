"""Steps of the trial in which clients are hostile or slow."""

import gzip
import json
import shutil
import socket
import subprocess
import threading
import time
from datetime import date

from fleet import get
from trial_story import Person, lines

MIB = 2**20
#: How much the memory of ingest may grow, in MiB.
GROWTH = 256
SLOW_SECONDS = 60
DAY = date(2026, 3, 2)


def hostile(trial):
    """Small bodies that unpack to much, broken bodies and several frames: memory stays bounded and nothing is lost."""
    fleet = trial.fleet
    fleet.stop("ingest")
    fleet.start("ingest")
    file = lines(Person(1).leaver(DAY))
    trial.push("hostile", file[:100])
    before = fleet.memory("ingest")
    calm = lines(Person(2).leaver(DAY))
    bomb = gzip.compress(b"{}\n" * (63 * MIB // 3))
    trial.report.note(f"{len(bomb) / 1024:.0f} kB of gzip unpack to 63 MiB")
    for count in (1, 3):
        statuses = []
        sending = [threading.Thread(target=lambda: statuses.append(trial.try_push("hostile", bomb))) for _ in range(count)]
        with Memory(fleet, "ingest", before) as memory:
            for each in sending:
                each.start()
            answer = trial.push("calm", calm[:200] if count == 1 else calm[200:])
            for each in sending:
                each.join()
        answers = ", ".join(sorted({f"{status} {text[:70]}" for status, text in statuses}))
        # One body of an org is decoded at a time, and the others may wait for too long.
        done = [each for each in statuses if decoded(each)]
        waited = [each for each in statuses if each[0] == 503 and "waiting to be decoded" in each[1]]
        said = len(done) + len(waited) == count and done
        trial.report.check(said, f"{count} at once: {len(done)} decoded, {len(waited)} waited for too long: {answers}")
        trial.report.check(memory.growth() <= GROWTH, f"{count} at once: ingest grew by {memory.growth():.0f} MiB")
        trial.report.check(answer["accepted"] > 0, f"meanwhile {answer['accepted']} events of another org accepted")
    with Memory(fleet, "ingest", before) as memory:
        for _ in range(24):
            abandon(fleet, bomb)
        answer = trial.push("hostile", file[100:200])
    trial.report.check(memory.growth() <= GROWTH, f"24 that hang up: ingest grew by {memory.growth():.0f} MiB")
    packed = gzip.compress(b"".join(file[200:]))
    # As each answer says: what follows the records before the break.
    start = 200 + broken(trial, "gzip", packed[: len(packed) // 2])
    if zstd := shutil.which("zstd"):
        start += frames(trial, zstd, file, start)
    else:
        trial.report.skip("zstd is not installed")
    trial.push("hostile", file[start:])
    trial.settle()
    trial.check_equal("hostile", file, f"all {len(file)} events, after what was broken", seconds=20)
    trial.check_equal("calm", calm, f"{len(calm)} events of the other org", seconds=20)


class Memory:
    """The largest resident memory of a process while the block runs, compared with what it was before."""

    def __init__(self, fleet, name, before):
        self.fleet, self.name, self.before, self.most, self.over = fleet, name, before, before, threading.Event()
        self.sampling = threading.Thread(target=self.sample)

    def __enter__(self):
        self.sampling.start()
        return self

    def __exit__(self, *_):
        # Decoding may go on after the answer.
        time.sleep(2)
        self.over.set()
        self.sampling.join()

    def sample(self):
        while not self.over.wait(0.01):
            self.most = max(self.most, self.fleet.memory(self.name))

    def growth(self):
        return self.most - self.before


def abandon(fleet, body):
    """Sends a whole request, and hangs up without waiting for the answer."""
    with socket.create_connection(("127.0.0.1", fleet.port("push")), 5) as client:
        client.sendall(head(fleet.token("hostile"), len(body)) + body)


def decoded(answer):
    """Returns whether the answer says that every record of a bomb was looked at, and set aside."""
    status, text = answer
    return status == 400 and json.loads(text)["rejected_total"] == 63 * MIB // 3


def head(token, length):
    lines_of_it = ["POST /v1/events?watch=true HTTP/1.1", "Host: ingest", f"Authorization: Bearer {token}",
                   f"Content-Length: {length}", "", ""]
    return "\r\n".join(lines_of_it).encode()


def broken(trial, kind, body):
    """Checks that a body that is cut off is answered as such, and that the events before the cut are stored. Returns their
    number."""
    status, text = trial.try_push("hostile", body)
    answer = json.loads(text) if status == 400 else {}
    stored = answer.get("accepted", 0)
    said = stored > 0 and "cut off" in answer["error"]
    trial.report.check(said, f"a body of {kind} that is cut off: {status}, {stored} stored: {text[:150]}")
    return stored


def frames(trial, zstd, file, start):
    """Pushes a frame and a half from `start` on, reads two frames as a file, and pushes two in one body of another org.
    Returns the number of events that are stored of the first push."""
    middle = start + 100
    first, second = (pack(zstd, part) for part in (file[start:middle], file[middle:]))
    stored = broken(trial, "zstd", first + second[: len(second) // 2])
    path = trial.fleet.folder / "frames.ndjson.zst"
    path.write_bytes(pack(zstd, file[:middle]) + second)
    command = [str(trial.options.orgwatch), "backtest", str(path), "--org", "00D000000000001", "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    events = json.loads(done.stdout)["reading"]["counts"]["events"] if done.returncode == 0 else 0
    trial.report.check(events == len(file), f"a file of two frames: {events} of {len(file)} events")
    status, text = trial.try_push("spare", first + second)
    accepted = json.loads(text).get("accepted", 0) if status in (200, 202) else 0
    sent = len(file) - start
    trial.report.check(accepted == sent, f"a body of two frames: {accepted} of {sent} events")
    return stored


def pack(zstd, part):
    return subprocess.run([zstd, "-c", "-q"], input=b"".join(part), check=True, stdout=subprocess.PIPE).stdout


def slow(trial):
    """330 silent or trickling connections: another org's pushes are answered, refusals say why, and none stays."""
    fleet = trial.fleet
    trial.push("slow", lines(Person(1).day(DAY)))
    trial.push("spare", lines(Person(1).day(DAY)))
    request = head(fleet.token("slow"), 100_000)
    plans = [(b"", b""), (b"POST /v1/events HTTP/1.1\r\nX-Slow: ", b"x"), (request, b"\n")]
    # From other addresses than the other org: one for the silent, one for slow headers, and many for slow bodies, so
    # that only the limit of their org refuses them.
    clients = [Slow(fleet.port("push"), f"127.0.{kind + 1}.{number + 1 if kind == 2 else 1}", *plan)
               for kind, plan in enumerate(plans) for number in range(110)]
    record = lines(Person(2).day(DAY))[:1][0]
    answers, begin, bound = [], time.monotonic(), SLOW_SECONDS
    while any(not each.ended for each in clients) and time.monotonic() - begin < bound:
        for each in clients:
            each.step()
        if len(answers) < 60:
            answers.append((time.monotonic(), *trial.try_push("spare", record)))
        time.sleep(0.5)
    good = [each for each in answers if each[1] == 202]
    trial.report.check(len(good) == len(answers), f"{len(good)} of {len(answers)} pushes of another org answered 202; "
                                                  f"otherwise {sorted({each[1:] for each in answers if each[1] != 202})[:3]}")
    for name, some in zip(["silent", "slow headers", "slow bodies"], [clients[:110], clients[110:220], clients[220:]]):
        lasted = [each.ended - each.begin for each in some if each.ended]
        longest = f"the last after {max(lasted):.0f} s" if lasted else ""
        trial.report.check(len(lasted) == len(some), f"{name}: {len(lasted)} of {len(some)} closed within {bound} s, {longest}")
    refused = {}
    for each in clients[220:]:
        text = each.answer.decode(errors="replace")
        key = f"{text.partition(chr(13))[0][9:] or 'nothing'}: {text.rpartition(chr(10))[2].strip()[:120]}"
        refused[key] = refused.get(key, 0) + 1
    for key, count in sorted(refused.items()):
        trial.report.note(f"{count} slow bodies were answered {key}")
    what = "the reason is their org's places, or that they are slow"
    trial.report.check(all(true_reason(key) for key in refused), what)
    for each in clients:
        each.close()
    status, text = get(fleet.port("ingest"), "/readyz")
    trial.report.check(status == 200, f"ingest is ready: {status} {text[:80]}")


def true_reason(answer):
    """Returns whether an answer names slowness, or how many requests of the org are in progress."""
    if answer.startswith("408"):
        return True
    return answer.startswith("429") and "org" in answer.lower()


class Slow:
    """A client that sends a beginning at once and then a little each second."""

    def __init__(self, port, address, beginning, trickle):
        self.trickle, self.answer, self.begin, self.ended = trickle, b"", time.monotonic(), None
        self.next = self.begin + 1
        try:
            self.socket = socket.create_connection(("127.0.0.1", port), 5, source_address=(address, 0))
            self.socket.sendall(beginning)
            self.socket.setblocking(False)
        except OSError:
            self.ended = time.monotonic()

    def step(self):
        """Reads what has come, and sends the next part if it is time."""
        if self.ended:
            return
        try:
            part = self.socket.recv(4096)
            self.answer += part
            if not part:
                self.ended = time.monotonic()
                return
        except BlockingIOError:
            pass
        except OSError:
            self.ended = time.monotonic()
            return
        if self.trickle and time.monotonic() > self.next:
            self.next += 1
            try:
                self.socket.sendall(self.trickle)
            except OSError:
                # The answer may still be there to be read.
                self.trickle = b""

    def close(self):
        if hasattr(self, "socket"):
            self.socket.close()
