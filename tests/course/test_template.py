import os
from pathlib import Path

import pytest

import workbook.course
from workbook.course import BadMarkers, Course, Memory, Unit, blocks, build, make_template, reset


@pytest.fixture
def unit(course: Course) -> Unit:
    return course.unit("day1_basics")


@pytest.mark.parametrize("module", ["__init__", "guide", "manifest", "memory"])
def test_a_source_without_blocks_is_its_own_template(unit: Unit, module: str) -> None:
    source = Path(workbook.course.__file__).with_stem(module).read_text(encoding="utf-8")
    assert make_template(source, unit) == source


def test_a_template_ends_with_one_newline(unit: Unit) -> None:
    assert make_template("a = 1", unit) == "a = 1\n"
    assert make_template("a = 1\n", unit) == "a = 1\n"


def test_a_block_inside_a_function_becomes_a_todo_that_raises(unit: Unit) -> None:
    source = """\
async def hello() -> str:
    if True:
        ### BEGIN SOLUTION 1.1
        name = "você"

        return name
        ### END SOLUTION
"""
    assert (
        make_template(source, unit)
        == """\
async def hello() -> str:
    if True:
        # TODO 1.1: Diga oi (GUIA_APRENDIZADO.md, 1.1)
        raise NotImplementedError("TODO 1.1")
"""
    )


def test_a_block_of_a_module_leaves_only_its_comment(unit: Unit) -> None:
    source = """\
import json

### BEGIN SOLUTION 1.2
def bye() -> None: ...
### END SOLUTION
### BEGIN SOLUTION 1.3
SONG = 1
### END SOLUTION
"""
    assert (
        make_template(source, unit)
        == """\
import json

# TODO 1.2: Diga tchau (GUIA_APRENDIZADO.md, 1.2)
# TODO 1.3: Bônus: cante (GUIA_APRENDIZADO.md, 1.3)
"""
    )


def test_a_block_of_a_class_leaves_only_its_comment_since_a_raise_would_stop_the_import(unit: Unit) -> None:
    source = """\
class Song:
    name: str
    ### BEGIN SOLUTION 1.3
    words: str
    ### END SOLUTION
"""
    assert (
        make_template(source, unit)
        == """\
class Song:
    name: str
    # TODO 1.3: Bônus: cante (GUIA_APRENDIZADO.md, 1.3)
"""
    )


def test_a_stub_takes_the_place_of_the_raise_at_the_markers_indentation(unit: Unit) -> None:
    source = """\
def hello() -> dict:
    ### BEGIN SOLUTION 1.1
    ### STUB return {
    ### STUB     "oi": "",
    ### STUB
    ### STUB }
    return {"oi": "você"}
    ### END SOLUTION
"""
    assert (
        make_template(source, unit)
        == """\
def hello() -> dict:
    # TODO 1.1: Diga oi (GUIA_APRENDIZADO.md, 1.1)
    return {
        "oi": "",

    }
"""
    )


def test_the_reference_of_another_unit_becomes_the_students_own(unit: Unit) -> None:
    source = """\
from solutions.day2_auth import (
    login,
)


def f() -> None:
    from solutions.day1_basics import app
"""
    assert (
        make_template(source, unit)
        == """\
from day2_auth.template import (
    login,
)


def f() -> None:
    from day1_basics.template import app
"""
    )


def test_a_todo_is_in_portuguese_whatever_the_readers_language(unit: Unit) -> None:
    assert os.environ["WORKBOOK_LANG"] == "en"
    assert "Diga tchau" in make_template("### BEGIN SOLUTION 1.2\n### END SOLUTION\n", unit)


def test_blocks_tell_their_task_lines_stub_and_code() -> None:
    source = "a = 1\n  ### BEGIN SOLUTION 1.1\n  ### STUB pass\n  b = 2\n  ### END SOLUTION\n"
    (block,) = blocks(source, Path("x.py"))
    assert (block.task, block.begin, block.end, block.indent) == ("1.1", 2, 5, "  ")
    assert (block.stub, block.code) == (("pass",), ("  b = 2",))


@pytest.mark.parametrize(
    ("source", "line", "why"),
    [
        ("### BEGIN SOLUTION 1.1\n### BEGIN SOLUTION 1.2\n", 2, "this marker does not belong inside a block"),
        ("a = 1\n### BEGIN SOLUTION 1.1\n", 2, "this block has no ### END SOLUTION"),
        ("### BEGIN SOLUTION 9.9\n### END SOLUTION\n", 1, "day1_basics has no task 9.9"),
        ("a = 1\n### END SOLUTION\n", 2, "this marker belongs to no block"),
        ("### STUB pass\n", 1, "this marker belongs to no block"),
        ("### BEGIN SOLUTION\n", 1, "this marker belongs to no block"),
        ("# begin solution 1.1\n", 1, "this marker belongs to no block"),
        ("### BEGIN SOLUTION 1.1\n### END SOLUTION 1.1\n", 2, "this marker does not belong inside a block"),
        ("### BEGIN SOLUTION 1.1\na = 1\n### STUB b\n", 3, "this marker does not belong inside a block"),
    ],
)
def test_bad_markers_are_told_with_their_line(unit: Unit, source: str, line: int, why: str) -> None:
    with pytest.raises(BadMarkers) as caught:
        make_template(source, unit)
    assert str(caught.value) == f"{unit.solution}:{line}: {why}"


def test_a_template_that_would_not_compile_is_refused(unit: Unit) -> None:
    source = "class Song:\n    ### BEGIN SOLUTION 1.3\n    words: str\n    ### END SOLUTION\n"
    with pytest.raises(BadMarkers, match=r"does a block need a ### STUB\?"):
        make_template(source, unit)


def test_build_writes_what_is_missing_and_then_has_nothing_to_do(course: Course, unit: Unit) -> None:
    assert [stale.unit.id for stale in build(course)] == ["day1_basics", "retries"]
    assert b'NotImplementedError("TODO 1.1")' in unit.template.read_bytes()
    assert build(course) == []
    assert build(course, check=True) == []


def test_build_with_check_writes_nothing(course: Course, unit: Unit) -> None:
    assert [stale.unit.id for stale in build(course, check=True)] == ["day1_basics", "retries"]
    assert not unit.template.exists()
    assert not Memory(course.root).folder.exists()


def test_line_ends_that_git_changed_do_not_make_a_template_stale(course: Course, unit: Unit) -> None:
    build(course)
    unit.template.write_bytes(unit.template.read_bytes().replace(b"\n", b"\r\n"))
    assert build(course, check=True) == []


def test_a_template_of_an_older_solution_is_written_anew_without_a_copy(course: Course, unit: Unit) -> None:
    build(course)
    unit.solution.write_text('"""Novo."""\n')
    (stale,) = build(course)
    assert (stale.unit, stale.copy) == (unit, None)
    assert unit.template.read_text() == '"""Novo."""\n'


def test_build_keeps_a_copy_of_what_a_student_wrote(course: Course, unit: Unit) -> None:
    build(course)
    unit.template.write_bytes(b"meu = 'c\xf3digo'\r\n")
    (stale,) = build(course)
    assert stale.copy is not None
    assert stale.copy.parent == course.root / ".workbook" / "copies" / "day1_basics"
    assert stale.copy.read_bytes() == b"meu = 'c\xf3digo'\r\n"
    assert build(course, check=True) == []


def test_reset_writes_the_template_anew_and_tells_where_the_students_lies(unit: Unit) -> None:
    assert reset(unit) is None
    fresh = unit.template.read_bytes()
    assert reset(unit) is None
    unit.template.write_text("meu = 1\n")
    copy = reset(unit)
    assert copy is not None
    assert copy.read_text() == "meu = 1\n"
    assert unit.template.read_bytes() == fresh


def test_two_resets_keep_two_copies(unit: Unit) -> None:
    copies = set()
    for text in ("um = 1\n", "dois = 2\n"):
        unit.template.parent.mkdir(exist_ok=True)
        unit.template.write_text(text)
        copies.add(reset(unit))
    assert len(copies) == 2


def test_writing_leaves_no_draft_behind(unit: Unit) -> None:
    reset(unit)
    assert [path.name for path in unit.folder.iterdir()] == ["template.py"]
