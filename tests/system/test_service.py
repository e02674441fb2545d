# SPDX-License-Identifier: MIT
"""As a service: passed sockets, READY, STATUS, the watchdog, and starting without any of them."""

import os
import re
import socket
import subprocess
import sys

import pytest

from clients import Client, Raw, ask_operator, http, message
from process import PATIENCE, free_port, listener, run_to_end


def test_several_listeners_of_all_families(start, raw):
    wsd = start(public=("v4", "v6", "unix", "v4"), admin=("v6", "unix", "v4"))
    for n in range(4):
        c = raw(wsd.address("public", n)).open(f"/ws/chat/c{n}")
        assert c.ask(message())["count"] == 1
    for n in range(3):
        assert http(wsd.address("admin", n), "/health").json["connections"] == 4


def test_only_a_public_socket(start, client):
    wsd = start(admin=(), ADMIN_PORT=free_port())
    client(wsd)


def test_an_address_that_is_not_used_is_told(start):
    """With sockets passed in, a PORT has no effect, and who set it waits for that in vain."""
    wsd = start(admin=(), PORT=free_port(), ADMIN_HOST="127.0.0.1", ADMIN_PORT=free_port())
    wsd.wait_log("PORT is not used, since a socket is passed in: the address is that of the public socket unit")
    assert not wsd.logged("ADMIN_")


def test_a_single_socket_of_any_name_is_the_public_one(start):
    sock = listener()
    address = sock.getsockname()
    start(sockets=[("unknown", sock)], ADMIN_PORT=free_port())
    Client(address).close()


def test_names_of_the_socket_units(start):
    public, admin = listener(), listener()
    addresses = public.getsockname(), admin.getsockname()
    start(sockets=[("ws@blue.socket", public), ("ws-admin@blue.socket", admin)])
    Client(addresses[0]).close()
    assert ask_operator(addresses[1], "/api/v1/connections").status == 200


def bad_sockets():
    yield "datagram", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    yield "not listening", lambda: socket.socket(socket.AF_INET)
    yield "connected", lambda: socket.socketpair()[0]
    yield "seqpacket", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    yield "a file", lambda: open("/dev/null", "rb")


@pytest.mark.parametrize("kind, make", bad_sockets(), ids=[kind for kind, _ in bad_sockets()])
def test_descriptor_that_is_no_listening_socket(kind, make):
    wsd = run_to_end(sockets=[("public", make()), ("admin", listener())])
    assert wsd.status not in (0, None)
    assert wsd.status > 0
    assert len(wsd.lines) == 1, wsd.text()
    assert "3" in wsd.text()


def test_unknown_name_of_a_socket():
    wsd = run_to_end(sockets=[("public", listener()), ("telephone", listener())])
    assert wsd.status > 0
    assert "telephone" in wsd.text()


def test_without_sockets_it_binds_by_itself(start):
    port, admin = free_port(), free_port()
    start(sockets=[], HOST="127.0.0.1", PORT=port, ADMIN_PORT=admin)
    Client(port).close()
    assert http(admin, "/health").status == 200


def test_without_sockets_on_ipv6(start):
    port, admin = free_port(), free_port()
    start(sockets=[], HOST="::1", PORT=port, ADMIN_HOST="::1", ADMIN_PORT=admin)
    Client(("::1", port)).close()
    assert http(("::1", admin), "/health").status == 200


def alone(script):
    """Runs it in a network namespace of its own, in which it may do everything."""
    wrapper = "import fcntl, socket, struct, sys; sys.path.insert(0, sys.argv[1])\n" \
              "fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh14x', b'lo', 1))  # SIOCSIFFLAGS, IFF_UP\n" + script
    return subprocess.run(["unshare", "--map-root-user", "--net", sys.executable, "-c", wrapper, os.path.dirname(__file__)],
                          capture_output=True, text=True, timeout=3 * PATIENCE, check=False)


@pytest.mark.skipif(alone("").returncode != 0, reason="no network namespace can be made")
@pytest.mark.parametrize("only", [0, 1])
def test_wildcard_of_ipv6_takes_ipv4_whatever_bindv6only_says(only):
    ended = alone(f"""
open("/proc/sys/net/ipv6/bindv6only", "w").write("{only}")
from clients import Client, http
from process import Wsd
wsd = Wsd(sockets=[], HOST="::", PORT=3001, ADMIN_HOST="::", ADMIN_PORT=3101)
try:
    for host in ("127.0.0.1", "::1"):
        Client((host, 3001), "/ws/chat/" + host.replace(":", "-")).close()
        assert http((host, 3101), "/health").status == 200
    wsd.stop()
finally:
    wsd.cleanup()
""")
    assert ended.returncode == 0, ended.stderr


def test_port_in_use_is_one_clear_line():
    with listener() as taken:
        port = taken.getsockname()[1]
        wsd = run_to_end(HOST="127.0.0.1", PORT=port, ADMIN_PORT=free_port())
        assert wsd.status == 1
        assert len(wsd.lines) == 1, wsd.text()
        assert str(port) in wsd.text()
        assert [n for n in wsd.notices if n.startswith(f"STATUS=could not listen on 127.0.0.1 port {port} (")], wsd.notices


def test_without_a_notify_socket(start):
    port, admin = free_port(), free_port()
    wsd = start(sockets=[], notify=False, wait=False, HOST="127.0.0.1", PORT=port, ADMIN_PORT=admin)
    wsd.wait(lambda: wsd.lines, "first line")
    wsd.stop()


def test_ready_says_what_is_served(wsd):
    assert wsd.wait_notice(r"^READY=1$")
    assert wsd.wait_notice(r"^STATUS=.+$")


def test_status_tells_how_many_are_connected(wsd, client):
    client(wsd, "/ws/chat/a")
    client(wsd, "/ws/chat/b")
    wsd.wait_notice(r"^STATUS=.*\b2\b")


def test_watchdog_is_fed(start):
    wsd = start(watchdog_us=400000)
    wsd.wait(lambda: sum("WATCHDOG=1" in n for n in wsd.notices) >= 5, "5 watchdog notifications")


def test_no_watchdog_no_feeding(start):
    wsd = start()
    wsd.stop()
    assert not any("WATCHDOG" in n for n in wsd.notices)


def test_stopping_is_announced(start):
    wsd = start()
    wsd.stop()
    assert any("STOPPING=1" in n for n in wsd.notices)


def test_open_files_are_as_many_as_needed(start):
    """More would cost: libwebsockets walks its table at each close."""
    wsd = start(MAX_CONNECTIONS=500)
    with open(f"/proc/{wsd.pid}/limits") as limits:
        soft, hard = re.search(r"Max open files +(\d+) +(\d+)", limits.read()).groups()
    assert 500 < int(soft) < 5000 or soft == hard


def test_too_few_open_files_is_said_at_the_start():
    wsd = run_to_end(MAX_CONNECTIONS=100000, before="ulimit -n 1024", PORT=free_port(), ADMIN_PORT=free_port(), HOST="127.0.0.1")
    assert wsd.status == 78
    assert "MAX_CONNECTIONS=100000 needs" in wsd.text() and "raise LimitNOFILE=" in wsd.text()
    assert [n for n in wsd.notices if re.search("^STATUS=MAX_CONNECTIONS=100000 needs .* LimitNOFILE=", n)], wsd.notices


def test_descriptors_do_not_pile_up(start):
    wsd = start()

    def used():
        return len(os.listdir(f"/proc/{wsd.pid}/fd"))

    Raw(wsd.port).open("/ws/chat/first").sock.close()
    wsd.wait_log("closed", WS_CONNECTION_ID="first")
    http(wsd.port, "/health")
    http(wsd.admin_port, "/health")
    before = used()
    for n in range(100):
        with Raw(wsd.port) as c:
            c.open(f"/ws/chat/f{n}")
        with Raw(wsd.port) as c:
            c.handshake(method="POST")
        http(wsd.port, "/health")
        http(wsd.admin_port, "/health")
    wsd.wait(lambda: len(wsd.logged("closed")) == 101, "all closed")
    for _ in range(100):  # the HTTP threads close in their own time
        if used() <= before + 2:
            return
        http(wsd.admin_port, "/health")
    assert used() <= before + 2
