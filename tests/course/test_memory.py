from pathlib import Path

import pytest

from workbook.course import Memory


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path)


def test_nothing_is_written_before_there_is_something_to_remember(memory: Memory) -> None:
    assert memory.hints_taken("1.1") == 0
    assert memory.progress() == {}
    assert not memory.folder.exists()


def test_hints_are_counted_up_to_three_task_by_task(memory: Memory) -> None:
    assert [memory.take_hint("1.1") for _ in range(4)] == [1, 2, 3, 3]
    assert memory.hints_taken("1.1") == 3
    assert memory.hints_taken("1.10") == 0


def test_memory_outlives_the_program(memory: Memory, tmp_path: Path) -> None:
    memory.take_hint("1.1")
    assert Memory(tmp_path).hints_taken("1.1") == 1


def test_the_best_verdict_of_each_unit_is_kept(memory: Memory) -> None:
    for unit, points in (("a", 40), ("b", 10), ("a", 90), ("a", 60)):
        memory.remember({"unit": unit, "points": points, "tasks": []})
    progress = memory.progress()
    assert {unit: verdict["points"] for unit, verdict in progress.items()} == {"a": 90, "b": 10}


def test_of_two_verdicts_as_good_the_newer_is_kept(memory: Memory) -> None:
    memory.remember({"unit": "a", "points": 40, "status": "error"})
    memory.remember({"unit": "a", "points": 40, "status": "failed"})
    assert memory.progress()["a"]["status"] == "failed"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"1.1": "one"}', '{"1.1": 1', "\x00"])
def test_a_broken_file_is_set_aside_and_a_new_one_begun(memory: Memory, text: str) -> None:
    memory.folder.mkdir()
    (memory.folder / "hints.json").write_text(text)
    assert memory.hints_taken("1.1") == 0
    assert (memory.folder / "hints.json.broken").read_text() == text
    assert memory.take_hint("1.1") == 1
    assert memory.hints_taken("1.1") == 1


def test_the_workbook_knows_the_templates_it_wrote(memory: Memory) -> None:
    memory.remember_writing("a", b"one")
    memory.remember_writing("a", b"two")
    assert memory.wrote("a", b"one")
    assert memory.wrote("a", b"two")
    assert not memory.wrote("a", b"three")
    assert not memory.wrote("b", b"one")


def test_copies_never_take_each_others_place(memory: Memory) -> None:
    copies = [memory.keep("a", b"%d" % number) for number in range(3)]
    assert [copy.read_bytes() for copy in copies] == [b"0", b"1", b"2"]
