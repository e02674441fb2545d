# SPDX-License-Identifier: MIT
"""The machine loses power in the middle of a deploy: once it has booted again, the proxy leads to an instance that runs."""

import pytest

from clients import http
from proxied import FAILED
from test_deploy_interrupted import HOLDS


def cut(host):
    host.crash()
    host.start()


@pytest.mark.parametrize("step", ["switch", "verify", "stop"])
def test_power_cut_in_a_deploy(proxied, step):
    host = proxied.host
    host.systemctl("enable", "nginx")
    hold = HOLDS[step](host)
    with proxied.begin("deploy", "green") as deploy:
        hold.reached()
        host.sh("sync")
        cut(host)
        deploy.wait()
    leads_to = proxied.status()["proxy"]["leadsTo"]
    assert leads_to == "green"
    with host.network():
        assert http(80, "/health").json["instance"] == leads_to
    assert f"cut off in its step {step}" in proxied.wsctl("status")
    hold.release()
    proxied.clients = []
    proxied.deploy("green", "--no-smoke")
    proxied.check_serves("green")


def test_status_names_the_cure(proxied):
    """Of a proxy that leads to an instance that does not run, or would not after a boot."""
    host = proxied.host
    assert "at boot" in proxied.wsctl("status") and "clients" not in proxied.wsctl("status")
    host.systemctl("disable", "ws@blue")
    assert "blue does not start at boot, and clients would be refused then: systemctl enable ws@blue" in \
        proxied.wsctl("status")
    host.systemctl("enable", "--now", "ws@green")
    host.systemctl("stop", "ws@blue", "ws@blue.socket", "ws-admin@blue.socket", "ws-handoff@blue.socket")
    said = proxied.wsctl("status")
    assert "blue does not run, and clients are refused: systemctl enable --now ws@blue, or wsctl switch green" in said, said
    proxied.clients = []
    proxied.wsctl("switch", "green")
    assert "refused" not in proxied.wsctl("status")
    assert "not ready" in proxied.wsctl("switch", "blue", status=FAILED)
