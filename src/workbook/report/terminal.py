"""The verdict for people at a terminal."""

from __future__ import annotations

import os

from rich.console import Console
from rich.text import Text

from workbook.course import Unit
from workbook.report.verdict import Status, TaskVerdict, Verdict
from workbook.text import _, ngettext

SIGNS: dict[Status, tuple[str, str]] = {
    "passed": ("✓", "green"),
    "failed": ("✗", "red"),
    "error": ("!", "magenta"),
    "skipped": ("·", "dim"),
}
NARROWEST = 60
WIDEST = 80


def make_console() -> Console:
    """The standard output; without a terminal, or with NO_COLOR set, it gets plain lines."""
    return Console(
        markup=False,
        emoji=False,
        highlight=False,
        force_terminal=False if os.environ.get("NO_COLOR") else None,
    )


def width_of(screen: Console) -> int:
    """How wide what we print is: lines that are too long are hard to read."""
    return max(NARROWEST, min(WIDEST, screen.width))


def print_verdict(verdict: Verdict, unit: Unit, console: Console | None = None) -> None:
    """One line a task with its points; under a task that did not pass, what a person should read."""
    console = console or make_console()
    width = width_of(console)
    console.print(Text(unit.title, style="bold"))
    if verdict.message:
        # Nothing could be checked: a list of tasks would only repeat it.
        indented(console, verdict.message, "red")
    else:
        for task in verdict.tasks:
            print_task(task, unit, console, width)
    console.print(total(verdict), soft_wrap=True)


def print_task(task: TaskVerdict, unit: Unit, console: Console, width: int) -> None:
    console.print(headline(task, width), soft_wrap=True)
    print_messages(task, console)
    if task.status in ("failed", "error"):
        print_where_to_read(task, unit, console)


def headline(task: TaskVerdict, width: int) -> Text:
    sign, style = SIGNS[task.status]
    left = f" {task.id:<5}{task.title}"
    right = f"{task.points:>3} / {task.max_points}" + (" *" if task.bonus else "")
    room = max(len(left) + 1, width - len(sign) - len(right))
    return Text(sign, style=style).append(f"{left:<{room}}", "default").append(right)


def print_messages(task: TaskVerdict, console: Console) -> None:
    """The first thing that is wrong, and how many others are; what several checks say counts once."""
    messages = dict.fromkeys(check.message for check in task.checks if check.status != "passed")
    first, *others = [message for message in messages if message] or [""]
    indented(console, first, "dim" if task.status == "skipped" else "")
    if others:
        line = ngettext(
            "… and one more thing to mend here.", "… and {count} more things to mend here.", len(others)
        )
        indented(console, line.format(count=len(others)), "dim")


def print_where_to_read(task: TaskVerdict, unit: Unit, console: Console) -> None:
    read = _("Read {guide}, {id}").format(guide=unit.guide.name, id=task.id)
    hint = _("hint: workbook hint {id}").format(id=task.id)
    indented(console, f"{read}   ·   {hint}", "cyan")


def indented(console: Console, text: str, style: str) -> None:
    """Text two columns in; long lines are left to the terminal, so that they can be copied whole."""
    for line in text.splitlines():
        console.print(Text("  " + line, style=style), soft_wrap=True)


def total(verdict: Verdict) -> Text:
    left = _("{unit}: {points} of {max_points} points").format(
        unit=verdict.unit, points=verdict.points, max_points=verdict.max_points
    )
    return Text(left, style="bold " + SIGNS[verdict.status][1])
