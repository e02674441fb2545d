# SPDX-License-Identifier: MIT
"""Where no service manager passes a handoff socket in, an instance makes its own, if there is a directory for it."""

import json
import os
import stat
import tempfile
from pathlib import Path

import pytest

from clients import http, message, wait_open
from instances import wait_for
from process import Unit, listener


class Pair:
    def __init__(self, start, directory):
        self.start, self.directory = start, directory
        self.running, self.units = {}, []

    def __call__(self, name):
        unit = Unit([("public", listener()), ("admin", listener("unix", self.directory, f"{name}-admin"))])
        self.units.append(unit)
        self.running[name] = self.start(unit=unit, INSTANCE=name, HANDOFF_DIR=self.directory, PARKING="off")
        return self.running[name]

    def hand_over(self, source, to):
        admin = f"{self.directory}/{source}-admin.sock"
        response = http(admin, "/api/v1/handoff", "POST", [("Content-Type", "application/json")],
                        body=json.dumps({"to": to}).encode())
        if response.status != 202:
            return response.status

        def over():
            state = http(admin, "/api/v1/handoff").json
            return state["state"] != "running" and state

        return wait_for(over, "end of the handoff")


@pytest.fixture
def pair(start):
    with tempfile.TemporaryDirectory(prefix="wsd-") as directory:
        instances = Pair(start, directory)
        yield instances
        for unit in instances.units:
            unit.close()


def test_made_where_there_is_a_directory(pair, crowd):
    """With the mode that socket units give it; and it works."""
    path = Path(pair.directory) / "green/handoff.sock"
    path.parent.mkdir()
    blue, green = pair("blue"), pair("green")
    assert (stat.S_ISSOCK(path.stat().st_mode), stat.S_IMODE(path.stat().st_mode)) == (True, 0o660)
    people = crowd(blue, 8)
    people.pump_answers()
    state = pair.hand_over("blue", "green")
    assert (state["state"], state["moved"]) == ("done", 8), state
    wait_open(green, 8)
    people.check_goes_on()


def test_not_made_without_a_directory(pair):
    pair("blue"), pair("green")
    assert sorted(os.listdir(pair.directory)) == ["blue-admin.sock", "green-admin.sock"]
    assert pair.hand_over("blue", "green") == 409


def test_left_over_one_is_replaced(pair):
    """As a process leaves it that was killed."""
    (Path(pair.directory) / "green").mkdir()
    pair("blue")
    listener("seqpacket", Path(pair.directory) / "green", "handoff").close()
    pair("green")
    assert pair.hand_over("blue", "green")["state"] == "done"


def test_living_ones_is_left_alone(pair, raw):
    """Two instances of one name: the second serves, but takes nothing over; the first still does."""
    path = Path(pair.directory) / "green/handoff.sock"
    path.parent.mkdir()
    pair("blue"), pair("green")
    inode = path.stat().st_ino
    second = Unit([("public", listener()), ("admin", listener())])
    pair.units.append(second)
    other = pair.start(unit=second, INSTANCE="green", HANDOFF_DIR=pair.directory, PARKING="off")
    other.wait_log("could not listen on")
    assert path.stat().st_ino == inode
    assert raw(other).open("/ws/chat/x").ask(message())["type"] == "message_response"
    assert pair.hand_over("blue", "green")["state"] == "done"
