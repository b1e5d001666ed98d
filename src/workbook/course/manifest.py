"""The manifest: the units of the course in order, their tasks, and what each is worth."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from workbook.text import _, language

MANIFEST = "course.toml"
UNIT_POINTS = 100
HINTS = 3

T = TypeVar("T")


class CourseError(Exception):
    """Something in the course that its reader can mend; the message says what and where."""


class CourseNotFound(CourseError):
    """There is no `course.toml` here, above, or where the package was installed from."""


class BadManifest(CourseError):
    """`course.toml` does not say what it has to."""

    def __init__(self, path: Path, key: str, why: str) -> None:
        super().__init__(f"{path}: {key}: {why}")
        self.path, self.key, self.why = path, key, why


class UnknownUnit(CourseError):
    """No unit has this name."""


class UnknownTask(CourseError):
    """No task has this id."""


class Localized(NamedTuple):
    """One text in each language of the course."""

    pt: str
    en: str

    def __str__(self) -> str:
        return self.en if language() == "en" else self.pt


@dataclass(frozen=True)
class Task:
    id: str
    titles: Localized
    points: int
    bonus: bool = False

    @property
    def title(self) -> str:
        """The title in the reader's language."""
        return str(self.titles)


@dataclass(frozen=True)
class Unit:
    """A day or a lesson: a folder with a guide, a template and its checks, and a solution."""

    id: str
    titles: Localized
    minutes: int
    scaffolding: int
    tasks: tuple[Task, ...]
    root: Path
    folder: Path

    @property
    def title(self) -> str:
        """The title in the reader's language."""
        return str(self.titles)

    @property
    def guide(self) -> Path:
        return self.folder / "GUIA_APRENDIZADO.md"

    @property
    def template(self) -> Path:
        return self.folder / "template.py"

    @property
    def checks(self) -> Path:
        return self.folder / f"test_{self.id}.py"

    @property
    def solution(self) -> Path:
        return self.root / "solutions" / f"{self.id}.py"

    @property
    def max_points(self) -> int:
        """What the unit is worth, without its bonus tasks."""
        return sum(task.points for task in self.tasks if not task.bonus)

    @property
    def names(self) -> tuple[str, ...]:
        """What a reader may call the unit: `day3_streaming`, `day3` or `3`."""
        day = re.match(r"(day(\d+))_", self.id)
        return (self.id, *day.groups()) if day else (self.id,)


@dataclass(frozen=True)
class Course:
    root: Path
    units: tuple[Unit, ...]

    def unit(self, name: str) -> Unit:
        """Return the unit called `name`: its id, `day3`, `3`, or the path of its folder.

        Raises `UnknownUnit`.
        """
        folder = Path(name).resolve()
        for unit in self.units:
            if name.rstrip("/\\") in unit.names or folder == unit.folder:
                return unit
        ids = [unit.id for unit in self.units]
        raise UnknownUnit(
            _("There is no unit {name}.{guess} The units are {names}.").format(
                name=name, guess=_guess(name, ids), names=", ".join(ids)
            )
        )

    def task(self, id: str) -> tuple[Unit, Task]:
        """Return the task with this id, such as `3.4`, and its unit. Raises `UnknownTask`."""
        if found := self._tasks.get(id):
            return found
        ranges = ", ".join(f"{unit.tasks[0].id}–{unit.tasks[-1].id}" for unit in self.units)
        raise UnknownTask(
            _("There is no task {id}.{guess} The tasks are {ranges}.").format(
                id=id, guess=_guess(id, self._tasks), ranges=ranges
            )
        )

    @cached_property
    def _tasks(self) -> dict[str, tuple[Unit, Task]]:
        return {task.id: (unit, task) for unit in self.units for task in unit.tasks}


def load(root: Path | None = None) -> Course:
    """Read the course at `root`, or else the one around the working directory or the package.

    Raises `CourseNotFound`, or `BadManifest` naming the file and the key.
    """
    root = (root or find_root()).resolve()
    path = root / MANIFEST
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseNotFound(_("There is no {path}.").format(path=path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadManifest(path, "toml", str(error)) from error
    manifest = _Table(path, "", values)
    units = tuple(_unit(table, root) for table in manifest.tables("unit"))
    manifest.end()
    _refuse_twins(path, [unit.id for unit in units])
    _refuse_twins(path, [task.id for unit in units for task in unit.tasks])
    return Course(root, units)


def find_root() -> Path:
    """Return the folder that holds `course.toml`: up from the working directory, else from this package."""
    for start in (Path.cwd(), Path(__file__).parent):
        for folder in (start, *start.parents):
            if (folder / MANIFEST).is_file():
                return folder
    raise CourseNotFound(
        _("There is no {manifest} in {folder} or above it: go to the folder of the course.").format(
            manifest=MANIFEST, folder=Path.cwd()
        )
    )


def _guess(name: str, names: Iterable[str]) -> str:
    close = get_close_matches(name, names, n=1)
    return " " + _("Did you mean {name}?").format(name=close[0]) if close else ""


class _Table:
    """A table of the manifest, read key by key; what is wrong is told with the key's whole name."""

    def __init__(self, path: Path, name: str, values: dict[str, Any]) -> None:
        self._path, self._name, self._values = path, name, dict(values)

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        value = self._values.pop(key, default)
        if value is None:
            raise self.bad(key, _("is missing"))
        # Not isinstance: `points = true` is no number.
        if type(value) is not kind:
            raise self.bad(key, _("must be {kind}, not {value}").format(kind=kind.__name__, value=value))
        return value

    def tables(self, key: str) -> list["_Table"]:
        tables = self.take(key, list)
        if not tables or not all(isinstance(values, dict) for values in tables):
            raise self.bad(key, _("must be one table or more"))
        return [
            _Table(self._path, self._key(f"{key}[{number}]"), values)
            for number, values in enumerate(tables, start=1)
        ]

    def titles(self) -> Localized:
        title = _Table(self._path, self._key("title"), self.take("title", dict))
        titles = Localized(pt=title.take("pt", str), en=title.take("en", str))
        title.end()
        return titles

    def points(self) -> int:
        points = self.take("points", int)
        if points <= 0:
            raise self.bad("points", _("must be more than 0"))
        return points

    def end(self) -> None:
        for key in self._values:
            raise self.bad(key, _("is not a key of the manifest"))

    def bad(self, key: str, why: str) -> BadManifest:
        return BadManifest(self._path, self._key(key), why)

    def _key(self, key: str) -> str:
        return f"{self._name}.{key}" if self._name else key


def _unit(table: _Table, root: Path) -> Unit:
    id = table.take("id", str)
    unit = Unit(
        id=id,
        titles=table.titles(),
        minutes=table.take("minutes", int),
        scaffolding=table.take("scaffolding", int),
        tasks=tuple(_task(task) for task in table.tables("task")),
        root=root,
        folder=root / table.take("folder", str, id),
    )
    if unit.max_points != UNIT_POINTS:
        why = _("the points of {unit} add up to {sum}, not {whole}, without the bonus")
        raise table.bad("task.points", why.format(unit=id, sum=unit.max_points, whole=UNIT_POINTS))
    table.end()
    return unit


def _task(table: _Table) -> Task:
    task = Task(
        id=table.take("id", str),
        titles=table.titles(),
        points=table.points(),
        bonus=table.take("bonus", bool, False),
    )
    table.end()
    return task


def _refuse_twins(path: Path, ids: list[str]) -> None:
    for id, times in Counter(ids).items():
        if times > 1:
            raise BadManifest(path, "id", _("{id} is there {times} times").format(id=id, times=times))
