"""Processes that wait for an order: new, started ahead, or forked from one with everything imported."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path
from typing import IO, Protocol

from workbook.runner.environment import clean

# What goes to the process to fork from with three descriptors: a child is wanted now, or kept until it is.
AT_ONCE, AHEAD = b"n", b"a"
HOST = [sys.executable, "-P", "-m", "workbook.runner.host"]
# macOS has fork, but its system libraries do not survive it (Python's own default there is spawn, too).
CAN_FORK = hasattr(os, "fork") and hasattr(socket, "send_fds") and sys.platform != "darwin"


class Waiting:
    """A process that waits for its order on ``orders`` and answers on ``status``; ``log`` is what it prints.

    ``pid`` is None where another process started it, until it says so itself.
    """

    def __init__(
        self, orders: IO[bytes], status: int, log: int, process: subprocess.Popen[bytes] | None = None
    ) -> None:
        self.orders, self.status, self.log = orders, status, log
        self.process = process
        self.pid = process.pid if process else None

    def say(self, line: str) -> None:
        """Send a line; a process that is gone does not hear it."""
        with contextlib.suppress(OSError, ValueError):
            self.orders.write(line.encode() + b"\n")
            self.orders.flush()

    @property
    def alive(self) -> bool:
        """Whether it runs, as far as can be told from here."""
        return self.process is None or self.process.poll() is None

    def discard(self) -> None:
        """End it before it had an order."""
        self.kill()
        os.close(self.status)
        os.close(self.log)

    def kill(self) -> None:
        """End it and all that it started. Idempotent."""
        with contextlib.suppress(OSError):
            self.orders.close()
        if self.pid is not None:
            kill_tree(self.pid)
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def kill_tree(pid: int) -> None:
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(pid)], capture_output=True, check=False)
        return
    # It leads a session of its own: the group is the tree, less what made itself independent.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


class Source(Protocol):
    """Where waiting processes come from."""

    modules_are_loaded: bool

    def take(self) -> Waiting: ...

    def prepare(self, count: int) -> None: ...

    def close(self) -> None: ...


def start(*arguments: str) -> Waiting:
    """A new Python process that waits for its order."""
    process = subprocess.Popen(
        [*HOST, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean(),
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    status, log = os.dup(process.stdout.fileno()), os.dup(process.stderr.fileno())
    process.stdout.close()
    process.stderr.close()
    return Waiting(process.stdin, status, log, process)


class Cold:
    """A new process each time: slow, and free of anything that was there before."""

    modules_are_loaded = False

    def take(self) -> Waiting:
        return start()

    def prepare(self, count: int) -> None:
        """Nothing is made ahead."""

    def close(self) -> None:
        pass


class Spare:
    """Processes with everything imported, started ahead; taking one starts the next in the background."""

    modules_are_loaded = True

    def __init__(self) -> None:
        self._ahead = [start("--warm")]

    def take(self) -> Waiting:
        self._ahead.append(start("--warm"))
        return self._ahead.pop(0)

    def prepare(self, count: int) -> None:
        """One is always there; each costs a second and a hundred megabytes."""

    def is_alive(self) -> bool:
        return self._ahead[0].alive

    def close(self) -> None:
        for process in self._ahead:
            process.discard()


class Fork:
    """Forks of one process that has everything imported."""

    modules_are_loaded = True

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*HOST, "--fork", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env=clean(),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._ready = False
        self._ahead: list[Waiting] = []

    def take(self) -> Waiting:
        """A child made ahead, else one made now."""
        self._wait_until_ready()
        while self._ahead:
            process = self._ahead.pop(0)
            # It has nothing to say before its order: what can be read is the end.
            if not select.select([process.status], [], [], 0)[0]:
                return process
            process.discard()
        return self._fork(AT_ONCE)

    def prepare(self, count: int) -> None:
        """Have so many children waiting; returns before they are there."""
        while len(self._ahead) < count:
            self._ahead.append(self._fork(AHEAD))

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def _fork(self, when: bytes) -> Waiting:
        """Three new pipes and a child that holds their other ends."""
        (their_orders, orders), (status, their_status), (log, their_log) = os.pipe(), os.pipe(), os.pipe()
        theirs = [their_orders, their_status, their_log]
        try:
            socket.send_fds(self._control, [when], theirs)
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        return Waiting(os.fdopen(orders, "wb"), status, log)

    def _wait_until_ready(self) -> None:
        if not self._ready and not self._control.recv(1):
            raise OSError("the process to fork from did not start")
        self._ready = True

    def close(self) -> None:
        for process in self._ahead:
            process.discard()
        self._control.close()
        self._process.kill()
        self._process.wait()


class Warm:
    """A warm source that is made anew when what is installed has changed, or when it died. Thread-safe."""

    modules_are_loaded = True

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._installed = installed()
        self._source = self._make()

    def take(self) -> Waiting:
        with self._lock:
            return self._fresh().take()

    def prepare(self, count: int) -> None:
        """Make ``count`` processes ahead where that is cheap: for who has time now and none later."""
        with self._lock:
            self._fresh().prepare(count)

    def _fresh(self) -> Fork | Spare:
        if (now := installed()) != self._installed or not self._source.is_alive():
            self._source.close()
            self._installed, self._source = now, self._make()
        return self._source

    def close(self) -> None:
        self._source.close()

    @staticmethod
    def _make() -> Fork | Spare:
        return Fork() if CAN_FORK else Spare()


def installed() -> tuple[int, ...]:
    """A mark that changes when a package is installed or removed, or the engine itself changes."""
    own = Path(__file__).parent
    places = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), own, own / "host.py")
    return tuple(os.stat(place).st_mtime_ns for place in places)
