# SPDX-License-Identifier: MIT
"""Deploys through each kind of proxy, set up as its README says, with a crowd that talks without a pause."""

import json
import os
import signal

import pytest

from proxied import ATTENTION, FAILED, STEPS, Proxied, Running, start_nginx

CROWD = int(os.environ.get("WSD_CROWD", 500))  # connections
EXAMPLES = "/usr/share/doc/wsd/examples"


def start_traefik(host):
    host.sh(f"""cd {EXAMPLES}/traefik
        useradd --system --home-dir /var/lib/traefik --shell /usr/sbin/nologin traefik
        install -D -m 644 -t /etc/traefik traefik.yml
        install -D -m 644 -t /etc/traefik/dynamic dynamic/ws.yml dynamic/ws-upstream.yml
        sed -i 's,ClientIP(`127.0.0.1`),ClientIP(`127.0.0.0/8`),' /etc/traefik/dynamic/ws.yml # for a crowd of many addresses
        install -m 644 -t /etc/systemd/system traefik.service
        echo 'operator:none' >/etc/traefik/users
        chown root:traefik /etc/traefik/users && chmod 640 /etc/traefik/users
        systemctl daemon-reload
        systemctl enable --now traefik""")
    wait_serves(host)


def start_haproxy(host):
    host.sh(f"""cd {EXAMPLES}/haproxy
        install -D -m 644 -t /var/lib/ws/haproxy instance.map
        install -m 644 haproxy.cfg /etc/haproxy/haproxy.cfg
        install -m 755 ws-switch /usr/local/sbin/ws-switch
        sed -i 's/maxconn 20000/maxconn 9000/' /etc/haproxy/haproxy.cfg
        echo PROXY=script:/usr/local/sbin/ws-switch >>/etc/ws/ws.env
        systemctl start haproxy""")
    wait_serves(host)


def wait_serves(host):
    """Neither is a service that says when it is ready."""
    host.systemctl("start", "ws@blue")
    host.sh("""timeout 60 sh -c 'until wsctl status --json | grep -q "\\"answers\\": *\\"blue\\""; do :; done'""")


@pytest.fixture(params=["nginx", "traefik", "haproxy"])
def kind(request):
    return request.param


@pytest.fixture
def proxied(machine, kind, request):
    if kind == "traefik":
        host = machine(above=[request.getfixturevalue("traefik")])
        start_traefik(host)
    else:
        host = machine(kind="proxy-tree")
        (start_nginx if kind == "nginx" else start_haproxy)(host)
    return Proxied(host)


def test_there_and_back(proxied, kind):
    for to in ("green", "blue"):
        done = proxied.deploy(to)
        assert done["outcome"] == "done" and done["proxy"] == {"haproxy": "script"}.get(kind, kind)
        assert {step["step"]: step["result"] for step in done["steps"]} == dict.fromkeys(STEPS, "ok")
        proxied.check_serves(to)


def test_a_proxy_that_is_not_there(proxied, kind):
    """Nothing is switched, or it is switched back."""
    proxied.clients = []
    proxied.host.systemctl("stop", kind)
    proxied.host.write("/etc/ws/ws.env", proxied.host.sh("cat /etc/ws/ws.env") + "PROXY_TIMEOUT=1000\n")
    if kind == "haproxy":
        assert "HAProxy is not running" in proxied.wsctl("deploy", "green", status=FAILED)
    elif kind == "nginx":
        assert proxied.deploy("green", status=FAILED)["steps"][3]["result"] == "failed"
    else:
        # that Traefik leads to blue again cannot be seen, but its file says so
        assert proxied.deploy("green", status=ATTENTION)["steps"][4]["result"] == "failed"
        assert proxied.status()["proxy"]["leadsTo"] == "blue"
    assert proxied.status()["instances"]["green"]["state"] == "stopped"


def test_crowd_that_talks_without_pause(proxied, kind, figure):
    """wsload on the machine itself, through the proxy, over two deploys."""
    host = proxied.host
    sources = ",".join(f"127.0.1.{n}" for n in range(1, CROWD // 50 + 2))  # the rate of connects is one address's
    host.write("/etc/ws/ws.env", host.sh("cat /etc/ws/ws.env") + f"RATE_LIMIT_MESSAGE=0\nMAX_CONNECTIONS={CROWD + 100}\n")
    host.systemctl("restart", "ws@blue")
    with Running(host, "wsload", "--connections", CROWD, "--connect-parallel", "100", "--in-flight", "1", "--duration", "600s",
                 "--source", sources, "--path", "/ws/chat/crowd-{n}", "--progress", "off", "--quiet", "--json", "-",
                 "--fail-if", "closed>0 lost>0 repeated>0 out_of_order>0 errors>0%", "ws://127.0.0.1:80") as load:
        wait_connections(proxied, CROWD + 10)
        for to in ("green", "blue"):
            done = proxied.deploy(to)
            figure(f"deploy {to}, {CROWD} connections talking through {kind}",
                   f"{done['seconds']:.2f} s (" + ", ".join(f"{s['step']} {s['seconds']:.2f}" for s in done["steps"]) + ")")
            assert done["outcome"] == "done", done
        load.send(signal.SIGINT)
        status, out = load.wait()
        result = json.loads(out[out.index("{"):])
        counts = result["counts"]
        figure(f"the {CROWD} connections through {kind} meanwhile", f"{counts['closed']} closed, {counts['lost']} lost, "
               f"{counts['answered']} of {counts['sent']} messages answered")
        assert status == 0, (counts, result["close_codes"], result["thresholds"])
    proxied.check_serves("blue")


def wait_connections(proxied, n):
    with proxied.begin("status", "--watch=1", "--json") as status:
        for line in status.process.stdout:
            if json.loads(line)["instances"]["blue"].get("connections") == n:
                return
