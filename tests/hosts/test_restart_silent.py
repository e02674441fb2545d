# SPDX-License-Identifier: MIT
"""A restart beside clients that are silent in every way: nobody else waits for them. WSD_CROWD=10000 measures what doc/handoff.md
tells."""

import contextlib
import os
import signal

from clients import Raw, connect
from host import PARKED, PORTS, TAKEN_UP
from proxied import Running, end_load
from silent import DEAF, STUCK, UNHEARD, half_closed

CROWD = int(os.environ.get("WSD_CROWD", 500))  # connections, of which one in twenty is silent
SILENT = CROWD // 20
STOPPED = SILENT // 10  # of them: those of a process that is stopped
PATIENCE_S = 3  # that a restart has with silent clients; as on a busy machine it alone takes long, that is added


def begin_load(host, prefix, n, *options):
    return Running(host, "wsload", "--connections", n, "--connect-parallel", "100", "--duration", "600s", "--path",
                   f"/ws/chat/{prefix}-{{n}}", "--progress", "off", "--quiet", "--json", "-", *options, "ws://127.0.0.1:3001")


def wait_connections(host, n):
    """At least so many."""
    host.sh(f"""timeout 120 sh -c 'until wsctl status --json | jq -e ".instances.blue.connections >= {n}"; do :; done' >/dev/null""")


def longest_wait(load):
    """In seconds; nobody may have lost anything."""
    result = end_load(load)
    return result["latency"]["max"], result["counts"]["answered"]


def talkers(host, beside):
    load = begin_load(host, "talker", CROWD - SILENT, "--interval", "2s" if CROWD > 2000 else "100ms", "--fail-if",
                      "closed>0 lost>0 repeated>0 out_of_order>0 errors>0%")
    wait_connections(host, CROWD - SILENT + beside)
    return load


@contextlib.contextmanager
def silent_ones(host):
    """All kinds in turn, some in a process that does not run; how many of them are connected."""
    ways = [*STUCK.values(), *DEAF.values(), half_closed, *UNHEARD.values()]
    connected = STOPPED
    with contextlib.ExitStack() as all_of_them:
        stopped = all_of_them.enter_context(begin_load(host, "stopped", STOPPED))
        wait_connections(host, STOPPED)
        stopped.send(signal.SIGSTOP)
        for n in range(SILENT - STOPPED):
            way = ways[n % len(ways)]
            with host.network():
                raw = Raw.of(connect(PORTS["blue"], receive_buffer=4096 if way in DEAF.values() else None))
            all_of_them.enter_context(raw)
            if way not in UNHEARD.values():
                raw.open(f"/ws/chat/silent-{n}")
                connected += way is not half_closed
            way(raw)
        yield connected


def test_nobody_waits_for_the_silent(host, figure):
    host.set(RATE_LIMIT_CONNECT=0, RATE_LIMIT_MESSAGE=0, MAX_CONNECTIONS=CROWD + 100)
    host.systemctl("start", "ws@blue")
    waits = {}
    for n in (0, SILENT):
        with silent_ones(host) if n else contextlib.nullcontext(0) as connected, talkers(host, connected) as load:
            host.systemctl("restart", "ws@blue.service")
            waits[n], answered = longest_wait(load)
        parked, took = (host.journal("-u", "ws@blue", f"MESSAGE_ID={which}")[-1]["MESSAGE"] for which in (PARKED, TAKEN_UP))
        figure(f"longest wait over a restart, {CROWD - SILENT} talking beside {n} silent",
               f"{waits[n]:.3f} s, {answered} answers; {parked}; {took}")
    assert waits[SILENT] < waits[0] + PATIENCE_S
