"""What the workbook remembers of a student, in `.workbook`: hints taken, progress, copies kept."""

import json
import os
import secrets
from datetime import datetime
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

from workbook.course.manifest import HINTS


class Memory:
    """The memory of one clone of the course. A file that cannot be read is set aside, and a new one begun."""

    def __init__(self, root: Path) -> None:
        self.folder = root / ".workbook"

    def hints_taken(self, task: str) -> int:
        """Return how many hints of a task were shown, 0 to 3."""
        taken: int = self._read("hints.json", int).get(task, 0)
        return taken

    def take_hint(self, task: str) -> int:
        """Count one more hint, up to 3, and return how many were taken."""
        taken = min(self.hints_taken(task) + 1, HINTS)
        self._write("hints.json", self._read("hints.json", int) | {task: taken})
        return taken

    def remember(self, verdict: dict[str, Any]) -> None:
        """Keep a verdict (its JSON form) unless a better one of its unit is already kept."""
        progress = self.progress()
        best = progress.get(verdict["unit"])
        if best is None or verdict["points"] >= best.get("points", 0):
            self._write("progress.json", progress | {verdict["unit"]: verdict})

    def progress(self) -> dict[str, dict[str, Any]]:
        """Return the best verdict of each unit that has one, by the unit's id."""
        return self._read("progress.json", dict)

    def wrote(self, template: str, text: bytes) -> bool:
        """Return whether the workbook itself once wrote this text as a unit's template."""
        return _digest(text) in self._read("templates.json", list).get(template, [])

    def remember_writing(self, template: str, text: bytes) -> None:
        """Note a text as one that the workbook itself wrote as a unit's template."""
        if not self.wrote(template, text):
            written = self._read("templates.json", list)
            written[template] = [*written.get(template, []), _digest(text)]
            self._write("templates.json", written)

    def keep(self, unit: str, text: bytes) -> Path:
        """Keep a copy of a student's file and return where it lies."""
        folder = self.folder / "copies" / unit
        folder.mkdir(parents=True, exist_ok=True)
        now = f"{datetime.now():%Y-%m-%d_%H-%M-%S}"
        copies = (folder / f"{now}-{number}.py" for number in count(1))
        copy = next(copy for copy in copies if not copy.exists())
        with copy.open("xb") as file:
            file.write(text)
        return copy

    def _read(self, name: str, kind: type) -> dict[str, Any]:
        path = self.folder / name
        try:
            values = json.loads(path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError:
            values = None
        if isinstance(values, dict) and all(isinstance(value, kind) for value in values.values()):
            return values
        os.replace(path, path.with_name(f"{name}.broken"))
        return {}

    def _write(self, name: str, values: dict[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        write(self.folder / name, text.encode())


def write(path: Path, text: bytes) -> None:
    """Write a file whole or not at all, whatever interrupts it."""
    # Not tempfile: its files can be read by their owner only, and the mode would stay with `path`.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_bytes(text)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _digest(text: bytes) -> str:
    return sha256(text).hexdigest()
