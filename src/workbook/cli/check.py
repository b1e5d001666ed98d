"""`workbook check`: grade units and say so to people, programs and the shell."""

import json
import sys
from collections.abc import Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbook.cli.errors import NoTemplate
from workbook.course import Course, CourseError, Memory, Unit, load
from workbook.report import Check, Verdict
from workbook.text import _

if TYPE_CHECKING:
    from threading import Event

    from rich.console import Console

    from workbook.checks.task import CheckFunction
    from workbook.runner import Source

TEMPLATE = "template"
STDOUT = "-"
# A check waits for the app most of the time: two at a time take little more than half as long.
LANES = 2
# How many apps a unit starts first, more or less: made while the student types, they are there at the save.
AHEAD = 4


def run(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="UNIT", help=_("Units such as day3_streaming, day3 or 3; all if none is named.")
        ),
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            metavar="TARGET",
            help=_("What to grade: template, solution, or the path of a file with an `app`."),
        ),
    ] = TEMPLATE,
    json_file: Annotated[
        str | None,
        typer.Option(
            "--json", metavar="FILE", help=_("Write the verdict there as JSON too; - prints it alone.")
        ),
    ] = None,
) -> None:
    course = load()
    units = [course.unit(name) for name in names or ()] or course.units
    files = targets(units, target)
    verdicts = grade_all(course, files, quiet=json_file == STDOUT)
    if json_file:
        write_json([verdict.to_json() for verdict in verdicts], json_file)
    if target == TEMPLATE:
        remember(course, verdicts)
    raise typer.Exit(0 if all(verdict.passed for verdict in verdicts) else 1)


def targets(units: Sequence[Unit], target: str) -> dict[Unit, Path]:
    """The file to grade of each unit. Raises `CourseError` where there is none, or one for many units."""
    files = {unit: named(unit).get(target, Path(target)) for unit in units}
    if len(files) > 1 and target not in named(units[0]):
        raise CourseError(
            _("One file is graded as one unit: workbook check UNIT --target {file}").format(file=target)
        )
    for unit, file in files.items():
        if not file.is_file():
            if file == unit.template:
                raise NoTemplate(unit)
            raise CourseError(_("--target: {path} is not a file.").format(path=file))
    return files


def named(unit: Unit) -> dict[str, Path]:
    return {TEMPLATE: unit.template, "solution": unit.solution}


def grade_all(course: Course, files: dict[Unit, Path], quiet: bool) -> list[Verdict]:
    """Grade each unit, printing its verdict as soon as there is one."""
    from workbook.report.terminal import make_console, print_verdict
    from workbook.runner import Warm

    screen = make_console()
    verdicts = []
    with closing(Warm()) as source:
        for unit, file in files.items():
            verdicts.append(grade_one(course, unit, file, source, None if quiet else screen))
            if not quiet:
                print_verdict(verdicts[-1], unit, screen)
                screen.print()
    return verdicts


def grade_one(
    course: Course,
    unit: Unit,
    file: Path,
    source: "Source",
    screen: "Console | None",
    off: "Event | None" = None,
) -> Verdict:
    """Grade one unit, naming on the screen the task whose checks are running. Raises `CalledOff`."""
    from workbook.checks import grade

    with screen.status(unit.title) if screen else nullcontext() as status:

        def progress(function: "CheckFunction", check: Check) -> None:
            if status is not None:
                status.update(f"{unit.title}  {function.task}")

        return grade(unit, file, source, path=[course.root], off=off, progress=progress, lanes=LANES)


def write_json(verdicts: list[dict[str, Any]], file: str) -> None:
    """One unit is written as its verdict, several as a list of them."""
    text = json.dumps(verdicts[0] if len(verdicts) == 1 else verdicts, ensure_ascii=False, indent=2) + "\n"
    if file == STDOUT:
        sys.stdout.write(text)
    else:
        Path(file).write_text(text, encoding="utf-8", newline="\n")


def remember(course: Course, verdicts: list[Verdict]) -> None:
    memory = Memory(course.root)
    for verdict in verdicts:
        memory.remember(verdict.to_json())
