#!/usr/bin/env python3
"""Creates the secrets of deploy/compose.yaml under deploy/secrets: a certificate authority and the certificate of NATS,
an nkey and a login of Postgres for each service, and passwords. Existing files are kept, so it can be run again.

Needs only openssl and Python 3. For a trial of orgwatch on one machine; in production use your own authority.
"""

import argparse
import base64
import os
import secrets
import subprocess
from pathlib import Path

SERVICES = ["ingest", "baseline", "detector", "correlator", "notifier", "console", "operator"]
DAYS = "825"
# Prefix bytes of nkeys: https://github.com/nats-io/nkeys
SEED, USER = 18 << 3, 20 << 3


def main():
    parser = argparse.ArgumentParser(description="Creates the secrets of deploy/compose.yaml.")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "secrets")
    folder = parser.parse_args().out
    # Containers read the files as other users, so the files are readable by all and the folder is not.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.umask(0o022)
    certificates(folder)
    nkeys(folder)
    logins(folder)
    text(folder, "push-token", secrets.token_urlsafe(32))
    text(folder, "grafana-password", secrets.token_urlsafe(18))
    print(f"{folder} is complete")


def certificates(folder):
    """Creates an authority, and a certificate for the names of NATS."""
    ca, server = folder / "ca.pem", folder / "nats.pem"
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    if not ca.exists():
        run([*new, "-subj", "/CN=orgwatch local authority", "-days", DAYS, "-keyout", folder / "ca.key", "-out", ca,
             "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0", "-addext", "keyUsage=critical,keyCertSign"])
        (folder / "ca.key").chmod(0o600)
    if not server.exists():
        request, extensions = folder / "nats.csr", folder / "nats.ext"
        extensions.write_text(
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
            "subjectAltName=DNS:nats,DNS:localhost,IP:127.0.0.1\n"
        )
        run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-subj", "/CN=nats", "-keyout", folder / "nats.key", "-out", request])
        run(["openssl", "x509", "-req", "-in", request, "-CA", ca, "-CAkey", folder / "ca.key", "-CAcreateserial",
             "-days", DAYS, "-extfile", extensions, "-out", server])
        (folder / "nats.key").chmod(0o644)
        request.unlink()
        extensions.unlink()


def nkeys(folder):
    """Creates a seed for each service, and the public keys as variables for nats.conf."""
    variables = []
    for service in SERVICES:
        path = folder / f"{service}.nk"
        if not path.exists():
            path.write_text(encode_seed(new_key(folder)) + "\n")
        variables.append(f"{service.upper()}_NKEY={public_key(path.read_text().strip(), folder)}\n")
    (folder / "nats.env").write_text("".join(variables))


def logins(folder):
    """Creates passwords and URLs of Postgres: of the schema's owner, and of a login for each role."""
    password = text(folder, "postgres-password", secrets.token_urlsafe(24))
    text(folder, "postgres-url", f"postgres://orgwatch:{password}@postgres:5432/orgwatch")
    made = "".join(f"{role} {secrets.token_urlsafe(24)}\n" for role in SERVICES)
    for line in text(folder, "postgres-logins", made).splitlines():
        role, password = line.split()
        text(folder, f"{role}-postgres-url", f"postgres://orgwatch_{role}_1:{password}@postgres:5432/orgwatch")


def new_key(folder):
    """Returns the 32 bytes of a new Ed25519 key."""
    path = folder / "new.der"
    run(["openssl", "genpkey", "-algorithm", "ed25519", "-outform", "DER", "-out", path])
    key = path.read_bytes()[-32:]
    path.unlink()
    return key


def encode_seed(key):
    return encode(bytes([SEED | (USER >> 5), (USER & 31) << 3]) + key)


def public_key(seed, folder):
    key = base64.b32decode(seed + "=" * (-len(seed) % 8))[2:-2]
    path = folder / "public.der"
    # The fixed prefix of an Ed25519 key in PKCS #8 (RFC 8410).
    path.write_bytes(bytes.fromhex("302e020100300506032b657004220420") + key)
    done = subprocess.run(["openssl", "pkey", "-inform", "DER", "-in", path, "-pubout", "-outform", "DER"],
                          check=True, stdout=subprocess.PIPE)
    path.unlink()
    return encode(bytes([USER]) + done.stdout[-32:])


def encode(data):
    """Encodes in base 32 with CRC-16/XMODEM, as nkeys are."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return base64.b32encode(data + crc.to_bytes(2, "little")).decode().rstrip("=")


def text(folder, name, value):
    """Returns the content of a file, which is created with `value` if it is absent."""
    path = folder / name
    if not path.exists():
        path.write_text(value)
    return path.read_text()


def run(command):
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


if __name__ == "__main__":
    main()
