from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from workbook.checks import Session
from workbook.checks.task import CheckFunction
from workbook.report import Check
from workbook.runner import Source, Warm

Examine = Callable[[str, Callable[..., None]], Check]


@pytest.fixture(scope="session")
def warm() -> Iterator[Source]:
    source = Warm()
    yield source
    source.close()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write(code: str) -> Path:
        file = tmp_path / "unit" / "template.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(dedent(code), encoding="utf-8")
        return file

    return write


@pytest.fixture
def examine(write: Callable[[str], Path], warm: Source, monkeypatch: pytest.MonkeyPatch) -> Examine:
    """Runs one check on one program and returns what came of it, in English."""
    monkeypatch.setenv("WORKBOOK_LANG", "en")

    def examine(program: str, check: Callable[..., None]) -> Check:
        with Session(write(program), warm) as session:
            return session.run(CheckFunction("1.1", 30, check))

    return examine
