from collections.abc import Callable
from pathlib import Path

import pytest

from workbook.course import Course, load

MANIFEST = """
[[unit]]
id = "day1_basics"
title = { pt = "Dia 1: o básico", en = "Day 1: the basics" }
minutes = 160
scaffolding = 1

[[unit.task]]
id = "1.1"
title = { pt = "Diga oi", en = "Say hello" }
points = 60

[[unit.task]]
id = "1.2"
title = { pt = "Diga tchau", en = "Say goodbye" }
points = 40

[[unit.task]]
id = "1.3"
title = { pt = "Bônus: cante", en = "Bonus: sing" }
points = 5
bonus = true

[[unit]]
id = "retries"
folder = "lessons/retries"
title = { pt = "Tentar de novo", en = "Try again" }
minutes = 30
scaffolding = 3

[[unit.task]]
id = "20.1"
title = { pt = "Tente", en = "Try" }
points = 100
"""

SOLUTION = '''"""Diga oi."""


def hello() -> str:
    ### BEGIN SOLUTION 1.1
    return "oi"
    ### END SOLUTION
'''


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBOOK_LANG", "en")


@pytest.fixture
def make_course(tmp_path: Path) -> Callable[..., Course]:
    """Write a small course, after replacing one text of its manifest by another, and load it."""

    def make(old: str = "", new: str = "") -> Course:
        assert old in MANIFEST
        (tmp_path / "course.toml").write_text(MANIFEST.replace(old, new, 1), encoding="utf-8")
        (tmp_path / "solutions").mkdir(exist_ok=True)
        (tmp_path / "solutions" / "day1_basics.py").write_text(SOLUTION, encoding="utf-8")
        (tmp_path / "solutions" / "retries.py").write_text("attempts = 3\n", encoding="utf-8")
        return load(tmp_path)

    return make


@pytest.fixture
def course(make_course: Callable[..., Course]) -> Course:
    return make_course()
