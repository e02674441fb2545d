# SPDX-License-Identifier: MIT
"""Whatever fails in a deploy, it goes back by itself, and the clients notice nothing."""

import json

import pytest

from clients import message
from proxied import ATTENTION, DONE, FAILED, UPSTREAM

ALWAYS_BLUE = """server {
	listen 8080;
	location / {
		proxy_pass http://127.0.0.1:3001;
		proxy_http_version 1.1;
		proxy_set_header Upgrade $http_upgrade;
		proxy_set_header Connection upgrade;
	}
}
"""


def move_socket(host, kind, line):
    host.write(f"/etc/systemd/system/{kind}@green.socket.d/90-moved.conf", f"[Socket]\n{line.split('=')[0]}=\n{line}\n")
    host.systemctl("daemon-reload")


def stranger(host, does):
    """Something else than green takes the link."""
    host.write("/etc/systemd/system/stranger.socket", "[Socket]\nListenSequentialPacket=/run/ws/green/handoff.sock\n"
               "SocketMode=0660\nSocketGroup=ws\nDirectoryMode=0755\nRemoveOnStop=yes\n")
    host.write("/etc/systemd/system/stranger.service", f"[Service]\nExecStart=/bin/sh -c '{does}'\n")
    host.systemctl("daemon-reload")
    host.systemctl("start", "stranger.socket")


def no_handoff_socket(host):
    move_socket(host, "ws-handoff", "ListenSequentialPacket=/run/ws/green/elsewhere.sock")


def fails(proxied, step, *said):
    """A deploy of green that fails in this step for the reason that was provoked, and leaves all as it was."""
    before = proxied.host.sh(f"cat {UPSTREAM}")
    done = proxied.deploy("green", status=FAILED)
    failed = [s for s in done["steps"] if s["result"] == "failed"]
    assert [s["step"] for s in failed] == [step] and done["outcome"] == "undone", done
    for words in said:
        assert words in failed[0]["detail"], failed
    assert proxied.host.sh(f"cat {UPSTREAM}") == before
    assert proxied.check_serves("blue")["lastDeploy"]["outcome"] == "undone"
    return done


def refuses(proxied, *said):
    """A deploy of green that does not even begin, as a dry run tells as well; green is not touched."""
    for options in ((), ("--dry-run",)):
        heard = proxied.host.run("wsctl", "deploy", "green", *options, check=False)
        assert heard.status not in (DONE, ATTENTION), heard
        for words in said:
            assert words in heard
    assert proxied.host.show("ws@green.service", "ActiveState") == "inactive"
    assert proxied.host.journal("-t", "wsctl", "WS_DEPLOY_STEP=start") == []


def test_nothing_answers_at_the_url(proxied):
    proxied.host.write("/etc/ws/ws.env", "PROXY_URL=http://127.0.0.1:8099/\n")
    refuses(proxied, "nginx leads to blue, but nothing answers there as it should (http://127.0.0.1:8099/health: ",
            "is PROXY_URL right?")
    proxied.host.write("/etc/ws/ws.env", "")
    proxied.check_serves("blue")


def test_state_cannot_be_written(proxied):
    proxied.host.sh("mount -t tmpfs -o ro none /var/lib/ws")
    proxied.host.write("/etc/ws/ws.env", "PROXY=none\n")
    refuses(proxied, "/var/lib/ws/deploy.json cannot be written: Read-only file system")


def test_new_instance_does_not_start(proxied):
    proxied.host.set("green", MAX_CONNECTIONS="many")
    fails(proxied, "start", 'MAX_CONNECTIONS="many": a number from 1 to 1000000 is needed', "journalctl -u ws@green")
    assert proxied.host.run("systemctl", "--failed", "--no-legend").strip() == ""


def test_new_instance_is_somebody_else(proxied):
    proxied.host.set("green", INSTANCE="violet")
    fails(proxied, "health", "green says that it is violet")


def test_new_instance_is_not_ready(proxied):
    """Its admin socket is not where it is looked for."""
    move_socket(proxied.host, "ws-admin", "ListenStream=/run/ws/green/elsewhere.sock")
    fails(proxied, "health", "green is not running (nobody listens on /run/ws/green/admin.sock)")


def test_smoke_fails(proxied):
    proxied.host.set("green", MAX_CONNECTIONS=3)
    fails(proxied, "smoke", "the test load failed: ", "success<100%")


def test_smoke_without_wsload(proxied):
    proxied.host.sh("dpkg --remove --force-depends wsd-loadtest")
    refuses(proxied, "wsload is not installed: apt install wsd-loadtest, or --no-smoke")
    assert proxied.deploy("green", "--no-smoke")["outcome"] == "done"
    proxied.check_serves("green")


def test_smoke_with_wrong_options(proxied):
    proxied.host.write("/etc/ws/ws.env", "SMOKE_OPTIONS=--rate fast\n")
    fails(proxied, "smoke", "'fast' is not a number")


def test_proxy_does_not_accept_its_configuration(proxied):
    """For something that has nothing to do with us; NGINX's own words tell where."""
    proxied.host.write("/etc/nginx/conf.d/broken.conf", "server {\n\tlisten 80;\n\tlistn 81;\n}\n")
    refuses(proxied, "nginx does not accept its configuration:",
            'unknown directive "listn" in /etc/nginx/conf.d/broken.conf:3')


def test_proxy_does_not_accept_its_configuration_any_more(proxied):
    """It did before the deploy began."""
    proxied.host.write("/etc/ws/ws.env", "SMOKE_OPTIONS=--duration 2s\n")
    with proxied.begin("deploy", "green", "--json") as deploy:
        proxied.host.wait_journal("-t", "wsctl", "WS_DEPLOY_STEP=health")
        proxied.host.write("/etc/nginx/conf.d/broken.conf", "server {\n\tlisten 80;\n\tlistn 81;\n}\n")
        status, said = deploy.wait()
    assert status == FAILED, said
    assert 'unknown directive' in next(s["detail"] for s in json.loads(said)["steps"] if s["step"] == "switch")
    proxied.check_serves("blue")


def test_site_is_not_enabled(proxied):
    """PROXY is set, so that it is not looked for."""
    host = proxied.host
    host.write("/etc/ws/ws.env", "PROXY=nginx\nPROXY_FILE=/var/lib/ws/other.conf\n")
    before = host.sh("ls -A /var/lib/ws")
    refuses(proxied, "nginx does not include /var/lib/ws/other.conf: is the site enabled?")
    assert host.sh("ls -A /var/lib/ws") == before
    host.write("/etc/ws/ws.env", "")
    proxied.check_serves("blue")


def test_proxy_does_not_run(proxied):
    """Clients that came through it are gone, but its file is not changed for one that does not take it up."""
    proxied.clients = []
    proxied.host.systemctl("stop", "nginx")
    before = proxied.host.sh(f"cat {UPSTREAM}")
    refuses(proxied, ", not active: systemctl start nginx")
    assert proxied.host.sh(f"cat {UPSTREAM}") == before
    proxied.host.systemctl("start", "nginx")
    proxied.check_serves("blue")


def test_another_instance_answers_through_the_proxy(proxied):
    host = proxied.host
    host.write("/etc/nginx/conf.d/always-blue.conf", ALWAYS_BLUE)
    host.systemctl("reload", "nginx")
    host.write("/etc/ws/ws.env", "PROXY_URL=http://127.0.0.1:8080/\nPROXY_TIMEOUT=1500\n")
    done = fails(proxied, "verify", "http://127.0.0.1:8080/health is answered by blue")
    assert [s["step"] for s in done["steps"]][-3:] == ["back", "return", "stop"]


def test_no_websocket_through_the_proxy(proxied):
    """Plain requests are passed on, as HTTP/1.0."""
    host = proxied.host
    host.write("/etc/nginx/conf.d/plain.conf", "server { listen 8080; location / { proxy_pass http://ws; } }\n")
    host.systemctl("reload", "nginx")
    host.write("/etc/ws/ws.env", "PROXY_URL=http://127.0.0.1:8080/\nPROXY_TIMEOUT=1500\n")
    done = proxied.deploy("green", status=ATTENTION)  # nor can it be seen that blue serves again
    assert "http://127.0.0.1:8080/ws/chat/: no WebSocket, but HTTP status 505" in \
        next(s["detail"] for s in done["steps"] if s["step"] == "verify")
    host.write("/etc/ws/ws.env", "")
    proxied.check_serves("blue")


def test_proxy_leads_elsewhere(proxied):
    host = proxied.host
    host.sh(f"sed -i s/3001/3009/ {UPSTREAM}")
    said = proxied.wsctl("deploy", "green", status=FAILED)
    assert "nginx leads to 127.0.0.1:3009, which is neither blue nor green; wsctl switch blue makes it so" in said
    proxied.wsctl("switch", "blue")
    proxied.check_serves("blue")


def test_handoff_cannot_begin(proxied):
    no_handoff_socket(proxied.host)
    done = fails(proxied, "handoff", "green cannot be reached")
    assert [s["step"] for s in done["steps"]][-3:] == ["back", "return", "stop"]


def test_handoff_link_breaks(proxied):
    """Who listens there ends the link at once."""
    no_handoff_socket(proxied.host)
    stranger(proxied.host, "true")
    fails(proxied, "handoff", "the handoff failed")


def test_new_clients_of_a_failed_deploy_go_back_too(proxied):
    """They came between switch and handoff."""
    host = proxied.host
    no_handoff_socket(host)
    # a reload of nginx that lets somebody in before it has ended
    host.write("/etc/systemd/system/nginx.service.d/wait.conf", "[Service]\nExecReload=/bin/sh -c 'echo >/run/reloaded; "
               "[ -e /run/second ] || { touch /run/second; read x </run/gate; }'\n")
    host.sh("systemctl daemon-reload; mkfifo /run/gate /run/reloaded")
    with proxied.begin("deploy", "green", "--json") as deploy:
        host.sh("cat /run/reloaded")
        late = until_on_green(host)
        host.sh("(cat /run/reloaded) & echo >/run/gate; wait")
        status, said = deploy.wait()
    assert status == FAILED, said
    assert '"1 moved' in said.replace("back to blue: ", '"')
    assert late.ask({"type": "message", "data": 1})["count"] == 1
    proxied.check_serves("blue")


def until_on_green(host):
    """NGINX tells that it reloads before it has."""
    for n in range(40):  # as many as it lets in at once
        client = host.living(f"between-{n}", port=80)
        if client.greeting["instance"] == "green":
            return client
        client.close()
    raise AssertionError("nobody comes to green")


def test_new_instance_is_stuck_with_clients(proxied):
    """What it has cannot be given back just now; but it is not stopped, and they are served when it moves again."""
    host = proxied.host
    host.write("/etc/systemd/system/ws@green.service.d/patient.conf", "[Service]\nWatchdogSec=0\n")
    host.write("/etc/nginx/conf.d/always-blue.conf", ALWAYS_BLUE)
    host.sh("systemctl daemon-reload; systemctl reload nginx")
    host.write("/etc/ws/ws.env", "PROXY_URL=http://127.0.0.1:8080/\nPROXY_TIMEOUT=8000\n")
    with proxied.begin("deploy", "green", "--json") as deploy:
        host.wait_journal("-t", "wsctl", "WS_DEPLOY_STEP=switch")
        late = until_on_green(host)
        host.systemctl("kill", "-s", "STOP", "ws@green.service")
        status, said = deploy.wait()
    steps = {step["step"]: step for step in json.loads(said)["steps"]}
    assert status == ATTENTION, said
    assert (steps["back"]["result"], steps["return"]["result"], steps["stop"]["result"]) == ("ok", "failed", "failed"), said
    assert "what it has cannot be given back" in steps["return"]["detail"]
    assert "may still have clients, and is left running" in steps["stop"]["detail"]
    proxied.check_clients()
    host.systemctl("kill", "-s", "CONT", "ws@green.service")
    assert late.ask(message())["count"] == 1
    host.write("/etc/ws/ws.env", "")
    assert "1 moved" in proxied.wsctl("handoff", "green", "blue")
    assert late.ask(message())["count"] == 2


def test_smoke_with_too_many_options(proxied):
    proxied.host.write("/etc/ws/ws.env", f"SMOKE_OPTIONS={'-q ' * 65}\n")
    fails(proxied, "smoke", "SMOKE_OPTIONS: more than 64 words")


def test_old_instance_cannot_be_stopped(proxied):
    """All clients are served by the new one then, and that stays so."""
    host = proxied.host
    host.write("/etc/systemd/system/ws@blue.service.d/stay.conf", "[Unit]\nRefuseManualStop=yes\n")
    host.systemctl("daemon-reload")
    done = proxied.deploy("green", status=ATTENTION)
    assert [s["step"] for s in done["steps"] if s["result"] == "failed"] == ["stop"] and done["outcome"] == "failed"
    proxied.check_clients()
    assert proxied.status()["instances"]["green"]["connections"] == 10
    host.sh("rm -r /etc/systemd/system/ws@blue.service.d; systemctl daemon-reload")
    assert proxied.deploy("green")["outcome"] == "done"
    proxied.check_serves("green")


@pytest.mark.parametrize("script", ["exit 1", "kill -KILL $$"])
def test_a_script_that_fails_unseen(proxied, script):
    """Whoever started wsctl ignores its children, and so would wsctl. (It took the failure for a success.)"""
    host = proxied.host
    host.write("/usr/local/sbin/ws-switch", f"#!/bin/sh\n[ $1 = current ] || {{ {script}; }}\necho 127.0.0.1:3001\n")
    host.sh("chmod 755 /usr/local/sbin/ws-switch; echo PROXY=script:/usr/local/sbin/ws-switch >>/etc/ws/ws.env")
    with proxied.begin_command("bash", "-c", "trap '' CHLD; exec wsctl deploy green --json") as deploy:
        status, said = deploy.wait()
    assert status == FAILED, said
    failed, = [step for step in json.loads(said)["steps"] if step["result"] == "failed"]
    assert failed["step"] == "switch" and "/usr/local/sbin/ws-switch" in failed["detail"], failed
    proxied.check_clients()
