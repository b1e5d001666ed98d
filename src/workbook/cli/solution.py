"""`workbook solution`: what lies between a student's file and the reference."""

from collections.abc import Iterator
from difflib import unified_diff
from typing import Annotated

import typer

from workbook.cli.errors import NoTemplate
from workbook.course import Course, Memory, Unit, blocks, load
from workbook.course.template import REFERENCE
from workbook.text import _

STYLES = {"+": "green", "-": "red", "@": "cyan"}


def run(
    name: Annotated[str, typer.Argument(metavar="UNIT", help=_("A unit: day3_streaming, day3 or 3."))],
    yes: Annotated[bool, typer.Option("--yes", "-y", help=_("Do not ask first."))] = False,
) -> None:
    from rich.text import Text

    from workbook.report.terminal import make_console

    course = load()
    unit = course.unit(name)
    if not (yes or has_passed(course, unit) or wants_to_see(unit)):
        raise typer.Exit(1)
    screen = make_console()
    lines = list(difference(course, unit))
    for line in lines:
        heading = line.startswith(("---", "+++"))
        screen.print(Text(line, style="bold" if heading else STYLES.get(line[:1], "")), soft_wrap=True)
    if not lines:
        screen.print(_("Your file and the reference are the same."))


def has_passed(course: Course, unit: Unit) -> bool:
    return Memory(course.root).progress().get(unit.id, {}).get("status") == "passed"


def wants_to_see(unit: Unit) -> bool:
    """Ask. A terminal that has nobody at it says no."""
    typer.echo(
        _("{unit} has not passed yet, and a hint may be all you need: workbook hint TASK").format(
            unit=unit.id
        )
    )
    try:
        answer = input(_("See the reference all the same? [y/N]") + " ")
    except EOFError:
        return False
    return answer.strip().lower() in (_("y"), _("yes"))


def difference(course: Course, unit: Unit) -> Iterator[str]:
    """The lines of a unified diff, from the student's file to the reference."""
    if not unit.template.is_file():
        raise NoTemplate(unit)
    yours = unit.template.read_text(encoding="utf-8", errors="replace").splitlines()
    old, new = (path.relative_to(course.root).as_posix() for path in (unit.template, unit.solution))
    return unified_diff(yours, reference(unit), old, new, lineterm="")


def reference(unit: Unit) -> list[str]:
    """The solution as a student would have written it: without markers and stubs."""
    source = unit.solution.read_text(encoding="utf-8")
    lines = source.splitlines()
    for block in reversed(blocks(source, unit.solution)):
        del lines[block.end - 1]
        del lines[block.begin - 1 : block.begin + len(block.stub)]
    return REFERENCE.sub(r"\1from \2.template import ", "\n".join(lines)).splitlines()
