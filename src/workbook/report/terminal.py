"""The verdict for people at a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from workbook.course import Unit
from workbook.report.verdict import Check, Status, TaskVerdict, Verdict
from workbook.text import _

SIGNS: dict[Status, tuple[str, str]] = {
    "passed": ("✓", "green"),
    "failed": ("✗", "red"),
    "error": ("!", "magenta"),
    "skipped": ("·", "dim"),
}
NARROWEST = 60
WIDEST = 100


def print_verdict(verdict: Verdict, unit: Unit, console: Console | None = None) -> None:
    """One line a task with its points; under a task that did not pass, what a person should read."""
    console = console or Console(highlight=False)
    width = max(NARROWEST, min(WIDEST, console.width))
    console.print(Text(unit.title, style="bold"))
    if verdict.message:
        indented(console, verdict.message, "red")
    for task in verdict.tasks:
        console.print(headline(task, width))
        if not verdict.message:
            for check in task.checks:
                print_check(check, console)
            if task.status in ("failed", "error"):
                print_where_to_read(task, unit, console)
    console.print(total(verdict, width))


def headline(task: TaskVerdict, width: int) -> Text:
    sign, style = SIGNS[task.status]
    left = f"{sign} {task.id:<5}{task.title}"
    right = f"{task.points:>3} / {task.max_points}" + (" *" if task.bonus else "")
    return Text(left + " " * max(1, width - len(left) - len(right)) + right, style=style)


def print_check(check: Check, console: Console) -> None:
    if check.message and check.status != "passed":
        indented(console, check.message, "dim" if check.status == "skipped" else "")


def print_where_to_read(task: TaskVerdict, unit: Unit, console: Console) -> None:
    read = _("Read {guide}, {id}").format(guide=unit.guide.name, id=task.id)
    hint = _("hint: workbook hint {id}").format(id=task.id)
    indented(console, f"{read}   ·   {hint}", "cyan")


def indented(console: Console, text: str, style: str) -> None:
    """Text two columns in; long lines are left to the terminal, so that they can be copied whole."""
    for line in text.splitlines():
        console.print(Text("  " + line, style=style), soft_wrap=True)


def total(verdict: Verdict, width: int) -> Text:
    left = _("{unit}: {points} of {max_points} points").format(
        unit=verdict.unit, points=verdict.points, max_points=verdict.max_points
    )
    return Text(left, style="bold " + SIGNS[verdict.status][1])
