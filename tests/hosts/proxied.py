# SPDX-License-Identifier: MIT
"""A machine with a proxy in front of blue, clients that came through it, and wsctl."""

import json
import signal
import subprocess

from clients import http, message

DEPLOY_STEP = "056393e5a15a423bb806828b10914969"  # MESSAGE_IDs of wsctl
DEPLOY_ENDED = "92c49a054b7246a7a062325d529f878b"

DONE, FAILED, USAGE, UNREACHABLE, NO_RIGHTS, BUSY, INTERRUPTED, ATTENTION = range(8)
CONFIGURATION = 78

LOAD_INTERRUPTED = 4  # of wsload

UPSTREAM = "/var/lib/ws/nginx/upstream.conf"
STEPS = ["start", "health", "smoke", "switch", "verify", "handoff", "stop"]


def start_nginx(host):
    """As doc/proxies.md has it, but with room for a crowd."""
    host.sh("ln -s /etc/ws/nginx/ws.conf /etc/nginx/sites-enabled/ws.conf; rm -f /etc/nginx/sites-enabled/default;"
            "sed -i 's/worker_connections .*/worker_connections 12000;/; 1i worker_rlimit_nofile 20000;' /etc/nginx/nginx.conf;"
            "systemctl start nginx")


def end_load(load):
    """Its results; nothing that was to fail it has come about."""
    load.send(signal.SIGINT)
    status, out = load.wait()
    result, _ = json.JSONDecoder().raw_decode(out[out.index("{"):])
    assert status == LOAD_INTERRUPTED, (result["counts"], result["close_codes"], result["thresholds"])
    return result


class Proxied:
    """blue serves `clients` through the proxy at port 80."""

    def __init__(self, host, clients=10):
        self.host, self.count = host, 0
        host.systemctl("enable", "--now", "ws@blue")
        self.clients = [host.living(f"c{n}", port=80) for n in range(clients)]
        assert {client.greeting["instance"] for client in self.clients} <= {"blue"}
        self.check_clients()

    # ------------------------------------------------------------ wsctl

    def wsctl(self, *words, status=DONE):
        said = self.host.run("wsctl", *words, check=False)
        assert said.status == status, f"status {said.status}, not {status}\n{said}\n{self.host.tail()}"
        return said

    def deploy(self, to, *options, status=DONE):
        """The object that it prints."""
        return json.loads(self.wsctl("deploy", to, "--json", *options, status=status))

    def status(self):
        return json.loads(self.wsctl("status", "--json"))

    def begin(self, *words):
        """One that is not waited for."""
        return self.begin_command("wsctl", *words)

    def begin_command(self, *words):
        return Running(self.host, *words)

    # ------------------------------------------------------------ what holds

    def check_clients(self):
        """Each is there, and none of its messages was lost or counted twice."""
        self.count += 1
        for client in self.clients:
            answer = client.ask(message())
            assert (answer["type"], answer["count"]) == ("message_response", self.count), answer

    def check_serves(self, instance, other_state="stopped"):
        """All that there is to it: clients, the proxy, systemd now and at the next boot."""
        other = "green" if instance == "blue" else "blue"
        self.check_clients()
        with self.host.network():
            assert http(80, "/health").json["instance"] == instance
        late = self.host.living("late", port=80)
        assert late.greeting["instance"] == instance
        late.close()
        status = self.status()
        assert (status["proxy"]["leadsTo"], status["proxy"]["answers"]) == (instance, instance)
        assert status["instances"][instance]["state"] == "serving"
        assert status["instances"][instance]["enabled"] == "enabled"
        assert status["instances"][other]["state"] == other_state
        assert status["instances"][other]["enabled"] == "disabled"
        for unit in (f"ws@{other}.socket", f"ws-admin@{other}.socket", f"ws-handoff@{other}.socket"):
            assert self.host.show(unit, "ActiveState") == "inactive", unit
        for unit in (f"ws@{instance}.socket", f"ws-admin@{instance}.socket", f"ws-handoff@{instance}.socket"):
            assert self.host.show(unit, "ActiveState") == "active", unit
        assert not status["atWork"]
        return status


class Running:
    """A command on the machine that goes on meanwhile."""

    def __init__(self, host, *command):
        self.host = host
        # its own process id is told, since the one here is nsenter's
        self.process = host.popen("sh", "-c", 'echo $$; exec "$@"', "sh", *command, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.pid = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.host._end(self.process)

    def send(self, signo):
        self.host.run("kill", f"-{signal.Signals(signo).name[3:]}", self.pid)

    def wait(self):
        """Its status, and what it said."""
        out, _ = self.process.communicate(timeout=120)
        return self.process.returncode, out
