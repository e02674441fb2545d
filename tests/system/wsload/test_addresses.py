# SPDX-License-Identifier: MIT
"""Names with several addresses, of which a server has one: /etc/hosts is another one for wsload alone."""
import json
import subprocess

import pytest
from peer import Peer

NAMED = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'


@pytest.fixture
def named(program, tmp_path):
    """Runs wsload where a name has these addresses, in this order."""
    hosts, out = tmp_path / "hosts", tmp_path / "out.json"

    def call(name, addresses, *args):
        hosts.write_text("".join("%s %s\n" % (address, name) for address in addresses))
        command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", NAMED, "named", str(hosts)]
        if subprocess.run([*command, "true"], capture_output=True, check=False).returncode != 0:
            pytest.skip("no mount namespace is to be had here")
        out.unlink(missing_ok=True)
        done = subprocess.run([*command, program, "--json", str(out), *map(str, args)], capture_output=True, text=True,
                              timeout=60, check=False)
        text = out.read_text() if out.exists() else ""
        return done, json.loads(text) if text else None

    return call


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "127.0.0.7"])
def test_the_server_has_one_of_the_addresses(named, host):
    with Peer(host=host) as peer:
        done, report = named("several.test", ["::1", "127.0.0.1", "127.0.0.7"], "-c", 5, "-d", "200ms", "-f",
                             "success<100% errors>0%", "ws://several.test:%d" % peer.port)
    assert done.returncode == 0, done.stderr
    assert report["connect_failures"] == {}
    assert report["counts"]["connect_attempts"] == report["counts"]["connected"] == peer.established == 5


def test_the_server_has_none_of_them(named):
    with Peer() as peer:
        port = peer.port
    done, report = named("several.test", ["::1", "127.0.0.1"], "-c", 3, "-d", "200ms", "ws://several.test:%d" % port)
    assert done.returncode == 3
    assert report["connect_failures"] == {"Connection refused": 3}, "one failure for each connection, not for each address"


def test_a_source_address_picks_those_of_its_kind(named):
    with Peer() as peer:
        done, report = named("several.test", ["::1", "127.0.0.1"], "-c", 4, "-d", "200ms", "--source", "127.0.0.5",
                             "ws://several.test:%d" % peer.port)
    assert done.returncode == 0, done.stderr
    assert [address for _, _, address in peer.handshakes] == ["127.0.0.5"] * 4
    none, _ = named("several.test", ["::1"], "--source", "127.0.0.5", "ws://several.test:1")
    assert none.returncode == 3
    assert none.stderr == "wsload: several.test: the source addresses are of the other IP version\n"
    both, _ = named("several.test", ["::1"], "--source", "127.0.0.5,::1", "ws://several.test:1")
    assert both.returncode == 3 and "of both IP versions" in both.stderr
