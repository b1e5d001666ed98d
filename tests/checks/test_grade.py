"""A unit graded in several lanes has the verdict that it has in one."""

import threading

import pytest

from workbook.checks import grade
from workbook.checks.limit import CalledOff
from workbook.course import Localized, Task, Unit

CHECKS = """
from workbook.checks import expect, task

{checks}
"""
CHECK = """
@task("1.{n}")
def test_{n}(api):
    expect(api.get("/{n}").should_be(200).json()).to_be({n})
"""
APP = """
from fastapi import FastAPI
app = FastAPI()

@app.get("/{n}")
async def number(n: int):
    return n if n % 3 else 0
"""


@pytest.fixture
def unit(tmp_path):
    names = Localized("", "")
    tasks = tuple(Task(f"1.{n}", names, 10) for n in range(10))
    folder = tmp_path / "unit"
    folder.mkdir()
    unit = Unit("unit", names, 1, 1, tasks, tmp_path, folder)
    unit.checks.write_text(CHECKS.format(checks="".join(CHECK.format(n=n) for n in range(10))))
    unit.template.write_text(APP)
    return unit


@pytest.mark.parametrize("lanes", [1, 2, 5])
def test_the_verdict_does_not_depend_on_the_lanes(unit, warm, lanes):
    verdict = grade(unit, unit.template, warm, lanes=lanes)
    assert [task.id for task in verdict.tasks] == [f"1.{n}" for n in range(10)]
    assert [task.status for task in verdict.tasks if task.status != "passed"] == ["failed"] * 3
    assert verdict.points == 70


def test_an_app_that_does_not_start_is_told_once(unit, warm):
    unit.template.write_text("app = (")
    verdict = grade(unit, unit.template, warm, lanes=2)
    assert "SyntaxError" in verdict.message
    assert {check.message for task in verdict.tasks for check in task.checks} == {"O app não iniciou."}


def test_a_run_that_is_called_off_ends_in_every_lane(unit, warm):
    unit.template.write_text("while True: pass")
    off = threading.Event()
    threading.Timer(0.5, off.set).start()
    with pytest.raises(CalledOff):
        grade(unit, unit.template, warm, off=off, lanes=3)
