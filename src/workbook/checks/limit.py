"""How long a check may take, and how it is called off."""

from __future__ import annotations

import threading
import time


class OutOfTime(Exception):
    """A check took longer than it may."""


class CalledOff(Exception):
    """The run was called off: the file was saved again, or the user left."""


class Limit:
    """A span of ``seconds`` from now, that another thread can call off through ``off``."""

    def __init__(self, seconds: float, off: threading.Event | None = None) -> None:
        self.ends = time.monotonic() + seconds
        self._off = off or threading.Event()

    def check(self) -> None:
        """Raise `OutOfTime` or `CalledOff` if either is so."""
        if self._off.is_set():
            raise CalledOff
        if time.monotonic() > self.ends:
            raise OutOfTime
