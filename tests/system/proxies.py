# SPDX-License-Identifier: MIT
"""The real proxies in front of instances of wsd, as children in the foreground on loopback ports of their own. Their
configuration is what the package ships, with other paths and ports."""

import base64
import hashlib
import os
import re
import shutil
import signal
import ssl
import subprocess
import threading
import time
from pathlib import Path

from clients import Closed, Raw, connect, http
from instances import wait_for
from process import PATIENCE, TOP, free_port

NAME = "ws.example.org"  # as in the files


def program(name):
    """Its path, or None."""
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    if not found and name == "traefik":
        built = subprocess.run([TOP / "tests/tools/traefik/build", "--cached"], capture_output=True, text=True)
        found = built.stdout.strip() or None
    return found


class Child:
    """A program in the foreground, and what it says."""

    def __init__(self, *command):
        self.lines = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()

    def said(self, pattern):
        return [line for line in self.lines if re.search(pattern, line)]

    def wait_line(self, pattern, times=1):
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while len(self.said(pattern)) < times:
                left = deadline - time.monotonic()
                assert left > 0 and self.process.poll() is None, f"{pattern} not said {times} times\n" + self.text()
                self._changed.wait(min(left, 1))
        return self.said(pattern)

    def text(self):
        return "\n".join(self.lines)

    def stop(self, number):
        self.process.send_signal(number)
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            self._reader.join()


class Proxy:
    """What they have in common. `ports` has of each instance its public and its admin port; `port` is the proxy's own, and
    `tls_port` the one with TLS if there is one. New connections go to blue at first."""

    tls_port = None
    end = signal.SIGTERM
    has_policy = True  # its own answers have a Content-Security-Policy

    def __init__(self, directory, ports):
        self.directory, self.ports = Path(directory), ports
        self.port, self.child = free_port(), None

    def adapt(self, source, target, *changes):
        """A shipped file with other paths and ports."""
        text = (TOP / source).read_text()
        for number, port in zip((3001, 3101, 3002, 3102), (*self.ports["blue"], *self.ports["green"])):
            text = text.replace(f"127.0.0.1:{number}", f"127.0.0.1:{port}")
        for old, new in changes:
            text = text.replace(old, new)
        path = self.directory / target
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def replace(self, target, instance):
        """As wsctl does it: the whole of the file that names the instance, at once."""
        path = self.directory / target
        text = re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{self.ports[instance][0]}", path.read_text())
        new = path.with_name(path.name + ".new")
        new.write_text(text)
        new.rename(path)

    def certificate(self):
        """A self-signed one: (certificate, key)."""
        pair = self.directory / "cert.pem", self.directory / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "1", "-subj", f"/CN={NAME}", "-out", pair[0], "-keyout", pair[1]],
                       check=True, capture_output=True)
        return pair

    def health(self):
        try:
            return http(self.port, "/health").json
        except (OSError, ValueError, Closed):
            return {}

    def wait_for(self, instance):
        def served():
            assert self.child.process.poll() is None, self.child.text()
            return self.health().get("instance") == instance
        wait_for(served, f"answer of {instance} through the proxy")

    def door(self, source=None, tls=None):
        """A bare connection from a loopback address, with TLS if the proxy has it."""
        if not (self.tls_port if tls is None else tls):
            return Raw(self.port, source=source)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return Raw.of(context.wrap_socket(connect(self.tls_port, source=source), server_hostname=NAME))

    def log(self):
        """All that it wrote about requests."""
        return self.child.text()

    def plain_door_of_others(self):
        """What is behind it is not meant for this machine itself."""
        return self.door(source="127.0.0.2", tls=False)

    @staticmethod
    def request(path, headers=()):
        return "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {NAME}", "Connection: close", *headers]) + "\r\n\r\n"

    def get(self, path, headers=(), door=None, **how):
        with door or self.door(**how) as door:
            door.send(self.request(path, headers))
            return door.read_response()

    def get_at_once(self, path, n, **how):
        """n requests that are all sent before the first answer is read."""
        doors = [self.door(**how) for _ in range(n)]
        try:
            for door in doors:
                door.send(self.request(path))
            return [door.read_response() for door in doors]
        finally:
            for door in doors:
                door.sock.close()

    def close(self):
        if self.child:
            self.child.stop(self.end)


class Nginx(Proxy):
    program = "nginx"
    site = "ws.conf"
    workers = 2
    away = 502

    def start(self):
        place = str(self.directory)
        changes = [("/etc/ws/nginx", place), ("/var/lib/ws/nginx", place), ("/var/log/nginx", place),
                   ("/etc/letsencrypt/live/" + NAME, place), *self.listens()]
        changes += [(line, "") for line in ("\tlisten [::]:80;\n", "\tlisten [::]:443 ssl;\n")]
        for name in ("upstream.conf", "http.conf", "server.conf", self.site):
            self.adapt(f"etc/nginx/{name}", name, *changes)
        temp = " ".join(f"{kind}_temp_path {place}/{kind};"
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.directory / "nginx.conf").write_text(
            f"daemon off; worker_processes {self.workers}; pid {place}/pid; error_log stderr notice;\n"
            f"events {{ worker_connections 512; }} http {{ {temp} include {place}/{self.site}; }}\n")
        self.child = Child(program("nginx"), "-p", place, "-e", "stderr", "-c", f"{place}/nginx.conf")
        self.wait_for("blue")

    def listens(self):
        return [("listen 80;", f"listen 127.0.0.1:{self.port};")]

    def log(self):
        return (self.directory / "ws.log").read_text()

    def reload(self):
        """Done when the old workers have stopped to accept connections."""
        before = len(self.child.said("gracefully shutting down"))
        self.child.process.send_signal(signal.SIGHUP)
        self.child.wait_line("gracefully shutting down", before + self.workers)

    def switch(self, instance):
        self.replace("upstream.conf", instance)
        self.reload()


class NginxTls(Nginx):
    site = "ws-tls.conf"

    def listens(self):
        self.tls_port = free_port()
        self.certificate()
        (self.directory / "cert.pem").rename(self.directory / "fullchain.pem")
        (self.directory / "key.pem").rename(self.directory / "privkey.pem")
        # 127.0.0.2 stands for the addresses that others come to
        return [("listen 127.0.0.1:80;", f"listen 127.0.0.1:{self.port};"),
                ("listen 80;", f"listen 127.0.0.2:{self.port};"),
                ("listen 443 ssl;", f"listen 127.0.0.1:{self.tls_port} ssl;")]

    def plain_door_of_others(self):
        return Raw(("127.0.0.2", self.port))


class Traefik(Proxy):
    program = "traefik"
    away = 502
    end = signal.SIGKILL  # otherwise it waits ten seconds for connections to end
    has_policy = False

    def start(self):
        place = str(self.directory)
        self.tls_port, self.inner_port = free_port(), free_port()
        static = self.adapt("contrib/traefik/traefik.yml", "traefik.yml", ("/etc/traefik", place),
                            ("/var/lib/traefik", place), ('":80"', f'"127.0.0.1:{self.port}"'),
                            ('":443"', f'"127.0.0.1:{self.tls_port}"'), ("127.0.0.1:8080", f"127.0.0.1:{self.inner_port}"))
        self.adapt("contrib/traefik/dynamic/ws-upstream.yml", "dynamic/ws-upstream.yml")
        # a certificate of its own making, instead of one from elsewhere
        self.adapt("contrib/traefik/dynamic/ws.yml", "dynamic/ws.yml", ("/etc/traefik", place),
                   ("        certResolver: letsencrypt\n", ""))
        password = base64.b64encode(hashlib.sha1(b"secret").digest()).decode()
        (self.directory / "users").write_text("operator:{SHA}" + password + "\n")
        self.child = Child(program("traefik"), f"--configFile={static}")
        self.wait_for("blue")

    def switch(self, instance):
        """Taken up as soon as Traefik sees it."""
        self.replace("dynamic/ws-upstream.yml", instance)


class Haproxy(Proxy):
    program = "haproxy"
    away = 503

    def start(self):
        place = str(self.directory)
        config = self.adapt("contrib/haproxy/haproxy.cfg", "haproxy.cfg", ("/run/haproxy", place),
                            ("/var/lib/ws/haproxy", place), ("/dev/log", "stdout format raw"), ("maxconn 20000", "maxconn 1000"),
                            ("bind :80", f"bind 127.0.0.1:{self.port}"), self.by_ipv6(), ("\tchroot /var/lib/haproxy\n", ""),
                            ("\tuser haproxy\n\tgroup haproxy\n", ""), *self.more())
        self.adapt("contrib/haproxy/instance.map", "instance.map")
        self.child = Child(program("haproxy"), "-W", "-db", "-f", str(config))
        self.wait_for("blue")

    def by_ipv6(self):
        return "\tbind :::80 v6only\n", ""

    def more(self):
        return []

    def ws_switch(self, *args, **environment):
        environment = {"PATH": os.environ["PATH"], "HAPROXY_SOCKET": f"{self.directory}/admin.sock",
                       "HAPROXY_MAP": f"{self.directory}/instance.map", **environment}
        return subprocess.run([TOP / "contrib/haproxy/ws-switch", *args], env=environment, capture_output=True, text=True)

    def switch(self, instance):
        done = self.ws_switch("switch", instance, f"127.0.0.1:{self.ports[instance][0]}")
        assert (done.returncode, done.stderr) == (0, ""), done

    def reload(self):
        before = len(self.child.said("Loading success"))
        self.child.process.send_signal(signal.SIGUSR2)
        self.child.wait_line("Loading success", before + 1)


class HaproxyIpv6(Haproxy):
    """At ::1 too, with the port that it has at 127.0.0.1."""

    def by_ipv6(self):
        return "bind :::80 ", f"bind ::1:{self.port} "


class HaproxyTls(Haproxy):
    def more(self):
        self.tls_port = free_port()
        cert, key = self.certificate()
        both = self.directory / "both.pem"
        both.write_text(cert.read_text() + key.read_text())
        return [("#bind :443 ssl crt /etc/haproxy/certs/", f"bind 127.0.0.1:{self.tls_port} ssl crt {both}"),
                ("#http-", "http-")]


PROXIES = {"nginx": Nginx, "nginx-tls": NginxTls, "traefik": Traefik, "haproxy": Haproxy, "haproxy-tls": HaproxyTls,
           "haproxy-ipv6": HaproxyIpv6}
