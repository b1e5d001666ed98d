"""What holds the real course together: guide, template, solution and checks carry the same tasks."""

import ast
import re
from pathlib import Path

import pytest

from workbook.course import Guide, Unit, blocks, load, make_template

ROOT = Path(__file__).resolve().parents[2]
COURSE = load(ROOT)
TODO = re.compile(r"# TODO (\S+): (.+) \(GUIA_APRENDIZADO\.md, (\S+)\)")

each_unit = pytest.mark.parametrize("unit", COURSE.units, ids=lambda unit: unit.id)
each_task = pytest.mark.parametrize(
    ("unit", "task"),
    [pytest.param(unit, task.id, id=task.id) for unit in COURSE.units for task in unit.tasks],
)


def read(path: Path) -> str:
    assert path.is_file(), f"{path.relative_to(ROOT)} is missing"
    return path.read_text(encoding="utf-8")


def guide(unit: Unit) -> Guide:
    return Guide(unit.guide, read(unit.guide))


def task_of(check: ast.FunctionDef) -> list[str]:
    """The tasks that a check is marked with: `@task("3.4")`."""
    return [
        ast.literal_eval(mark.args[0])
        for mark in check.decorator_list
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) in ("task", "pytest.mark.task")
    ]


def words(line: str) -> str:
    return " ".join(line.split())


@each_unit
def test_points_add_up_to_a_hundred(unit: Unit) -> None:
    assert unit.max_points == 100


@each_unit
def test_the_guide_has_one_heading_for_each_task_in_order(unit: Unit) -> None:
    headings = [(section.id, section.title) for section in guide(unit).tasks]
    assert headings == [(task.id, task.titles.pt) for task in unit.tasks]


@each_unit
def test_the_solution_has_a_block_for_each_task(unit: Unit) -> None:
    found = {block.task for block in blocks(read(unit.solution), unit.solution)}
    assert found == {task.id for task in unit.tasks}


@each_unit
def test_the_template_has_a_todo_for_each_task(unit: Unit) -> None:
    todos = set(TODO.findall(make_template(read(unit.solution), unit)))
    assert todos == {(task.id, task.titles.pt, task.id) for task in unit.tasks}


@each_unit
def test_each_task_has_checks_and_each_check_one_task(unit: Unit) -> None:
    tree = ast.parse(read(unit.checks))
    checks = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name[:5] == "test_"]
    assert [check.name for check in checks if len(task_of(check)) != 1] == []
    assert {task_of(check)[0] for check in checks} == {task.id for task in unit.tasks}


@each_task
def test_no_hint_gives_a_line_of_the_solution_away(unit: Unit, task: str) -> None:
    hints = words("\n".join(guide(unit).hints(task)))
    code = {
        words(line)
        for block in blocks(read(unit.solution), unit.solution)
        if block.task == task
        for line in block.code
    }
    assert [line for line in code if len(line) >= 25 and line in hints] == []


@each_unit
def test_the_template_is_what_its_solution_makes(unit: Unit) -> None:
    assert read(unit.template) == make_template(read(unit.solution), unit), "run: workbook build"


@each_unit
def test_every_stub_of_a_template_raises_only_when_it_is_called(unit: Unit) -> None:
    tree = ast.parse(make_template(read(unit.solution), unit))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = {id(node) for function in functions for body in function.body for node in ast.walk(body)}
    raises = [node for node in ast.walk(tree) if isinstance(node, ast.Raise)]
    stubs = [node for node in raises if "NotImplementedError" in ast.unparse(node)]
    assert [ast.unparse(stub) for stub in stubs if id(stub) not in inside] == []


def test_no_solution_is_without_a_unit() -> None:
    solutions = {path.stem for path in (ROOT / "solutions").glob("*.py")} - {"__init__"}
    assert solutions == {unit.id for unit in COURSE.units}
