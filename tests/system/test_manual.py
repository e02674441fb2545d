# SPDX-License-Identifier: MIT
"""What --help lists, the manual page has, and the other way round; and neither page has an error."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from process import BUILD

DOC = Path(__file__).parents[2] / "doc"
PAGES = {"wsd": "wsd.8", "wsctl": "wsctl.8", "wsload": "wsload.1"}
PROGRAMS = {"wsd": BUILD / "src" / "wsd", "wsctl": BUILD / "src" / "wsctl", "wsload": BUILD / "loadtest" / "wsload"}
LONG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
# of other programs, that a page speaks of
FOREIGN = {"wsd": {"--fdname"}, "wsctl": {"--path"}, "wsload": set()}


def help_of(name, *words):
    return subprocess.run([PROGRAMS[name], *words, "--help"], capture_output=True, text=True, check=True).stdout


def commands():
    """wsctl's, as its help has them; help itself is among the options of the page."""
    found = re.findall(r"^  ([a-z-]+) ", help_of("wsctl").split("Commands:")[1].split("Options:")[0], re.M)
    return [name for name in found if name != "help"]


def page(name):
    """The page without roff's escapes and fonts."""
    text = (DOC / PAGES[name]).read_text()
    return re.sub(r"\\f[A-Z]|\\&|\\\||\\/|\\,", "", text).replace("\\-", "-")


@pytest.mark.parametrize("name", PAGES)
def test_options(name):
    listed = set(LONG.findall(help_of(name)))
    if name == "wsctl":
        listed = {option for command in commands() for option in LONG.findall(help_of(name, command))} | listed
    assert set(LONG.findall(page(name))) - FOREIGN[name] == listed


def test_commands():
    part = page("wsctl").split(".SH COMMANDS")[1].split(".SH OPTIONS")[0]
    assert set(re.findall(r"^\.TP\n\.B ([a-z-]+)", part, re.M)) == set(commands())


@pytest.mark.skipif(not shutil.which("man") or not shutil.which("groff"), reason="there is no man")
@pytest.mark.parametrize("path", sorted([*DOC.glob("*.[1-8]"), *(BUILD / "doc").glob("*.[1-8]")]), ids=lambda p: p.name)
def test_pages_are_without_fault(path):
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
