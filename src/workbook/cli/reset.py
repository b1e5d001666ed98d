"""`workbook reset`: a unit's template anew, and the student's own kept."""

from typing import Annotated

import typer

from workbook.course import load, reset
from workbook.text import _


def run(
    name: Annotated[str, typer.Argument(metavar="UNIT", help=_("A unit: day3_streaming, day3 or 3."))],
) -> None:
    course = load()
    unit = course.unit(name)
    copy = reset(unit)
    typer.echo(_("{path} is as it was at the beginning.").format(path=unit.template.relative_to(course.root)))
    if copy is not None:
        typer.echo(_("Yours is kept in {path}").format(path=copy.relative_to(course.root)))
