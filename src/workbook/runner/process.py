"""Processes that wait for an order: new, started ahead, or forked from one with everything imported."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path
from typing import IO, Protocol

from workbook.runner.environment import clean

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

    def close(self) -> None:
        pass


class Spare:
    """One process with everything imported, started ahead; taking it starts the next in the background."""

    modules_are_loaded = True

    def __init__(self) -> None:
        self._next = start("--warm")

    def take(self) -> Waiting:
        taken, self._next = self._next, start("--warm")
        return taken

    def close(self) -> None:
        self._next.kill()
        os.close(self._next.status)
        os.close(self._next.log)


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

    def take(self) -> Waiting:
        """Three new pipes and a child that holds their other ends (a few milliseconds)."""
        self._wait_until_ready()
        (their_orders, orders), (status, their_status), (log, their_log) = os.pipe(), os.pipe(), os.pipe()
        theirs = [their_orders, their_status, their_log]
        try:
            socket.send_fds(self._control, [b"\n"], theirs)
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        return Waiting(os.fdopen(orders, "wb"), status, log)

    def _wait_until_ready(self) -> None:
        if not self._ready and not self._control.recv(1):
            raise OSError("the process to fork from did not start")
        self._ready = True

    def close(self) -> None:
        self._control.close()
        self._process.kill()
        self._process.wait()


class Warm:
    """A warm source that is made anew when what is installed has changed. Thread-safe."""

    modules_are_loaded = True

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._installed = installed()
        self._source: Source = self._make()

    def take(self) -> Waiting:
        with self._lock:
            if (now := installed()) != self._installed:
                self._source.close()
                self._installed, self._source = now, self._make()
            return self._source.take()

    def close(self) -> None:
        self._source.close()

    @staticmethod
    def _make() -> Source:
        return Fork() if CAN_FORK else Spare()


def installed() -> tuple[int, ...]:
    """A mark that changes when a package is installed or removed, or the engine itself changes."""
    own = Path(__file__).parent
    places = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), own, own / "host.py")
    return tuple(os.stat(place).st_mtime_ns for place in places)
