"""A small course in a folder of its own, and the real `workbook` run in it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

WORKBOOK = shutil.which("workbook", path=Path(sys.executable).parent)
PATIENCE = 60

MANIFEST = """
[[unit]]
id = "day1_hello"
title = { pt = "Dia 1: oi", en = "Day 1: hello" }
minutes = 10
scaffolding = 1

[[unit.task]]
id = "1.1"
title = { pt = "Diga oi", en = "Say hello" }
points = 60

[[unit.task]]
id = "1.2"
title = { pt = "Diga tchau", en = "Say goodbye" }
points = 40

[[unit]]
id = "day2_more"
title = { pt = "Dia 2: mais", en = "Day 2: more" }
minutes = 10
scaffolding = 1

[[unit.task]]
id = "2.1"
title = { pt = "Diga mais", en = "Say more" }
points = 100
"""

DAY1 = '''"""Oi e tchau."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/hello")
async def hello() -> str:
    ### BEGIN SOLUTION 1.1
    return "oi"
    ### END SOLUTION


@app.get("/goodbye")
async def goodbye() -> str:
    ### BEGIN SOLUTION 1.2
    return "tchau"
    ### END SOLUTION
'''

DAY2 = DAY1.replace(" 1.1", " 2.1").replace(" 1.2", " 2.1")

CHECKS = """
from workbook.checks import expect, task


@task("1.1")
def test_hello(api):
    expect(api.get("/hello").should_be(200).json()).to_be("oi")


@task("1.2")
def test_goodbye(api, llm):
    expect(api.get("/goodbye").should_be(200).json()).to_be("tchau")
"""

GUIDE = """# {unit}

{tasks}
## Testes rápidos

```bash
curl -s http://localhost:8000/hello
```
"""

TASK = """### {id} {title}

Capivaras dizem oi.

<details><summary>Dicas</summary>

1. Olhe aqui.
2. Use `isto`.
3. Escreva quase `aquilo`.

</details>
"""

ENV = """# O LLM.
OPENAI_BASE_URL=http://127.0.0.1:{port}/v1
JWT_SECRET_KEY=
"""


class Running:
    """A command that runs: what it has printed, and how it ended."""

    def __init__(self, process: "subprocess.Popen[bytes]", output: int) -> None:
        self.process = process
        self.output = output
        self.ended = False
        self._text = ""
        self._read = 0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def _keep(self) -> None:
        try:
            while chunk := os.read(self.output, 65536):
                self._add(chunk.decode("utf-8", "replace"))
        except OSError:  # The terminal's other side was closed.
            pass
        self._add(None)

    def _add(self, text: str | None) -> None:
        with self._changed:
            self.ended = text is None
            self._text += text or ""
            self._changed.notify_all()

    def until(self, pattern: str) -> str:
        """Wait for a pattern in what was not waited for yet, and return all that came up to it."""

        def found() -> re.Match[str] | None:
            return re.search(pattern, self._text[self._read :])

        with self._changed:
            self._changed.wait_for(lambda: found() or self.ended, PATIENCE)
            match = found()
            assert match, f"no {pattern!r} in:\n{self._text[self._read :]}"
            came = self._text[self._read : self._read + match.end()]
            self._read += match.end()
            return came

    def rest(self) -> str:
        """Wait for its end and return all that was not waited for."""
        self.process.wait(PATIENCE)
        self._thread.join(PATIENCE)
        return self._text[self._read :]

    def close(self) -> None:
        """Close our side: of a terminal, as if its window was closed."""
        if self.process.stdout:
            self.process.stdout.close()
        elif self.output >= 0:
            os.close(self.output)
            self.output = -1

    def end(self) -> int:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course of two days whose templates are not done."""
    root = tmp_path / "course"
    files = {
        "course.toml": MANIFEST,
        ".env.example": ENV.format(port=free_port()),
        "solutions/day1_hello.py": DAY1,
        "solutions/day2_more.py": DAY2,
        "day1_hello/test_day1_hello.py": CHECKS,
        "day2_more/test_day2_more.py": CHECKS.replace("1.1", "2.1").replace("1.2", "2.1"),
        "day1_hello/GUIA_APRENDIZADO.md": GUIDE.format(
            unit="Dia 1: oi",
            tasks=TASK.format(id="1.1", title="Diga oi") + TASK.format(id="1.2", title="Diga tchau"),
        ),
        "day2_more/GUIA_APRENDIZADO.md": GUIDE.format(
            unit="Dia 2: mais", tasks=TASK.format(id="2.1", title="Diga mais")
        ),
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    from workbook.course import build, load

    build(load(root))
    return root


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What a command runs in. All its processes are known by the folder for temporary files."""
    (tmp_path / "tmp").mkdir()
    given = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    return given | {"WORKBOOK_LANG": "en", "TMPDIR": str(tmp_path / "tmp"), "COLUMNS": "80"}


@pytest.fixture
def workbook(root: Path, environment: dict[str, str]) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run a command in the course to its end."""

    def run(*arguments: str, input: str = "", **env: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(WORKBOOK), *arguments],
            cwd=root,
            env=environment | env,
            input=input,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
        )

    return run


@pytest.fixture
def start(root: Path, environment: dict[str, str]) -> Iterator[Callable[..., Running]]:
    """Start a command in the course, at a terminal or with pipes; ended with the test."""
    running: list[Running] = []

    def start(*arguments: str, terminal: bool = False, **env: str) -> Running:
        ends: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        if os.name == "posix":
            ends["preexec_fn"] = hear_signals
        if terminal:
            output, theirs = os.openpty()
            ends = {"stdin": theirs, "stdout": theirs, "preexec_fn": own_terminal, "start_new_session": True}
        process = subprocess.Popen(
            [str(WORKBOOK), *arguments], cwd=root, env=environment | env, stderr=subprocess.STDOUT, **ends
        )
        if terminal:
            os.close(theirs)
        else:
            assert process.stdout
            output = process.stdout.fileno()
        running.append(Running(process, output))
        return running[-1]

    yield start
    for one in running:
        one.process.kill()
        one.rest()
        one.close()


def hear_signals() -> None:
    """In a new process: hear what whoever runs the tests may ignore (nohup, a background job)."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)


def own_terminal() -> None:
    """In a new process: take standard input as the terminal that sends it Ctrl-C."""
    import fcntl
    import termios

    hear_signals()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def nothing_left(tmp_path: Path) -> Callable[[], None]:
    """Check that neither a process nor a temporary file is left of a command that ended."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("no /proc to see processes in")
    mark = f"TMPDIR={tmp_path / 'tmp'}".encode()

    def processes() -> list[str]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_text())
            except OSError:
                continue
        return found

    def check() -> None:
        ends = time.monotonic() + PATIENCE
        while (left := processes()) and time.monotonic() < ends:
            time.sleep(0.05)
        assert left == []
        assert list((tmp_path / "tmp").iterdir()) == []

    return check
