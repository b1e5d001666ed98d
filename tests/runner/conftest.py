from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from workbook.runner import Cold, Source, Warm
from workbook.runner.process import Spare

Write = Callable[[str], Path]


@pytest.fixture(scope="session")
def warm() -> Iterator[Source]:
    source = Warm()
    yield source
    source.close()


@pytest.fixture(scope="session")
def spare() -> Iterator[Source]:
    source = Spare()
    yield source
    source.close()


@pytest.fixture(params=["cold", "spare", "warm"])
def source(request: pytest.FixtureRequest) -> Source:
    return Cold() if request.param == "cold" else request.getfixturevalue(request.param)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a program and returns its file."""

    def write(code: str) -> Path:
        file = tmp_path / "unit" / "template.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(dedent(code), encoding="utf-8")
        return file

    return write
