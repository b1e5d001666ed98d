"""All checks of a unit, run without pytest: the verdict."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from workbook.checks import feedback
from workbook.checks.session import Session
from workbook.checks.task import CheckFunction, read_checks
from workbook.course import Unit
from workbook.report import Check, Verdict, judge_task, judge_unit
from workbook.runner import Failed, Source
from workbook.text import _

Progress = Callable[[CheckFunction, Check], None]


def grade(
    unit: Unit,
    target: Path,
    source: Source,
    *,
    path: Sequence[Path] = (),
    off: threading.Event | None = None,
    progress: Progress = lambda function, check: None,
    lanes: int = 1,
) -> Verdict:
    """Run the unit's checks on the app in ``target``. Raises `CalledOff` when ``off`` is set.

    With more ``lanes`` so many run at a time, each lane on an app and with an LLM of its own.
    """
    off = off or threading.Event()
    functions = read_checks(unit.checks)
    waiting = deque(functions)
    done: dict[CheckFunction, Check] = {}

    def take(number: int) -> CheckFunction | None:
        # From both ends: what takes long stands there, and must not be left for the last moment.
        with suppress(IndexError):
            return waiting.pop() if number % 2 else waiting.popleft()
        return None

    def lane(number: int) -> Failed | None:
        with Session(target, source, path=path, off=off) as session:
            while function := take(number):
                done[function] = session.run(function)
                progress(function, done[function])
            return session.not_started

    with ThreadPoolExecutor(lanes, thread_name_prefix="lane") as pool:
        ends = [pool.submit(lane, number) for number in range(lanes)]
        try:
            not_started = next((failed for end in ends if (failed := end.result())), None)
        except BaseException:
            # Ctrl-C reaches this thread alone, and the pool waits for the others.
            off.set()
            raise
    results: dict[str, list[Check]] = {}
    for function in functions:
        results.setdefault(function.task, []).append(done[function])
    return make_verdict(unit, results, not_started, target)


def make_verdict(
    unit: Unit, results: dict[str, list[Check]], not_started: Failed | None, target: Path
) -> Verdict:
    """The results of checks, by task, as a verdict; an app that never started is told once."""
    message = ""
    if not_started is not None:
        message = feedback.not_started(not_started, target)
        once = _("The app did not start.")
        results = {
            task: [
                Check(c.name, c.status, once if c.message == message else c.message, c.duration)
                for c in checks
            ]
            for task, checks in results.items()
        }
    tasks = [judge_task(t.id, t.title, t.points, t.bonus, results.get(t.id, [])) for t in unit.tasks]
    return judge_unit(unit.id, tasks, message)
