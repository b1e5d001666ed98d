"""`workbook build`: what is made from other files, for whoever writes the course."""

from typing import Annotated

import typer

from workbook.course import Course, CourseError, Stale, build, load
from workbook.text import _


def run(
    check: Annotated[
        bool, typer.Option("--check", help=_("Write nothing; fail, naming what is stale."))
    ] = False,
) -> None:
    course = load()
    templates = build(course, check)
    for stale in templates:
        typer.echo(told(stale, course, check))
    faults = catalogue(course, check)
    for fault in faults:
        typer.echo(f"✗ {fault}")
    if faults or (check and templates):
        if check:
            typer.echo(_("This brings it up to date: workbook build"))
        raise typer.Exit(1)
    typer.echo(_("Templates and catalogue are up to date."))


def told(stale: Stale, course: Course, check: bool) -> str:
    path = stale.unit.template.relative_to(course.root).as_posix()
    if check:
        return _("✗ {path} is not what its solution makes").format(path=path)
    if stale.copy is None:
        return _("✓ {path}").format(path=path)
    return _("✓ {path}, and what was there is kept in {copy}").format(
        path=path, copy=stale.copy.relative_to(course.root).as_posix()
    )


def catalogue(course: Course, check: bool) -> list[str]:
    """What is wrong with the catalogue, after bringing it up to date unless this is a check."""
    from workbook import catalogue

    try:
        return catalogue.stale(course.root) if check else catalogue.update(course.root)
    except ModuleNotFoundError as error:
        raise CourseError(_("The catalogue needs {name}: uv sync").format(name=error.name)) from None
