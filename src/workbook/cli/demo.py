"""`workbook demo`: the reference under `uvicorn --reload`, and what to ask it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated

import typer

from workbook.cli import dotenv, leash
from workbook.cli.llm import beside
from workbook.cli.ports import free_port
from workbook.course import Course, Guide, Unit, load
from workbook.text import _

PORT = 8000
LOCAL = f"http://localhost:{PORT}"
FAREWELL = 5.0


def run(
    name: Annotated[str, typer.Argument(metavar="UNIT", help=_("A unit: day3_streaming, day3 or 3."))],
) -> None:
    course = load()
    unit = course.unit(name)
    dotenv.ensure(course.root)
    port = free_port(PORT)
    with beside(course) as llm:
        typer.echo(f"{unit.title}: http://localhost:{port}/docs\n{llm.line}\n")
        for block in questions(unit, port):
            typer.echo(block)
        typer.echo(_("Ctrl-C ends it.") + "\n")
        with suppress(KeyboardInterrupt), served(course, unit, port, llm.base_url) as server:
            raise typer.Exit(wait(server))


@contextmanager
def served(course: Course, unit: Unit, port: int, llm: str) -> Iterator[subprocess.Popen[bytes]]:
    """The reference under uvicorn, reloaded when it is edited; ended with all its processes."""
    # -P: or dotenv.py beside the script would hide python-dotenv.
    command = [sys.executable, "-P", leash.__file__, f"solutions.{unit.id}:app", "--port", str(port)]
    command += ["--app-dir", str(course.root), "--reload", "--reload-dir", "solutions"]
    # Without a limit a reload waits for ever for a client that is reading a stream.
    command += ["--timeout-graceful-shutdown", "1"]
    env = os.environ | ({"OPENAI_BASE_URL": llm} if llm else {})
    # A group of its own: what it starts can be ended with it.
    server = subprocess.Popen(
        command, cwd=course.root, env=env, stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        yield server
    finally:
        end(server)


def wait(server: subprocess.Popen[bytes]) -> int:
    """Wait until the server ends by itself, and return its exit code."""
    while True:
        # Not for ever: on Windows Ctrl-C is seen only between two waits.
        with suppress(subprocess.TimeoutExpired):
            return server.wait(1)


def end(server: subprocess.Popen[bytes]) -> None:
    """Ask it to leave, as Ctrl-C does, then end what is left."""
    from workbook.runner.process import kill_tree

    if sys.platform != "win32":
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(server.pid, signal.SIGINT)
            server.wait(FAREWELL)
    kill_tree(server.pid)
    server.communicate()


def questions(unit: Unit, port: int) -> Iterator[str]:
    """The curl lines of the guide, for this port."""
    for snippet in Guide.read(unit.guide).snippets:
        if snippet.language == "bash" and not snippet.options and "curl " in snippet.code:
            yield snippet.code.replace(LOCAL, f"http://localhost:{port}")
