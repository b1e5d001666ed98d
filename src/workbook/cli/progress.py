"""How far a student has come, and what is next."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from workbook.course import Course, Task, Unit
from workbook.report.terminal import width_of
from workbook.text import _

Progress = Mapping[str, Mapping[str, Any]]

BAR = 24


def print_progress(course: Course, progress: Progress, screen: Console) -> None:
    """A line a unit: its title, a bar, its best points."""
    width = width_of(screen)
    for unit in course.units:
        points = int(progress.get(unit.id, {}).get("points", 0))
        score = f"{points:>5} / {unit.max_points}"
        room = width - BAR - len(score)
        line = Text(f"{unit.title:<{room}.{room - 1}}")
        screen.print(line.append_text(bar(points, unit.max_points)).append(score), soft_wrap=True)


def bar(points: int, whole: int) -> Text:
    done = BAR * min(points, whole) // whole
    return Text("━" * done, style="green").append("─" * (BAR - done), style="dim")


def print_next(
    course: Course, progress: Progress, screen: Console, current: Unit | None = None
) -> Unit | None:
    """The next task to do and where to read about it, its unit returned; the current unit comes first."""
    found = next(left(course, progress, current), None)
    if found is None:
        screen.print(_("You have done the whole course. Congratulations!"), style="bold green")
        return None
    unit, task = found
    guide = unit.guide.relative_to(course.root).as_posix()
    screen.print(_("Next task: {id}  {title}").format(id=task.id, title=task.title), style="bold")
    screen.print("  " + _("Read {guide}, {id}").format(guide=guide, id=task.id))
    return unit


def left(course: Course, progress: Progress, current: Unit | None = None) -> Iterator[tuple[Unit, Task]]:
    """The tasks that have not passed, without the bonus."""
    units = sorted(course.units, key=lambda unit: unit != current) if current else course.units
    for unit in units:
        tasks = progress.get(unit.id, {}).get("tasks", ())
        passed = {task["id"] for task in tasks if task["status"] == "passed"}
        yield from ((unit, task) for task in unit.tasks if task.id not in passed and not task.bonus)
