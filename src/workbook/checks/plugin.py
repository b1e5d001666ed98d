"""``pytest day3_streaming``: the same checks and the same verdict, under pytest.

A file whose functions carry ``@task`` is graded against ``--target``; everything else is left alone.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from workbook.checks.grade import make_verdict
from workbook.checks.limit import CalledOff
from workbook.checks.session import Session
from workbook.checks.task import CheckFunction, as_check
from workbook.course import CourseError, Unit, load
from workbook.report import Check, Status, Verdict
from workbook.report.terminal import print_verdict
from workbook.runner import Source, Warm

GRADER = pytest.StashKey["Grader"]()
CHECK = pytest.StashKey[CheckFunction]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("workbook")
    group.addoption(
        "--target",
        default="template",
        help="what to grade: 'template' (the default), 'solution', or the path of a file with an `app`",
    )
    group.addoption("--verdict", type=Path, help="write the verdicts to this file, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    target = config.getoption("--target")
    if target not in ("template", "solution") and not Path(target).is_file():
        raise pytest.UsageError(f"--target: {target} is not a file")
    config.addinivalue_line("markers", "task(id): the task of the course that a check belongs to")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        check = as_check(getattr(item, "function", None))
        if check is not None:
            item.stash[CHECK] = check
            item.add_marker(pytest.mark.task(check.task))
            grader(config)
    if items and all(CHECK in item.stash for item in items):
        # The verdict at the end says it all: no second telling in pytest's own words.
        config.option.tbstyle = "no"
        config.option.no_summary = True


def grader(config: pytest.Config) -> Grader:
    if GRADER not in config.stash:
        config.stash[GRADER] = Grader(config.getoption("--target"))
    return config.stash[GRADER]


class Grader:
    """The sessions of this run, one a unit, and what their checks came to."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._course = load()
        self._source: Source = Warm()
        self._sessions: dict[str, Session] = {}
        self._results: dict[str, dict[str, list[Check]]] = {}

    def unit(self, item: pytest.Item) -> Unit:
        try:
            return self._course.unit(str(item.path.parent))
        except CourseError as error:
            raise pytest.UsageError(str(error)) from None

    def session(self, item: pytest.Item) -> Session:
        unit = self.unit(item)
        if unit.id not in self._sessions:
            file = self.target(unit)
            session = Session(file, self._source, path=[self._course.root])
            self._sessions[unit.id] = session.__enter__()
        return self._sessions[unit.id]

    def target(self, unit: Unit) -> Path:
        named = {"template": unit.template, "solution": unit.solution}
        return named.get(self._target, Path(self._target))

    def note(self, item: pytest.Item, report: pytest.TestReport, status: Status, message: str) -> None:
        check = Check(item.stash[CHECK].function.__name__, status, message, report.duration)
        tasks = self._results.setdefault(self.unit(item).id, {})
        tasks.setdefault(item.stash[CHECK].task, []).append(check)

    def verdicts(self) -> Iterator[tuple[Unit, Verdict]]:
        for id, results in self._results.items():
            unit = self._course.unit(id)
            yield unit, make_verdict(unit, results, self._sessions[id].not_started, self.target(unit))

    def close(self) -> None:
        for session in self._sessions.values():
            session.__exit__()
        self._source.close()


@pytest.fixture
def _session(request: pytest.FixtureRequest) -> Iterator[Session]:
    session = grader(request.config).session(request.node)
    with session.checking(request.node.stash[CHECK].limit):
        yield session


@pytest.fixture
def api(_session: Session) -> Any:
    """A client of the submission's app, running."""
    return _session.provide("api")


@pytest.fixture
def llm(_session: Session) -> Any:
    """The local LLM that the app was pointed at."""
    return _session.provide("llm")


@pytest.fixture
def serve(_session: Session) -> Any:
    """Starts the app again with other settings."""
    return _session.provide("serve")


@pytest.fixture
def settings(_session: Session) -> Any:
    """The settings the app was given."""
    return _session.provide("settings")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if CHECK not in item.stash or not (call.when == "call" or (call.when == "setup" and call.excinfo)):
        return report
    status: Status = "passed"
    message = ""
    if call.excinfo is not None:
        status, message = explain(item, call.excinfo.value)
        # A fixture that cannot bring the app up is the student's failure, not an error of pytest's.
        report.when = "call"
        report.outcome = "skipped" if status == "skipped" else "failed"
        place = (str(item.path), 0, message)
        report.longrepr = place if status == "skipped" else message
    grader(item.config).note(item, report, status, message)
    return report


def explain(item: pytest.Item, error: BaseException) -> tuple[Status, str]:
    if isinstance(error, pytest.UsageError | CalledOff) or not isinstance(error, Exception):
        raise error
    return grader(item.config).session(item).explain(error)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if GRADER not in config.stash:
        return
    verdicts = list(config.stash[GRADER].verdicts())
    for unit, verdict in verdicts:
        terminalreporter.ensure_newline()
        print_verdict(verdict, unit)
    if file := config.getoption("--verdict"):
        text = json.dumps([verdict.to_json() for _, verdict in verdicts], ensure_ascii=False, indent=2)
        file.write_text(text + "\n", encoding="utf-8")


def pytest_unconfigure(config: pytest.Config) -> None:
    if GRADER in config.stash:
        config.stash[GRADER].close()
