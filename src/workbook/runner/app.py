"""An app that runs under uvicorn in a process of its own, seen from outside."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from workbook.runner.environment import clean
from workbook.runner.log import Log
from workbook.runner.process import Cold, Source, Waiting, installed

START_LIMIT = 20.0
LARGEST_NEIGHBOUR = 1 << 20
TRACEBACK = r"^(?:\w+: +)?Traceback \(most recent call last\):\n(?:[ |+].*\n|\n)*^\S.*$"


@dataclass
class Failed(Exception):
    """The app did not come up. ``line`` is in ``file`` where that is known; ``log`` is what it printed."""

    during: str
    type: str = ""
    message: str = ""
    file: str | None = None
    line: int | None = None
    traceback: str = ""
    log: str = ""


@dataclass(frozen=True)
class Crash:
    """An exception as the log tells it; ``file`` and ``line`` are the innermost of the student's own."""

    type: str
    message: str
    file: str | None
    line: int | None
    traceback: str


class App:
    """One file with an ``app``, served on ``127.0.0.1:port`` until closed.

    The file runs as a copy in a folder of its own, with its neighbours: a save in mid-run changes nothing,
    ``load_dotenv()`` finds only the ``dotenv`` given here, and what it writes is gone afterwards. Paths in
    logs and tracebacks are the original's.
    """

    def __init__(
        self,
        file: Path,
        *,
        env: Mapping[str, str] | None = None,
        dotenv: str = "",
        path: Sequence[Path] = (),
        source: Source | None = None,
    ) -> None:
        self.file = file.resolve()
        self._events: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._folder = Path(tempfile.mkdtemp(prefix="workbook-")).resolve()
        try:
            copy = self._copy(dotenv)
            self._process = self._take(source or Cold())
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self._log = Log(self._process.log)
        self._gone = False
        threading.Thread(target=self._listen, args=(self._process.status,), daemon=True).start()
        order = {
            "file": str(copy),
            "name": self.file.stem,
            "cwd": str(copy.parent),
            "path": [str(copy.parent), *map(str, path), str(self.file.parent)],
            "env": clean(env),
        }
        self._process.say(json.dumps(order))

    def _copy(self, dotenv: str) -> Path:
        folder = self._folder / self.file.parent.name
        folder.mkdir()
        for neighbour in self.file.parent.iterdir():
            if (
                not neighbour.name.startswith(".")
                and neighbour.is_file()
                and neighbour.stat().st_size <= LARGEST_NEIGHBOUR
            ):
                shutil.copyfile(neighbour, folder / neighbour.name)
        (folder / ".env").write_text(dotenv, encoding="utf-8")
        return folder / self.file.name

    def _take(self, source: Source) -> Waiting:
        # A warm process has imported its modules already: a neighbour of that name would be ignored.
        if source.modules_are_loaded and self.shadows():
            return Cold().take()
        return source.take()

    def shadows(self) -> list[str]:
        """Neighbours whose name hides an installed or standard module (``jwt.py``)."""
        hidden = {p.stem for p in self.file.parent.glob("*.py") if p != self.file}
        return sorted(hidden & (set(sys.stdlib_module_names) | _installed_names(installed())))

    def _listen(self, status: int) -> None:
        with os.fdopen(status, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict):
                    with self._changed:
                        self._events.append(event)
                        self._changed.notify_all()
        with self._changed:
            self._gone = True
            self._changed.notify_all()

    def events(self, kind: str) -> list[dict[str, Any]]:
        """What the app's process has reported so far of one kind (see ``host``)."""
        with self._changed:
            return [event for event in self._events if event.get("event") == kind]

    def wait(self, happened: Callable[[], bool], timeout: float) -> bool:
        """Wait until ``happened()`` or the process is gone; whether it happened."""
        with self._changed:
            self._changed.wait_for(lambda: happened() or self._gone, timeout)
            return happened()

    @property
    def port(self) -> int:
        return int(self.events("listening")[0]["port"])

    @property
    def alive(self) -> bool:
        return not self._gone and not self.events("stopped")

    def wait_started(self, limit: float = START_LIMIT, meanwhile: Callable[[], None] | None = None) -> None:
        """Wait until the app accepts requests. Raises `Failed` with what is known of why it does not.

        ``meanwhile`` is called now and then; what it raises ends the wait.
        """
        ends = time.monotonic() + limit
        while not self.wait(lambda: bool(self.events("started") or self.events("failed")), 0.2):
            if self._gone or time.monotonic() > ends:
                break
            if meanwhile is not None:
                meanwhile()
        if listening := self.events("listening"):
            self._process.pid = int(listening[0]["pid"])
        if self.events("started"):
            return
        self._raise_failed()

    def _raise_failed(self) -> None:
        if self.wait(lambda: self._gone, 1 if self.events("failed") else 0):
            self._log.join(1)
        if failed := self.events("failed"):
            raise self._told(failed[0])
        if self._gone:
            raise Failed("exit", log=self.log)
        stuck = self.where() or {"file": None, "line": None, "text": ""}
        raise Failed("hang", message=stuck["text"], file=stuck["file"], line=stuck["line"], log=self.log)

    def where(self, timeout: float = 1.0) -> dict[str, Any] | None:
        """The line of the student's file where the main thread is now, if it is in it."""
        before = len(self.events("where"))
        self._process.say("where")
        if not self.wait(lambda: len(self.events("where")) > before, timeout):
            return None
        for frame in reversed(self.events("where")[-1]["stack"]):
            if str(frame["file"]).startswith(str(self._folder)):
                return {**frame, "file": self.original(frame["file"])}
        return None

    @property
    def log(self) -> str:
        """What the app printed, its beginning and end, with the original's paths."""
        return self.original(self._log.text())

    @property
    def printed(self) -> int:
        """How many bytes it printed in all."""
        return self._log.size

    def _told(self, event: dict[str, Any]) -> Failed:
        during = str(event["during"])
        told = Crash(*(event[name] for name in ("type", "message", "file", "line", "traceback")))
        if during == "startup":
            told = self.crash() or told
        return Failed(
            during,
            told.type,
            told.message,
            self.original(told.file) if told.file else None,
            told.line,
            self.original(told.traceback),
            self.log,
        )

    def crash(self, since: int = 0) -> Crash | None:
        """The last traceback logged after byte ``since``, less the frames before the student's own file."""
        blocks = re.findall(TRACEBACK, self.original(self._log.text(since)), re.MULTILINE)
        if not blocks:
            return None
        frames = re.split(r"(?=^  File )", blocks[-1], flags=re.MULTILINE)[1:]
        theirs = [i for i, frame in enumerate(frames) if f'File "{self.file.parent}' in frame]
        text = "".join(frames[theirs[0] :] if theirs else frames[-2:])
        kind, _, message = text.rstrip().rpartition("\n")[2].partition(": ")
        place = re.search(r'File "(.*)", line (\d+)', frames[theirs[-1]]) if theirs else None
        file, line = (place[1], int(place[2])) if place else (None, None)
        return Crash(kind, message, file, line, text)

    def original(self, text: str) -> str:
        return text.replace(str(self._folder / self.file.parent.name), str(self.file.parent))

    def stop(self, timeout: float = 10.0) -> bool:
        """Ask it to shut down and wait; the process stays, so that what it left open can be seen."""
        self._process.say("stop")
        return self.wait(lambda: bool(self.events("stopped")), timeout)

    @contextmanager
    def held(self, timeout: float = 5.0) -> Iterator[None]:
        """Let the event loop stand still meanwhile: what is sent to the app then reaches it all at once."""
        before = len(self.events("held"))
        self._process.say("hold")
        self.wait(lambda: len(self.events("held")) > before, timeout)
        try:
            yield
        finally:
            self._process.say("go")

    def close(self) -> None:
        """End the process and whatever it started, and remove its folder. Idempotent."""
        self._process.kill()
        self.wait(lambda: self._gone, 5)
        self._log.join(1)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@lru_cache(maxsize=1)
def _installed_names(_mark: tuple[int, ...]) -> set[str]:
    # 35 ms: asked again only when `installed` is no longer the same.
    from importlib.metadata import packages_distributions

    return set(packages_distributions())
