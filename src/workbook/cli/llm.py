"""`workbook llm`, and the local LLM that other commands bring along: it answers from the guides."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Annotated, NamedTuple
from urllib.parse import urlsplit

import typer

from workbook.cli import dotenv
from workbook.cli.wait import until_interrupted
from workbook.course import Course, CourseError, Guide, load
from workbook.text import _

if TYPE_CHECKING:
    from workbook.llm import LocalLLM

BASE_URL = "http://127.0.0.1:8001/v1"
LOOPBACK = ("127.0.0.1", "localhost")
# Seconds a word: as fast as one reads.
PACE = 0.05


class Beside(NamedTuple):
    """The LLM that a command runs beside: its address, empty where there is none, and what to say of it."""

    base_url: str
    line: str


def run(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help=_("The port; else that of OPENAI_BASE_URL in .env."))
    ] = None,
) -> None:
    from workbook.llm import PortInUse

    course = load()
    if port is None:
        port = port_of(base_url(course))
    if port is None:
        raise CourseError(
            _("OPENAI_BASE_URL is not on this machine. Choose a port: workbook llm --port 8001")
        )
    try:
        llm = make(course, port).start()
    except PortInUse:
        line = _("Port {port} is in use. Another one: workbook llm --port {next}")
        raise CourseError(line.format(port=port, next=port + 1)) from None
    with closing(llm):
        typer.echo(_("The local LLM serves {url} until Ctrl-C. Ask it:").format(url=llm.base_url))
        typer.echo(f"\n{curl(llm.base_url)}\n")
        until_interrupted()


@contextmanager
def beside(course: Course) -> Iterator[Beside]:
    """Serve the local LLM where `.env` says, unless one is there, or the address is another machine's."""
    url = base_url(course)
    port = port_of(url)
    if port is None:
        yield Beside(url, _("LLM: {url}, as .env says").format(url=url))
        return
    try:
        llm = make(course, port).start()
    except OSError:
        yield not_ours_to_start(url, port)
        return
    with closing(llm):
        yield Beside(url, _("Local LLM: {url}").format(url=url))


def not_ours_to_start(url: str, port: int) -> Beside:
    """What is on a port that could not be had: the local LLM of another `workbook`, or something else."""
    if is_ours(port):
        return Beside(url, _("Local LLM: {url}, already running").format(url=url))
    line = _(
        "No local LLM: port {port} is taken. End the program that has it, or change OPENAI_BASE_URL in .env."
    )
    return Beside("", line.format(port=port))


def make(course: Course, port: int) -> "LocalLLM":
    """A local LLM that knows the guides and speaks at a readable pace."""
    from workbook.llm import LocalLLM, Passages

    return LocalLLM(port, answerer=Passages(knowledge(course)), pace=PACE)


def knowledge(course: Course) -> Iterator[tuple[str, str]]:
    """Each guide as (title, markdown), without the hints: those are given one at a time."""
    for unit in course.units:
        if unit.guide.is_file():
            passages = Guide.read(unit.guide).passages()
            yield unit.title, "\n\n".join(f"# {heading}\n\n{text}" for heading, text in passages)


def base_url(course: Course) -> str:
    """The address of the LLM in the course's settings."""
    return dotenv.read(course.root).get("OPENAI_BASE_URL") or BASE_URL


def port_of(url: str) -> int | None:
    """The port of an address on this machine, else None. Raises `CourseError` if it is no address."""
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        raise CourseError(_("OPENAI_BASE_URL in .env is not an address: {url}").format(url=url)) from None
    return port if parts.hostname in LOOPBACK else None


def is_ours(port: int) -> bool:
    """Whether a local LLM of the workbook's serves the port."""
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/v1/models")
        return b'"owned_by":"workbook"' in connection.getresponse().read(65536)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def curl(base_url: str) -> str:
    question = _("What is CORS?")
    body = (
        f'{{"model": "workbook", "stream": true, "messages": [{{"role": "user", "content": "{question}"}}]}}'
    )
    return f"curl -N {base_url}/chat/completions -H 'Content-Type: application/json' \\\n  -d '{body}'"
