# SPDX-License-Identifier: MIT
"""The last line of a `run`, "N passed, N failed": as a plugin of pytest this counts into the file that WSD_COUNTS names, and
as a program (counts.py STATUS-OF-PYTEST) it says the line and ends with 0 if none failed."""

import json
import os
import sys

KINDS = ("passed", "failed", "error", "skipped")


def pytest_terminal_summary(terminalreporter):
    if "WSD_COUNTS" in os.environ:
        with open(os.environ["WSD_COUNTS"], "w") as out:
            json.dump({kind: len(terminalreporter.stats.get(kind, [])) for kind in KINDS}, out)


def main(status):
    try:
        with open(os.environ["WSD_COUNTS"]) as counts:
            n = json.load(counts)
    except OSError:
        n = dict.fromkeys(KINDS, 0)
    failed = n["failed"] + n["error"]
    if not failed and status != "0":
        failed = 1
    print(f"{n['passed']} passed, {failed} failed" + (f", {n['skipped']} skipped" if n["skipped"] else ""))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
