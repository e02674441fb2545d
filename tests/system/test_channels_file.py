# SPDX-License-Identifier: MIT
"""CHANNELS_FILE: what is wrong with it is said, all at once; a changed one is taken up, a wrong one changes nothing."""

import json
import signal

import metrics
from clients import Raw

OPEN = {"channel": {"without_namespace": {"allow_subscribe_for_client": True, "allow_publish_for_client": True}}}
CLOSED = {"channel": {"without_namespace": {}}}
WRONG = {"client": {}, "channel": {"without_namespace": {"presense": True}, "namespaces": [{"name": "x"}]}}
FAULTS = ["client: not known, or not supported by wsd: wsd.channels(5)",
          "channel.without_namespace.presense: not known, or not supported by wsd: wsd.channels(5)",
          "channel.namespaces[0].name: expected 2 to 64 letters, digits, -, _ or ."]


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def ask(client, **message):
    client.send_text(json.dumps(message))
    return client.read_json()


def may_publish(daemon, ident):
    with Raw(daemon.port).open(f"/ws/chat/{ident}") as c:
        return ask(c, type="publish", channel="news", data=1)["type"] == "published"


def test_a_wrong_one_is_told_at_once_and_wholly(start, tmp_path):
    path = write(tmp_path / "channels.json", WRONG)
    checked = start(args=["--check-config"], CHANNELS_FILE=path, wait=False)
    assert checked.wait_exit() == 78
    told = checked.text()
    for fault in FAULTS:
        assert json.dumps(fault)[1:-1] in told
    started = start(CHANNELS_FILE=path, wait=False)
    assert started.wait_exit() == 78
    for fault in FAULTS:
        started.wait_log(fault)


def test_none_is_there(start, tmp_path):
    daemon = start(CHANNELS_FILE=str(tmp_path / "missing.json"), wait=False)
    assert daemon.wait_exit() == 78
    daemon.wait_log("it could not be read (No such file or directory)")


def test_a_changed_one_is_taken_up(start, tmp_path):
    path = tmp_path / "channels.json"
    daemon = start(CHANNELS_FILE=write(path, CLOSED))
    assert not may_publish(daemon, "before")
    write(path, OPEN)
    daemon.send_signal(signal.SIGHUP)
    daemon.wait_log("is taken up")
    assert may_publish(daemon, "after")
    assert metrics.read(daemon)['wsd_channels_file_reloads_total{result="done"}'] == 1


def test_a_wrong_one_changes_nothing(start, tmp_path):
    path = tmp_path / "channels.json"
    daemon = start(CHANNELS_FILE=write(path, OPEN))
    write(path, WRONG)
    daemon.send_signal(signal.SIGHUP)
    for fault in FAULTS:
        daemon.wait_log(fault)
    daemon.wait_log("the rules of before stay in force")
    assert may_publish(daemon, "after")
    assert metrics.read(daemon)['wsd_channels_file_reloads_total{result="failed"}'] == 1
    write(path, "{")
    daemon.send_signal(signal.SIGHUP)
    daemon.wait_log("line 1: the text ends too early")
    assert may_publish(daemon, "again")


def test_without_one_there_are_no_channels(start):
    daemon = start()
    with Raw(daemon.port).open("/ws/chat/alice") as c:
        assert ask(c, type="subscribe", channel="news")["code"] == "not_available"
    daemon.send_signal(signal.SIGHUP)
    daemon.wait_log("signal 1 ignored")


def test_more_channels_than_the_log_has_room_for(start, tmp_path):
    path = write(tmp_path / "channels.json", OPEN)
    for args in (["--check-config"], []):
        daemon = start(args=args, wait=False, CHANNELS_FILE=path, CHANNELS_MAX=100000, HISTORY_BYTES=1048576)
        assert daemon.wait_exit() == 78
        assert "CHANNELS_MAX=100000 needs HISTORY_BYTES of at least 64000000" in daemon.text()
