"""Checks: plain functions that say which task they belong to."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., None])

LIMIT = 30.0


def task(id: str, *, limit: float = LIMIT) -> Callable[[F], F]:
    """Mark a check as belonging to task ``id`` (``"3.4"``); it may take ``limit`` seconds."""

    def mark(function: F) -> F:
        function.workbook_task = (id, limit)  # type: ignore[attr-defined]
        return function

    return mark


@dataclass(frozen=True)
class CheckFunction:
    """A check as found in a file: its task, its function and the names it asks for."""

    task: str
    limit: float
    function: Callable[..., None]

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def asks_for(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.function).parameters)


def as_check(function: Any) -> CheckFunction | None:
    """The check that a function is, if it is one."""
    marked = getattr(function, "workbook_task", None)
    return CheckFunction(marked[0], marked[1], function) if marked else None


def read_checks(file: Path) -> list[CheckFunction]:
    """Run a file of checks and return them in the order they stand in it."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = (as_check(value) for value in vars(module).values() if inspect.isfunction(value))
    return [check for check in found if check is not None]
