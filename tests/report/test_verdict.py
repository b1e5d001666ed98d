"""What checks add up to."""

import pytest

from workbook.report import Check, judge_task, judge_unit


def check(status):
    return Check("test_something", status)


@pytest.mark.parametrize(
    ("statuses", "status", "points"),
    [
        (["passed", "passed"], "passed", 10),
        (["passed", "failed"], "failed", 0),
        (["failed", "error"], "error", 0),
        (["passed", "skipped"], "skipped", 0),
        ([], "skipped", 0),
    ],
)
def test_a_task_has_its_points_when_every_check_passed(statuses, status, points):
    task = judge_task("1.1", "", 10, False, [check(status) for status in statuses])
    assert (task.status, task.points) == (status, points)


def test_a_unit_passes_when_every_task_but_the_bonus_did():
    done = judge_task("1.1", "", 60, False, [check("passed")])
    undone = judge_task("1.2", "", 40, False, [])
    bonus = judge_task("1.3", "", 10, True, [check("skipped")])
    assert judge_unit("day1", [done, bonus]).passed
    assert not judge_unit("day1", [done, undone]).passed


def test_a_bonus_counts_neither_in_points_nor_in_max_points():
    done = judge_task("1.1", "", 60, False, [check("passed")])
    bonus = judge_task("1.2", "", 10, True, [check("passed")])
    verdict = judge_unit("day1", [done, bonus])
    assert (verdict.points, verdict.max_points) == (60, 60)
