# SPDX-License-Identifier: MIT
"""Deploys through each kind of proxy, set up as its README says, with a crowd that talks without a pause."""

import json
import os

import pytest

from proxied import FAILED, STEPS, UNREACHABLE, Proxied, Running, end_load, start_nginx

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
    """Nothing is begun."""
    proxied.clients = []
    proxied.host.systemctl("stop", kind)
    proxied.host.write("/etc/ws/ws.env", proxied.host.sh("cat /etc/ws/ws.env") + "PROXY_TIMEOUT=1000\n")
    if kind == "haproxy":
        assert "HAProxy is not running" in proxied.wsctl("deploy", "green", status=FAILED)
    elif kind == "nginx":
        assert "not active: systemctl start nginx" in proxied.wsctl("deploy", "green", status=FAILED)
    else:
        assert "nothing answers there as it should" in proxied.wsctl("deploy", "green", status=UNREACHABLE)
        assert proxied.status()["proxy"]["leadsTo"] == "blue"
    assert proxied.status()["instances"]["green"]["state"] == "stopped"


def begin_load(proxied, *options):
    """wsload on the machine itself, through the proxy; returns when all are connected."""
    host = proxied.host
    sources = ",".join(f"127.0.1.{n}" for n in range(1, CROWD // 50 + 2))  # the rate of connects is one address's
    host.write("/etc/ws/ws.env", host.sh("cat /etc/ws/ws.env") + "RATE_LIMIT_MESSAGE=0\nRATE_LIMIT_CONNECT=0\n"
               f"MAX_CONNECTIONS={CROWD + 100}\n")
    host.systemctl("restart", "ws@blue")
    load = Running(host, "wsload", "--connections", CROWD, "--connect-parallel", "100", "--duration", "600s", "--source",
                   sources, "--path", "/ws/chat/crowd-{n}", "--progress", "off", "--quiet", "--json", "-", *options,
                   "ws://127.0.0.1:80")
    wait_connections(proxied, "blue", CROWD + 10)
    return load


def note(figure, what, done):
    figure(what, f"{done['seconds']:.2f} s (" + ", ".join(f"{s['step']} {s['seconds']:.2f}" for s in done["steps"]) + ")")


def test_crowd_that_talks_without_pause(proxied, kind, figure):
    """Over two deploys."""
    with begin_load(proxied, "--in-flight", "1", "--fail-if",
                    "closed>0 lost>0 repeated>0 out_of_order>0 errors>0%") as load:
        for to in ("green", "blue"):
            done = proxied.deploy(to)
            note(figure, f"deploy {to}, {CROWD} connections talking through {kind}", done)
            assert done["outcome"] == "done", done
        counts = end_load(load)["counts"]
        figure(f"the {CROWD} connections through {kind} meanwhile", f"{counts['closed']} closed, {counts['lost']} lost, "
               f"{counts['answered']} of {counts['sent']} messages answered")
    proxied.check_serves("blue")


@pytest.mark.parametrize("kind", ["nginx"], indirect=True)
def test_crowd_that_comes_back(proxied, figure):
    """With --no-handoff: each is told once, and resumed with the count that it was told."""
    proxied.clients = []
    # all come from a few addresses, and come twice
    proxied.host.sh("sed -i 's,rate=5r/s,rate=100000r/s,' /etc/ws/nginx/http.conf; systemctl reload nginx")
    with begin_load(proxied, "--resume", "--rate", CROWD) as load:
        done = proxied.deploy("green", "--no-handoff")
        note(figure, f"deploy green --no-handoff, {CROWD} connections talking through nginx", done)
        assert done["outcome"] == "done", done
        wait_connections(proxied, "green", CROWD)
        counts = end_load(load)["counts"]
        figure(f"the {CROWD} connections that were told to come back",
               ", ".join(f"{counts[name]} {name}" for name in ("goodbyes", "resumed", "not_resumed", "resume_count_errors", "sent",
                                                              "answered", "not_accepted", "lost", "repeated")))
        assert (counts["resumed"], counts["not_resumed"]) == (CROWD, 0), counts
        assert counts["lost"] == counts["repeated"] == counts["resume_count_errors"] == counts["count_errors"] == 0, counts
        assert counts["sent"] == counts["answered"] + counts["not_accepted"] + counts["closed_by_client_unanswered"], counts


def wait_connections(proxied, instance, n):
    with proxied.begin("status", "--watch=1", "--json") as status:
        for line in status.process.stdout:
            if json.loads(line)["instances"][instance].get("connections") == n:
                return
