# SPDX-License-Identifier: MIT
"""What the packages' programs were built with, as readelf sees it: hardening=+all of debian/rules has come through."""

import re
import subprocess

import pytest

PROGRAMS = {"wsd": ("usr/sbin/wsd", "usr/bin/wsctl"), "wsd-loadtest": ("usr/bin/wsload",)}


def readelf(option, path):
    return subprocess.run(["readelf", "-W", option, path], check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.fixture
def programs(release, tmp_path):
    """All ELF files of the packages, unpacked."""
    found = {}
    for package in PROGRAMS:
        root = tmp_path / package
        subprocess.run(["dpkg-deb", "-x", release.packages[package], root], check=True)
        for path in root.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.read_bytes()[:4] == b"\x7fELF":
                found[str(path.relative_to(root))] = path
    assert sorted(found) == sorted(sum(PROGRAMS.values(), ()))
    return found


def test_memory(programs):
    """Position-independent, relocations read-only after start, and no page both writable and executable."""
    for name, path in programs.items():
        assert re.search(r"Type:\s+DYN", readelf("-h", path)), name
        dynamic = readelf("-d", path)
        assert re.search(r"FLAGS_1\).*\bNOW\b.*\bPIE\b", dynamic), name
        assert not re.search(r"\((RPATH|RUNPATH|TEXTREL)\)", dynamic), name
        segments = {}
        for line in readelf("-l", path).splitlines():
            found = re.match(r"\s+(\w+)(?:\s+0x[0-9a-f]+){5}\s+([RWE ]{3})\s", line)
            if found:
                segments.setdefault(found[1], []).append(found[2].replace(" ", ""))
        assert "GNU_RELRO" in segments and segments["GNU_STACK"] == ["RW"], name
        assert len(segments["LOAD"]) >= 3 and not any("W" in flags and "E" in flags for flags in segments["LOAD"]), name


def test_calls(programs):
    """Stack protector, and the C library's checking variants."""
    for name, path in programs.items():
        symbols = readelf("--dyn-syms", path)
        assert "__stack_chk_fail" in symbols, name
        assert {"__snprintf_chk", "__fprintf_chk"} <= set(re.findall(r"\b__\w+_chk\b", symbols)), name
