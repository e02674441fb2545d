# SPDX-License-Identifier: MIT
"""Secrets that only root can read, handed over by LoadCredential=: in the sandbox, with the service's own user."""

import base64
import hashlib
import hmac
import json
import time

import pytest

from clients import http, message
from host import ADMIN_PORTS, BAD_CONFIG
from proxied import FAILED, start_nginx

KEY = b"0123456789abcdef0123456789abcdef"
ADMIN = "s3cret-of-the-operators"
DROP_IN = "[Service]\nLoadCredential=jwt-key:/etc/ws/jwt.key\nLoadCredential=admin-token:/etc/ws/admin.token\n"


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token(algorithm, sign, **more):
    head, claims = {"alg": algorithm}, {"exp": int(time.time()) + 600, "sub": "al", **more}
    text = b".".join(encode(json.dumps(part).encode()) for part in (head, claims))
    return (text + b"." + encode(sign(text))).decode()


def hs256(text):
    return hmac.new(KEY, text, hashlib.sha256).digest()


@pytest.fixture
def load(host):
    """load(key, algorithm): settings and credentials of ws@blue, which is not started."""
    return loader_for(host)


def loader_for(host):
    def loader(key, algorithm):
        for name, secret in (("jwt.key", key), ("admin.token", ADMIN.encode() + b"\n")):
            path = host.root / "etc/ws" / name
            path.write_bytes(secret)
            path.chmod(0o600)
        host.write("/etc/systemd/system/ws@.service.d/secrets.conf", DROP_IN)
        host.systemctl("daemon-reload")
        host.set(AUTH="jwt", JWT_ALGORITHM=algorithm)

    return loader


def test_deploy_of_instances_that_ask_for_tokens(machine):
    """wsctl has none, and is refused by the test load and through the proxy; that is no failure of the instance."""
    host = machine(kind="proxy-tree")
    start_nginx(host)
    loader_for(host)(KEY, "HS256")
    host.sh("mv /etc/ws/blue.env /etc/ws/ws.env; systemctl enable --now ws@blue")
    alice = host.living("alice", port=80, query="?token=" + token("HS256", hs256))

    def deploy(to, status=0):
        said = host.run("wsctl", "deploy", to, "--json", check=False)
        assert said.status == status, said
        return {step["step"]: step["detail"] for step in json.loads(said)["steps"]}

    assert deploy("green")["smoke"] == "it asks for tokens, and SMOKE_OPTIONS has none: no message was tried"
    assert alice.ask(message())["count"] == 1
    settings = (host.root / "etc/ws/ws.env").read_text()
    good = "SMOKE_OPTIONS=--path=/ws/chat/smoke-{run}-{n}?token=" + token("HS256", hs256)
    host.write("/etc/ws/ws.env", f"{settings}{good[:-8]}AAAAAAAA\n")
    assert "the test load failed: not connected (http 401: 10), success<100%" in deploy("blue", status=FAILED)["smoke"]
    host.write("/etc/ws/ws.env", f"{settings}{good}\n")
    assert deploy("blue")["smoke"].startswith("200 of 200 messages answered")
    assert alice.ask(message())["count"] == 2


def change(host, secret):
    with host.network():
        return http(ADMIN_PORTS["blue"], "/api/v1/log-level", "PUT",
                    [("Authorization", f"Bearer {secret}"), ("Content-Type", "application/json")],
                    body=b'{"level":"notice"}').status


def check_admission(host, good):
    assert host.raw().handshake("/ws/chat/alice").status == 401
    assert host.raw().handshake("/ws/chat/alice?token=" + good[:-8] + "AAAAAAAA").status == 401
    assert host.raw().handshake("/ws/chat/bob?token=" + good).status == 403
    return host.client("alice", query="?token=" + good)


def test_both_secrets_as_credentials(host, load):
    load(KEY + b"\n", "HS256")
    host.systemctl("start", "ws@blue")
    c = check_admission(host, token("HS256", hs256, connection_id="alice"))
    assert c.ask(message())["count"] == 1
    assert change(host, ADMIN) == 200
    assert change(host, ADMIN + "x") == 401
    # neither is to be seen from outside
    for what in ("Environment", "StatusText"):
        assert ADMIN not in host.show("ws@blue.service", what)
    said = host.run("cat", f"/proc/{host.show('ws@blue.service', 'MainPID')}/environ")
    assert "CREDENTIALS_DIRECTORY=" in said and ADMIN not in said and KEY.decode() not in said


def test_restart_reads_another_key(host, load):
    load(b"x" * 32, "HS256")
    host.systemctl("start", "ws@blue")
    good = token("HS256", hs256, connection_id="alice")
    assert host.raw().handshake("/ws/chat/alice?token=" + good).status == 401
    load(KEY, "HS256")
    host.systemctl("restart", "ws@blue")
    check_admission(host, good)


def test_public_key(host, load):
    """OpenSSL does its work within the filter of system calls."""
    pytest.importorskip("cryptography")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    private = ec.generate_private_key(ec.SECP256R1())

    def es256(text):
        r, s = utils.decode_dss_signature(private.sign(text, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    load(private.public_key().public_bytes(serialization.Encoding.PEM,
                                           serialization.PublicFormat.SubjectPublicKeyInfo), "ES256")
    host.systemctl("start", "ws@blue")
    c = check_admission(host, token("ES256", es256, connection_id="alice"))
    assert c.ask(message())["count"] == 1


def test_key_that_does_not_fit(host, load):
    load(b"too short", "HS256")
    assert host.systemctl("start", "ws@blue", check=False).status != 0
    assert host.show("ws@blue.service", "ExecMainStatus") == "78"
    line, = host.journal("-u", "ws@blue", f"MESSAGE_ID={BAD_CONFIG}")
    assert line["MESSAGE"] == "the credential jwt-key: HS256 needs a secret of at least 32 bytes"
