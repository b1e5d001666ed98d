"""Every sample program gets the verdict that its own head asks for (see ``bench/samples.py``)."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bench.samples import COURSE, SAMPLES, Sample, failed
from workbook.checks import grade
from workbook.course import Unit, make_template
from workbook.report import Verdict
from workbook.runner import Source, Warm

UNITS = {unit.id: unit for unit in COURSE.units}
VERDICT = "test_a_sample_gets_the_verdict"
TOGETHER = 4
RIGHT_A_TASK = 3
WRONG_A_TASK = 2

each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=str)
each_unit = pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)


@pytest.fixture(scope="module")
def warm() -> Iterator[Source]:
    source = Warm()
    yield source
    source.close()


@pytest.fixture(scope="module")
def verdicts(request: pytest.FixtureRequest, warm: Source) -> Iterator[dict[Sample, Future[Verdict]]]:
    """The verdicts on the samples of this run: a wrong program is mostly waited for, so several at a time."""
    pool = ThreadPoolExecutor(TOGETHER)
    chosen = [item.callspec.params["sample"] for item in request.session.items if VERDICT in item.name]
    yield {s: pool.submit(grade, s.unit, s.file, warm, path=[COURSE.root]) for s in chosen}
    pool.shutdown(cancel_futures=True)


@each_sample
def test_a_sample_gets_the_verdict_it_should(sample: Sample, verdicts: dict[Sample, Future[Verdict]]) -> None:
    verdict = verdicts[sample].result()
    assert failed(verdict) == sorted(sample.fails), report(verdict)
    assert not errors(verdict), report(verdict)
    if says := sample.head.get("says"):
        assert re.search(says, messages(verdict, sample.fails[0])), report(verdict)


@each_sample
def test_a_sample_says_what_is_expected_of_it(sample: Sample) -> None:
    tasks = {task.id for task in sample.unit.tasks}
    right = sample.file.name.startswith("right_")
    assert set(sample.head) >= ({"right", "differs"} if right else {"wrong", "fails"})
    assert tasks >= {*sample.fails, *sample.differs}
    assert right == (not sample.fails)


@each_unit
def test_each_task_has_right_samples_in_other_styles_and_wrong_ones(unit: Unit) -> None:
    samples = [sample for sample in SAMPLES if sample.unit is unit]
    right = Counter(task for sample in samples for task in sample.differs)
    wrong = Counter(sample.fails[0] for sample in samples if sample.fails)
    few = {
        t.id: (right[t.id], wrong[t.id])
        for t in unit.tasks
        if right[t.id] < RIGHT_A_TASK or wrong[t.id] < WRONG_A_TASK
    }
    assert not few


@each_unit
def test_the_solution_has_every_point(unit: Unit, warm: Source) -> None:
    verdict = grade(unit, unit.solution, warm, path=[COURSE.root])
    assert [task.status for task in verdict.tasks] == ["passed"] * len(unit.tasks), report(verdict)
    assert verdict.points == verdict.max_points == 100


@each_unit
def test_the_untouched_template_starts_and_passes_nothing(unit: Unit, warm: Source, tmp_path: Path) -> None:
    verdict = grade(unit, fresh_template(unit, tmp_path), warm, path=[tmp_path, COURSE.root])
    assert verdict.message == ""
    assert {task.status for task in verdict.tasks} <= {"failed", "skipped"}, report(verdict)
    assert not errors(verdict), report(verdict)
    assert verdict.points == 0


@pytest.mark.slow
@each_sample
def test_pytest_and_the_engine_agree(sample: Sample, warm: Source, tmp_path: Path) -> None:
    engine = grade(sample.unit, sample.file, warm, path=[COURSE.root])
    file = tmp_path / "verdicts.json"
    arguments = [
        str(sample.unit.checks),
        "--target",
        str(sample.file),
        "--verdict",
        str(file),
        "-q",
        "-p",
        "no:cacheprovider",
    ]
    pytest.main([*arguments, "-c", str(COURSE.root / "pyproject.toml")])
    (under_pytest,) = json.loads(file.read_text("utf-8"))
    assert statuses(under_pytest) == statuses(engine.to_json())


def fresh_template(unit: Unit, folder: Path) -> Path:
    """The templates as they come, in a folder of their own: a student may have filled the tracked ones."""
    for each in UNITS.values():
        (folder / each.id).mkdir()
        source = make_template(each.solution.read_text("utf-8"), each)
        (folder / each.id / "template.py").write_text(source, "utf-8")
    return folder / unit.id / "template.py"


def errors(verdict: Verdict) -> list[str]:
    return [check.name for task in verdict.tasks for check in task.checks if check.status == "error"]


def messages(verdict: Verdict, id: str) -> str:
    (task,) = (task for task in verdict.tasks if task.id == id)
    return verdict.message + "\n".join(check.message for check in task.checks)


def report(verdict: Verdict) -> str:
    lines = [
        f"{c.name}: {c.status}\n{c.message}" for t in verdict.tasks for c in t.checks if c.status != "passed"
    ]
    return "\n".join([verdict.message, *lines])


def statuses(verdict: dict[str, Any]) -> list[Any]:
    return [
        (task["id"], task["status"], [(check["name"], check["status"]) for check in task["checks"]])
        for task in verdict["tasks"]
    ]
