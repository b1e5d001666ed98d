"""The units whose files were saved and that have no verdict yet."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from workbook.course import Unit

# Milliseconds: of silence that end a save, and of a save that never ends. Short, because work that was begun
# too early is left when the rest of the save comes.
STEP, DEBOUNCE = 2, 20


class Saves:
    """Iterating waits for the next unit saved, the latest first, and gives it with an event.

    The event is set when something is saved again: the work on that unit is to be left, and it comes again.
    """

    def __init__(self, units: Sequence[Unit]) -> None:
        self._units = {unit.folder: unit for unit in units if unit.folder.is_dir()}
        self._waiting: list[Unit] = []
        self._off = threading.Event()
        self._stop = threading.Event()
        self._error: Exception | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._watch, name="saves", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        self._thread.join()

    def __iter__(self) -> Iterator[tuple[Unit, threading.Event]]:
        while True:
            unit, off = self._take()
            yield unit, off
            if off.is_set():
                self._put_back(unit)

    def _take(self) -> tuple[Unit, threading.Event]:
        with self._changed:
            while not self._waiting:
                if self._error is not None:
                    raise self._error
                # Not for ever: on Windows Ctrl-C is seen only between two waits.
                self._changed.wait(1)
            self._off = threading.Event()
            return self._waiting.pop(), self._off

    def _put_back(self, unit: Unit) -> None:
        with self._changed:
            if unit not in self._waiting:
                self._waiting.insert(0, unit)

    def _watch(self) -> None:
        from watchfiles import watch

        try:
            for changes in watch(
                *self._units,
                watch_filter=None,
                debounce=DEBOUNCE,
                step=STEP,
                stop_event=self._stop,
                recursive=False,
            ):
                self._note([Path(path) for _change, path in changes])
        except Exception as error:
            with self._changed:
                self._error = error
                self._changed.notify()

    def _note(self, paths: Sequence[Path]) -> None:
        """Put the units of these files last, which is first in turn."""
        saved = {self._units[path.parent] for path in paths if self._is_code(path)}
        if not saved:
            return
        with self._changed:
            self._waiting = [unit for unit in self._waiting if unit not in saved]
            self._waiting += saved
            self._off.set()
            self._changed.notify()

    def _is_code(self, path: Path) -> bool:
        # Editors keep hidden files of their own beside the one they edit.
        return path.parent in self._units and path.suffix == ".py" and not path.name.startswith(".")
