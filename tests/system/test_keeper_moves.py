# SPDX-License-Identifier: MIT
"""A server is killed while its connections change their process: each has one owner afterwards, never two and never none."""

import contextlib
import os
import signal

import pytest

from clients import http, wait_open
from handoffs import MOMENTS
from process import sanitized

pytestmark = pytest.mark.skipif(sanitized(), reason="a sanitizer's runtime handles fatal signals by itself")

N = 200
KEEPER = {"KEEPER": "on", "CRASH_LIMIT": 15, "before": "ulimit -c 0", "PARKING": "off"}


def count_of(instance, name):
    return instance.api(name, "GET", "/api/v1/connections?limit=1").json["total"]


@pytest.mark.parametrize("seen", MOMENTS)
@pytest.mark.parametrize("who", ["blue", "green"])
def test_killed_during_a_handoff(instance, crowd, who, seen):
    """Whoever is closed is one whose message was being worked on, and comes back; all others go on, here or there, and their
    answers are counted by one server."""
    for name in ("blue", "green"):
        instance(name, **KEEPER)
    blue, killed = instance.running["blue"], instance.running[who]
    people = crowd(blue, N, elsewhere=instance.running["green"].port, stubborn=True)
    people.pump_answers(N)
    instance.begin("blue", "green")
    people.pump_answers(seen)
    killed.send_server(signal.SIGKILL)
    people.pump(lambda: killed.crashes(), "word of the crash")
    people.pump(lambda: instance.over("blue"), "end of the handoff")
    people.check_goes_on()
    people.pump(lambda: count_of(instance, "blue") + count_of(instance, "green") == N, "one owner of each")
    assert len(people.returned) <= 30, len(people.returned)  # far from all; those of that moment


def test_killed_and_handed_over_again(instance, crowd):
    """What an earlier handoff has offered says nothing of a later one."""
    for name in ("blue", "green"):
        instance(name, **KEEPER)
    blue, green = instance.running["blue"], instance.running["green"]
    people = crowd(blue, 60, elsewhere=green.port, stubborn=True)
    people.pump_answers(60)
    for source, to in (("blue", "green"), ("green", "blue"), ("blue", "green")):
        if source == "blue":
            crashes = len(blue.crashes())
            blue.send_server(signal.SIGKILL)
            people.pump(lambda c=crashes: len(blue.crashes()) > c, "word of the crash")
        instance.api(to, "POST", "/api/v1/accept", {"accept": True})
        people.pump_answers(60)
        instance.hand_over(source, to, people)
        people.check_goes_on()
    people.pump(lambda: count_of(instance, "green") == 60, "all of them in green")


def test_standby_stays_so(instance):
    blue = instance("blue", **KEEPER)
    assert instance.api("blue", "POST", "/api/v1/accept", {"accept": False}).status == 200
    blue.crash()
    assert instance.api("blue", "GET", "/health").json["state"] == "standby"
    assert http(blue.admin_port, "/readyz").status == 503
    assert instance.api("blue", "POST", "/api/v1/accept", {"accept": True}).status == 200
    blue.crash()
    assert instance.api("blue", "GET", "/health").json["state"] == "running"


@pytest.mark.parametrize("seen", MOMENTS[:5])
def test_killed_during_a_restart(unit, start, crowd, seen):
    """Some are in the lot by then and some are not; the next server goes on with the restart, and the next process has all."""
    wsd = start(unit=unit, **{**KEEPER, "PARKING": "on"})
    people = crowd(wsd, N)
    people.pump_answers(N)
    wsd.send_signal(signal.SIGUSR2)
    people.pump_answers(seen)
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended already
        if server := wsd.server:
            os.kill(server, signal.SIGKILL)
    people.pump(lambda: wsd.status is not None, "end of the restart")
    successor = start(unit=unit, **{**KEEPER, "PARKING": "on"})
    people.pump_answers()
    gone = people.broken()
    assert len(gone) <= 30, gone  # far from all; those of that moment
    wait_open(successor, N - len(gone))
