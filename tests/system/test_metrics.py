# SPDX-License-Identifier: MIT
"""What /metrics tells beside the counts that other scenarios look at: state, limits, handoffs, crashes."""

import signal

import metrics
from handoffs import Peer
from instances import wait_for

STATES = ("starting", "running", "standby", "draining", "stopping")


def state(daemon):
    """The one state it is in."""
    figures = metrics.read(daemon)
    values = {one: figures[f'wsd_state{{state="{one}"}}'] for one in STATES}
    assert sum(values.values()) == 1, values
    return next(one for one, value in values.items() if value)


def crashes(daemon):
    figures = metrics.read(daemon)
    return figures['wsd_crashes_total{cause="watchdog"}'], figures['wsd_crashes_total{cause="other"}']


def test_limits_are_told(start):
    figures = metrics.read(start(MAX_CONNECTIONS=123, WORKERS=3, DRAIN_TIMEOUT=1500))
    assert figures["websocket_connections_limit"] == 123
    assert figures["wsd_workers"] == 3
    assert figures["wsd_drain_timeout_seconds"] == 1.5


def test_state_is_told(instance, raw):
    wsd = instance("blue", DRAIN_TIMEOUT=60000)
    assert state(wsd) == "running"
    instance.api("blue", "POST", "/api/v1/accept", {"accept": False})
    assert state(wsd) == "standby"
    instance.api("blue", "POST", "/api/v1/accept", {"accept": True})
    assert state(wsd) == "running"
    stays = raw(wsd).open()
    stays.send(b"\x81")  # in the middle of a frame: it cannot answer the close
    instance.api("blue", "POST", "/api/v1/drain", {})
    assert state(wsd) == "draining"
    wsd.send_signal(signal.SIGTERM)
    wsd.wait_notice("STOPPING=1")
    assert state(wsd) == "stopping"
    wait_for(lambda: metrics.read(wsd)["websocket_shutdown_time_seconds"] > 0, "time of the shutdown")
    stays.sock.close()


def test_time_of_a_drain_stands_still_when_it_is_over(instance, raw):
    wsd = instance("blue")
    client = raw(wsd).open()
    instance.api("blue", "POST", "/api/v1/drain", {})
    client.read_close()
    client.sock.close()
    told = len(wsd.notices)
    wsd.wait_notice("STATUS=draining, 0 connections left", told)
    before = metrics.read(wsd)["websocket_shutdown_time_seconds"]
    told = len(wsd.notices)
    wsd.wait_notice("STATUS=draining, 0 connections left", told)
    assert metrics.read(wsd)["websocket_shutdown_time_seconds"] == before > 0


def test_handoffs_are_counted_by_result(instance):
    blue, _ = instance("blue"), instance("green")
    results = []

    def try_it():
        response = instance.api("blue", "POST", "/api/v1/handoff", {"to": "green"})
        if response.status == 202:
            results.append(wait_for(lambda: instance.over("blue"), "end of the handoff")["state"])
        return results[-1:]

    other = Peer(instance.socket("green")).greet()
    assert wait_for(try_it, "first handoff") == ["failed"]  # green takes from one at a time
    other.sock.close()
    wait_for(lambda: try_it() == ["done"], "handoff when green has noticed")
    figures = metrics.read(blue)
    assert figures['wsd_handoffs_total{result="done"}'] == 1
    assert figures['wsd_handoffs_total{result="failed"}'] == len(results) - 1 >= 1
    assert figures["wsd_handoff_duration_seconds_count"] == len(results)


def test_crash_is_counted_by_the_next_process(start, unit):
    wsd = start(unit=unit, PARKING="on")
    assert crashes(wsd) == (0, 0)
    wsd.stop(signal.SIGKILL, -signal.SIGKILL)
    wsd = start(unit=unit, PARKING="on")
    wsd.wait_log("the process before this one crashed")
    assert crashes(wsd) == (0, 1)
    wsd.stop(signal.SIGUSR2)
    wsd = start(unit=unit, PARKING="on")
    assert crashes(wsd) == (0, 1)
    wsd.stop(signal.SIGTERM)
    wsd = start(unit=unit, PARKING="on")
    assert crashes(wsd) == (0, 1)
    assert not wsd.logged("the process before")
