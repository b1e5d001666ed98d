"""Everything that the guides and READMEs print is run, or parsed where it cannot be run."""

import ast
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values
from dotenv.parser import parse_stream

from workbook.course import Guide, Snippet, Unit, load
from workbook.llm import LocalLLM

ROOT = Path(__file__).resolve().parents[2]
COURSE = load(ROOT)
README = [ROOT / "README.md", ROOT / "README.pt-BR.md"]
ADDRESS = "localhost:8000"
PATIENCE = 60
PROGRAMS = {"cd", "curl", "git", "pip", "pytest", "python", "uv", "uvicorn", "workbook"}
# What may stand after a fence: the first line is run or parsed, the second is for people alone.
KINDS = {"python", "python compile", "bash", "bash server", "console", "json", "toml", "dotenv"}
KINDS |= {"diff", "http", "javascript", "text"}

each_page = pytest.mark.parametrize(
    "page", [*(unit.guide for unit in COURSE.units), *README], ids=lambda page: str(page.relative_to(ROOT))
)
each_readme = pytest.mark.parametrize("page", README, ids=lambda page: page.name)
each_unit = pytest.mark.parametrize("unit", COURSE.units, ids=lambda unit: unit.id)
needs_bash = pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash here")
needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
needs_posix = pytest.mark.skipif(os.name != "posix", reason="a process group is ended by a signal")

Environment = dict[str, str]


@pytest.fixture
def environment() -> Iterator[Environment]:
    """What a student has who followed the first page: the `.env`, the local LLM, the virtual environment."""
    given = {name: value for name, value in os.environ.items() if name != "OPENAI_API_BASE"}
    dotenv = {name: value for name, value in dotenv_values(ROOT / ".env.example").items() if value}
    with LocalLLM() as llm:
        yield (
            given
            | dotenv
            | {
                "JWT_SECRET_KEY": "only-for-the-snippets-of-the-guides",
                "OPENAI_API_KEY": "local",
                "OPENAI_BASE_URL": llm.base_url,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "PYTHONUTF8": "1",
            }
        )


def read(page: Path) -> Guide:
    assert page.is_file(), f"{page.relative_to(ROOT)} is missing"
    return Guide.read(page)


def snippets(page: Path, wanted: str) -> list[Snippet]:
    return [snippet for snippet in read(page).snippets if kind(snippet) == wanted]


def kind(snippet: Snippet) -> str:
    return " ".join((snippet.language, *snippet.options))


def joined(found: list[Snippet]) -> str:
    """One script of several snippets, each at its own line of the page, so that errors name that line."""
    lines: list[str] = []
    for snippet in found:
        lines += [""] * (snippet.line - len(lines)) + snippet.code.splitlines()
    return "\n".join(lines) + "\n"


def run(
    command: list[str], environment: Environment, folder: Path, text: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        input=text,
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def serving(command: list[str], port: int, environment: Environment, log: Path) -> Iterator[None]:
    """Run a server until the block is left, once it answers on its port; then end it and all it started."""
    with (
        log.open("wb") as file,
        subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=file, stderr=file, start_new_session=True
        ) as process,
    ):
        try:
            wait_for(port, process, log)
            yield
        finally:
            end(process)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(PATIENCE * 20):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"nothing answers on port {port}\n{log.read_text(encoding='utf-8')}")


def end(process: subprocess.Popen[bytes]) -> None:
    if os.name == "posix":
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


@each_page
def test_every_fence_says_what_its_block_is(page: Path) -> None:
    kinds = {snippet.line: kind(snippet) for snippet in read(page).snippets}
    assert {line: kind for line, kind in kinds.items() if kind not in KINDS} == {}


@each_page
def test_python_runs_in_order(page: Path, environment: Environment, tmp_path: Path) -> None:
    blocks = json.dumps([(snippet.line, snippet.code) for snippet in snippets(page, "python")])
    runner = Path(__file__).with_name("run_python.py")
    result = run([sys.executable, str(runner), str(page)], environment, tmp_path, blocks)
    assert result.returncode == 0, result.stdout


@each_page
def test_python_that_is_not_to_be_run_compiles(page: Path) -> None:
    for snippet in snippets(page, "python compile"):
        code = "\n" * snippet.line + snippet.code
        compile(code, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)


@needs_bash
@needs_curl
@each_unit
def test_commands_of_a_guide_work_against_the_solution(
    unit: Unit, environment: Environment, tmp_path: Path
) -> None:
    script = joined(snippets(unit.guide, "bash"))
    port, log = free_port(), tmp_path / "server.log"
    command = [sys.executable, "-m", "uvicorn", f"solutions.{unit.id}:app", "--port", str(port)]
    with serving(command, port, environment, log):
        trap = """trap 'echo "$0, line $LINENO: $BASH_COMMAND" >&2' ERR"""
        script = trap + script.replace(ADDRESS, f"127.0.0.1:{port}")
        result = run(["bash", "-euo", "pipefail", "-c", script, str(unit.guide)], environment, tmp_path, "")
    assert result.returncode == 0, result.stdout
    assert " 500 " not in log.read_text(encoding="utf-8"), log.read_text(encoding="utf-8")


@needs_bash
@needs_posix
@each_unit
def test_a_server_starts_as_its_guide_says(unit: Unit, environment: Environment, tmp_path: Path) -> None:
    servers = snippets(unit.guide, "bash server")
    assert unit.template.is_file(), f"{unit.template.relative_to(ROOT)} is missing"
    assert servers, f"{unit.guide.relative_to(ROOT)} starts no server"
    for snippet in servers:
        port = free_port()
        code = snippet.code.replace("8000", str(port))
        assert str(port) in code, f"line {snippet.line} names no port"
        with serving(["bash", "-euo", "pipefail", "-c", code], port, environment, tmp_path / "server.log"):
            pass


@needs_bash
@each_readme
def test_set_up_commands_are_written_in_bash(page: Path, environment: Environment, tmp_path: Path) -> None:
    result = run(["bash", "-n"], environment, tmp_path, joined(snippets(page, "bash")))
    assert result.returncode == 0, result.stdout


@each_page
def test_transcripts_call_programs_that_the_reader_has(page: Path) -> None:
    for snippet in snippets(page, "console"):
        commands = [line[2:] for line in snippet.code.splitlines() if line.startswith("$ ")]
        assert commands, f"line {snippet.line} is a transcript of nothing"
        assert {command.split()[0] for command in commands} <= PROGRAMS


@each_page
@pytest.mark.parametrize(("language", "parse"), [("json", json.loads), ("toml", tomllib.loads)])
def test_data_is_well_formed(page: Path, language: str, parse: Callable[[str], object]) -> None:
    for snippet in snippets(page, language):
        try:
            parse(snippet.code)
        except ValueError as error:
            pytest.fail(f"line {snippet.line}: {error}")


@each_page
def test_settings_are_a_well_formed_dotenv(page: Path) -> None:
    for snippet in snippets(page, "dotenv"):
        errors = [binding.original.line for binding in parse_stream(StringIO(snippet.code)) if binding.error]
        assert errors == [], f"line {snippet.line} begins no .env"
