# SPDX-License-Identifier: MIT
"""Packages of wsd that nobody would publish: with a program that is broken in some way, and one from before programs were kept."""

import pathlib
import re
import shutil
import subprocess

UNIT = "usr/lib/systemd/system/ws@.service"

# What is wrong with them. They have to be programs of their own: the sandbox lets no shell run.
EXITS = "int main(void) { return 1; }"
FAILS_WITH_CONNECTIONS = """#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
	if (strstr(getenv("LISTEN_FDNAMES"), "lot"))
		return 1;
	return execv("/usr/lib/real/wsd", argv);
}"""
HANGS = "#include <unistd.h>\nint main(void) { for (;;) pause(); }"

# As the maintainer scripts were then, without what debhelper adds.
FORMER_SCRIPTS = {
    "postinst": """#!/bin/sh
set -e
if [ "$1" = configure ]; then
	systemd-sysusers wsd.conf
	systemd-tmpfiles --create wsd.conf || true
	systemctl --system daemon-reload
	[ -z "$2" ] || deb-systemd-invoke try-restart 'ws@*.service' || true
fi
""",
    "prerm": """#!/bin/sh
set -e
if [ "$1" = remove ]; then
	deb-systemd-invoke stop 'ws@*.socket' 'ws-admin@*.socket' 'ws-handoff@*.socket' 'ws@*.service'
fi
""",
}


def compiled(source, at):
    subprocess.run(["cc", "-static", "-O", "-x", "c", "-o", at, "-"], input=source.encode(), check=True)


class Variant:
    """with Variant(package, place, "~broken") as v: change what is in v.root. Then v.package is the file."""

    def __init__(self, package, place, suffix):
        self.root, self.place = pathlib.Path(place) / f"unpacked{suffix}", pathlib.Path(place) / f"packages{suffix}"
        self.root.parent.mkdir(exist_ok=True)
        subprocess.run(["dpkg-deb", "-R", package, self.root], check=True)
        control = self.root / "DEBIAN/control"
        control.write_text(re.sub(r"(?m)^Version: .*", rf"\g<0>{suffix}", control.read_text()))
        (self.root / "DEBIAN/md5sums").unlink(missing_ok=True)
        self.program = self.root / "usr/sbin/wsd"
        self.package = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.place.mkdir()
        subprocess.run(["dpkg-deb", "-Znone", "--root-owner-group", "-b", self.root, self.place], check=True,
                       stdout=subprocess.DEVNULL)
        self.package, = self.place.glob("*.deb")
        shutil.rmtree(self.root)


def later(package, place, suffix="+later"):
    """A newer one that is all right."""
    with Variant(package, place, suffix) as variant:
        pass
    return variant.package


def broken(package, place, source):
    """A newer one whose program does what the source says."""
    with Variant(package, place, "+broken") as variant:
        variant.program.unlink()
        compiled(source, variant.program)
        variant.program.chmod(0o755)
    return variant.package


def mute(package, place):
    """A newer one whose program answers, but nothing that a client would understand."""
    with Variant(package, place, "+mute") as variant:
        text = variant.program.read_bytes()
        assert b"message_response" in text
        variant.program.write_bytes(text.replace(b"message_response", b"message_nonsense"))
    return variant.package


def former(package, place):
    """An older one, whose unit names /usr/sbin/wsd."""
    with Variant(package, place, "~former") as variant:
        unit = variant.root / UNIT
        lines = [line for line in unit.read_text().splitlines() if "/usr/libexec/wsd/" not in line]
        unit.write_text("\n".join("ExecStart=/usr/sbin/wsd" if line.startswith("ExecStart=") else line
                                  for line in lines) + "\n")
        (variant.root / "DEBIAN/preinst").unlink()
        shutil.rmtree(variant.root / "usr/libexec/wsd")
        for name, text in FORMER_SCRIPTS.items():
            (variant.root / "DEBIAN" / name).write_text(text)
    return variant.package
