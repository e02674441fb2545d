# SPDX-License-Identifier: MIT
"""Clients that connect one after the other, without a pause, while something is done to the server."""

import threading
import time

from clients import Closed


class Crowd:
    """with Crowd(host) as crowd: ...; then .let_in has the seconds that each took, .refused what went wrong. A client that is
    accepted but not heard yet when the server stops without parking may be closed: .in_hand has those. All others have to
    wait, and be let in."""

    def __init__(self, host, size=4):
        self.host, self.let_in, self.in_hand, self.refused = host, [], [], []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._connect, args=(n,)) for n in range(size)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _connect(self, who):
        n = 0
        while not self.over.is_set():
            n += 1
            began = time.monotonic()
            try:
                with self.host.raw() as raw:
                    response = raw.handshake(f"/ws/chat/{who}-{n}")
            except Closed:
                self.in_hand.append("closed")
            except OSError as trouble:
                self.refused.append(f"{who}-{n}: {trouble!r}")
            else:
                if response.status != 101:
                    self.refused.append(f"{who}-{n}: {response.status}")
                else:
                    self.let_in.append(time.monotonic() - began)

    def check(self, restarts):
        assert not self.refused
        assert len(self.in_hand) <= restarts * len(self.threads), self.in_hand
        assert self.let_in
