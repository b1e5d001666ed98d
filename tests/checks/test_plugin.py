"""``pytest UNIT``: nothing but pytest, the same verdict, and words for people."""

import json
import shutil
from pathlib import Path

import pytest

pytest_plugins = "pytester"

COURSE = """
[[unit]]
id = "day9_small"
title = { pt = "Dia 9", en = "Day 9" }
minutes = 10
scaffolding = 1

[[unit.task]]
id = "9.1"
title = { pt = "Diga olá", en = "Say hello" }
points = 60

[[unit.task]]
id = "9.2"
title = { pt = "Diga tchau", en = "Say goodbye" }
points = 40
"""
CHECKS = """
from workbook.checks import expect, task

@task("9.1")
def test_hello(api):
    expect(api.get("/hello").should_be(200).json()).to_be("olá")

@task("9.2")
def test_goodbye(api):
    expect(api.get("/goodbye").should_be(200).json()).to_be("tchau")
"""
SOLUTION = """
from fastapi import FastAPI
app = FastAPI()

@app.get("/hello")
async def hello():
    return "olá"

@app.get("/goodbye")
async def goodbye():
    return "tchau"
"""


@pytest.fixture
def course(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBOOK_LANG", "en")
    # Wide enough that no line of the verdict is cut, plain enough to be compared.
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    root = pytester.path
    (root / "course.toml").write_text(COURSE, encoding="utf-8")
    for folder, name, text in (
        ("day9_small", "test_day9_small.py", CHECKS),
        ("day9_small", "template.py", SOLUTION.replace('"tchau"', '"oi"')),
        ("solutions", "day9_small.py", SOLUTION),
    ):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / name).write_text(text, encoding="utf-8")
    return root


def grade(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("day9_small", *arguments)


def test_the_template_is_graded_by_default(pytester, course):
    result = grade(pytester)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "Day 9",
            "✓ 9.1  Say hello*60 / 60",
            "✗ 9.2  Say goodbye*0 / 40",
            "  GET /goodbye → 200 application/json",
            '  expected  "tchau"',
            '  got       "oi"',
            "  Read GUIA_APRENDIZADO.md, 9.2   ·   hint: workbook hint 9.2",
            "day9_small: 60 of 100 points",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*= FAILURES =*")
    assert result.ret == 1


def test_the_solution_and_any_file_can_be_graded_too(pytester, course):
    grade(pytester, "--target", "solution").assert_outcomes(passed=2)
    shutil.copy(course / "solutions/day9_small.py", course / "mine.py")
    grade(pytester, "--target", "mine.py").assert_outcomes(passed=2)


def test_a_template_that_does_not_import_is_told_once(pytester, course):
    (course / "day9_small/template.py").write_text("from fastapi import FastAPI\napp = FastAPI(\n")
    result = grade(pytester)
    result.assert_outcomes(failed=2)
    text = result.stdout.str()
    assert text.count("does not import: SyntaxError at template.py:2") == 1
    assert text.count("app = FastAPI(") == 1


def test_a_target_that_is_no_file_is_a_usage_error(pytester, course):
    result = grade(pytester, "--target", "nowhere.py")
    result.stderr.fnmatch_lines(["*--target: nowhere.py is not a file*"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_single_task_can_be_chosen(pytester, course):
    grade(pytester, "-k", "hello").assert_outcomes(passed=1)


def test_other_tests_in_the_same_run_are_left_alone(pytester, course):
    (course / "test_own.py").write_text("def test_own():\n    assert 1 == 2\n")
    result = pytester.runpytest_subprocess("day9_small", "test_own.py", "--target", "solution")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*= FAILURES =*", "*assert 1 == 2*"])


def test_the_verdict_can_be_had_as_json_and_is_the_engines_own(pytester, course):
    grade(pytester, "--verdict", "verdicts.json")
    (verdict,) = json.loads((course / "verdicts.json").read_text(encoding="utf-8"))
    assert (verdict["unit"], verdict["status"], verdict["points"]) == ("day9_small", "failed", 60)
    assert [check["status"] for task in verdict["tasks"] for check in task["checks"]] == ["passed", "failed"]
