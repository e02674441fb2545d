# SPDX-License-Identifier: MIT
"""TLS: certificates are checked, and messages go through."""
import shutil
import ssl
import subprocess

import pytest
from peer import Peer


@pytest.fixture
def certificate(program, tmp_path):
    if "with TLS" not in subprocess.run([program, "--version"], capture_output=True, text=True).stdout:
        pytest.skip("wsload is built without TLS")
    if not shutil.which("openssl"):
        pytest.skip("openssl(1) is not installed")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert


def test_messages_of_all_sizes(wsload, certificate):
    context, cert = certificate
    for size in (10, 100_000):
        with Peer(tls=context) as peer:
            run = wsload("-c", 5, "-i", 3, "-s", size, "-d", "500ms", "--ca", cert, "-f", "errors>0% success<100%", peer.url)
        assert run.status == 0, run.stdout
        assert run.counts["answered"] == run.counts["sent"] == peer.received > 0
        assert run.counts["closed_by_client"] == 5


def test_an_unknown_certificate_is_refused(wsload, certificate):
    context, _ = certificate
    with Peer(tls=context) as peer:
        refused = wsload("-c", 2, "-d", "200ms", peer.url)
        taken = wsload("-c", 2, "-d", "200ms", "--insecure", peer.url)
    assert refused.report["connect_failures"] == {"TLS": 2}
    assert taken.counts["connected"] == 2


def test_a_certificate_of_another_name_is_refused(wsload, certificate):
    context, cert = certificate
    with Peer(tls=context) as peer:
        run = wsload("-c", 1, "-d", "200ms", "--ca", cert, peer.url.replace("127.0.0.1", "localhost"))
    assert run.counts["connect_failed"] == 1
