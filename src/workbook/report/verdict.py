"""The verdict as data: what each check, each task and the unit came to. Its JSON is the one form of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["passed", "failed", "error", "skipped"]


@dataclass(frozen=True)
class Check:
    """One check. ``message`` is what a person should read, empty where it passed; ``duration`` in seconds."""

    name: str
    status: Status
    message: str = ""
    duration: float = 0.0


@dataclass(frozen=True)
class TaskVerdict:
    """A task passes when all its checks do; a bonus counts neither in points nor in max_points."""

    id: str
    title: str
    status: Status
    points: int
    max_points: int
    checks: tuple[Check, ...]
    bonus: bool = False


@dataclass(frozen=True)
class Verdict:
    """What one submission of one unit came to. ``message`` says why nothing could be checked, if so."""

    unit: str
    status: Status
    points: int
    max_points: int
    tasks: tuple[TaskVerdict, ...]
    message: str = ""

    @property
    def passed(self) -> bool:
        return self.status == "passed"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def whole(statuses: list[Status]) -> Status:
    """The status of a whole made of parts: passed only if each part is. Our own fault (error) weighs most."""
    for status in ("error", "failed", "skipped"):
        if status in statuses:
            return status
    return "passed" if statuses else "skipped"


def judge_task(id: str, title: str, points: int, bonus: bool, checks: list[Check]) -> TaskVerdict:
    status = whole([check.status for check in checks])
    return TaskVerdict(id, title, status, points if status == "passed" else 0, points, tuple(checks), bonus)


def judge_unit(unit: str, tasks: list[TaskVerdict], message: str = "") -> Verdict:
    counted = [task for task in tasks if not task.bonus]
    return Verdict(
        unit=unit,
        status=whole([task.status for task in counted]),
        points=sum(task.points for task in counted),
        max_points=sum(task.max_points for task in counted),
        tasks=tuple(tasks),
        message=message,
    )
