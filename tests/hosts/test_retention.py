# SPDX-License-Identifier: MIT
"""The retention of doc/operating.md: a journal of their own for 14 days, errors copied out for 30."""

from clients import message
from host import BAD_CONFIG

EXAMPLES = "/usr/share/doc/wsd/examples/journald"


def test_errors_are_kept_apart(host):
    host.sh(f"""
        install -D -m 644 {EXAMPLES}/journald@ws.conf /etc/systemd/journald@ws.conf
        install -D -m 644 {EXAMPLES}/namespace.conf /etc/systemd/system/ws@.service.d/namespace.conf
        install -D -m 644 -t /etc/systemd/system {EXAMPLES}/ws-errors.service {EXAMPLES}/ws-errors.timer
        install -D -m 644 -t /etc/tmpfiles.d {EXAMPLES}/ws-errors.conf
        systemctl daemon-reload
        systemctl enable -q --now ws-errors.timer""")
    host.systemctl("start", "ws@blue.socket")
    host.client("alice").ask(message())
    host.systemctl("stop", "ws@blue.service")
    host.set("green", WORKERS="none")
    host.systemctl("start", "ws@green", check=False)
    assert len(host.run("journalctl", "--namespace=ws", "--no-pager", "-o", "cat", "-u", "ws@blue",
                        "WS_CONNECTION_ID=alice").splitlines()) == 2
    for _ in range(2):  # nothing is copied twice
        host.systemctl("start", "ws-errors.service")
        assert host.sh("cat /var/log/ws-errors/*.json | wc -l").strip() == "1"
    assert BAD_CONFIG in host.sh("cat /var/log/ws-errors/*.json")
    host.sh("systemd-tmpfiles --clean /etc/tmpfiles.d/ws-errors.conf")
