"""`workbook doctor`: what a working installation has, and how to get what is missing."""

import importlib.util
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import NamedTuple

import typer

from workbook.cli import dotenv
from workbook.cli.demo import PORT
from workbook.cli.llm import base_url, is_ours, port_of
from workbook.cli.ports import is_free
from workbook.course import Course, load
from workbook.text import _

OLDEST = (3, 11)
SECRET_BYTES = 32
APP = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
"""


class Finding(NamedTuple):
    """What was looked at, how it is, and the cure where it is not well."""

    name: str
    state: str
    cure: str = ""


def run() -> None:
    from rich.text import Text

    from workbook.report.terminal import make_console

    screen = make_console()
    ill = False
    for finding in examine(load()):
        ill = ill or bool(finding.cure)
        sign, style = ("✗", "red") if finding.cure else ("✓", "green")
        line = (
            Text(f"{sign} ", style=style)
            .append(f"{finding.name:<12}", "bold")
            .append(finding.state, "default")
        )
        screen.print(line, soft_wrap=True)
        if finding.cure:
            screen.print(Text(" " * 14 + "→ " + finding.cure), soft_wrap=True)
    raise typer.Exit(1 if ill else 0)


def examine(course: Course) -> Iterator[Finding]:
    """Look at one thing after the other, the quick ones first."""
    yield python()
    yield packages()
    yield installation(course)
    yield settings(course)
    yield demo_port()
    yield llm_port(course)
    yield git()
    yield warmth()


def python() -> Finding:
    state = f"{platform.python_version()}, {sys.executable}"
    new_enough = sys.version_info >= OLDEST
    return Finding(
        "Python", state, "" if new_enough else _("Python 3.11 or newer is needed: uv python install 3.13")
    )


def packages() -> Finding:
    """The packages that the workbook asks for, each with the version that is there."""
    from packaging.requirements import Requirement

    there, wrong = [], []
    for requirement in map(Requirement, requires("workbook") or ()):
        found = _version(requirement.name)
        there.append(f"{requirement.name} {found or '–'}")
        if found is None or found not in requirement.specifier:
            wrong.append(str(requirement))
    state = ", ".join(there)
    return Finding(
        _("Packages"),
        state,
        _("Missing or too old: {names}. uv sync").format(names=", ".join(wrong)) if wrong else "",
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def installation(course: Course) -> Finding:
    """Whether the folders of the days can be imported from anywhere, as `uvicorn template:app` needs."""
    lost = [unit.id for unit in course.units if not _is_importable(unit.id, course.root)]
    cure = (
        _("{names} cannot be imported: uv sync, or: pip install -e .").format(names=", ".join(lost))
        if lost
        else ""
    )
    return Finding(_("Course"), str(course.root), cure)


def _is_importable(name: str, root: Path) -> bool:
    spec = importlib.util.find_spec(name)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return any(Path(place).resolve() == root / name for place in places)


def settings(course: Course) -> Finding:
    if not (course.root / ".env").exists():
        return Finding(".env", _("is not there"), _("This makes it: workbook"))
    if len(dotenv.read(course.root).get("JWT_SECRET_KEY", "").encode()) < SECRET_BYTES:
        cure = _("Delete .env and let it be made anew: workbook")
        return Finding(".env", _("JWT_SECRET_KEY has fewer than 32 bytes"), cure)
    return Finding(".env", _("has a secret"))


def demo_port() -> Finding:
    name = _("Port {port}").format(port=PORT)
    if is_free(PORT):
        return Finding(name, _("is free"))
    return Finding(
        name, _("is taken"), _("Use another one: uvicorn template:app --port {next}").format(next=PORT + 10)
    )


def llm_port(course: Course) -> Finding:
    port = port_of(base_url(course))
    if port is None:
        return Finding("LLM", _("{url}, not on this machine").format(url=base_url(course)))
    name = _("Port {port}").format(port=port)
    if is_free(port):
        return Finding(name, _("is free"))
    if is_ours(port):
        return Finding(name, _("the local LLM is there"))
    return Finding(name, _("is taken"), _("End that program, or change OPENAI_BASE_URL in .env."))


def git() -> Finding:
    found = shutil.which("git")
    return Finding("git", found or _("is not there"), "" if found else _("Get it at https://git-scm.com"))


def warmth() -> Finding:
    """How soon an app is up once everything has been imported, and how long that takes."""
    from workbook.runner import App, Warm
    from workbook.runner.process import CAN_FORK

    name, times = _("Warm start"), []
    with tempfile.TemporaryDirectory() as folder, closing(Warm()) as source:
        file = Path(folder) / "template.py"
        file.write_text(APP, encoding="utf-8")
        for _run in range(2):
            began = time.monotonic()
            try:
                with App(file, source=source) as app:
                    app.wait_started()
            except Exception as error:
                return Finding(name, repr(error), _("Install it anew: uv sync --reinstall"))
            times.append(1000 * (time.monotonic() - began))
    way = _("by fork") if CAN_FORK else _("from a spare process")
    return Finding(
        name, _("{ms:.0f} ms {way}, the first {first:.0f} ms").format(ms=times[1], way=way, first=times[0])
    )
