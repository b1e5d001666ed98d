"""How a check ends other than well: what was expected, what came, and which mistake it looks like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

# A mistake's name, or a function that looks at what came and names it, or says nothing.
Otherwise = str | Callable[[Any], str | None] | None


@dataclass
class Failure(AssertionError):
    """The program under test does not do what it should.

    ``expected`` and ``got`` are text, shown as it is; ``mistake`` is the likely cause, a sentence. A cause
    that is ``proven`` is told even where a part that is not written yet (a TODO) was called as well.
    """

    expected: str = ""
    got: str = ""
    mistake: str = ""
    proven: bool = False

    def __str__(self) -> str:
        return " · ".join(part for part in (self.expected, self.got, self.mistake) if part)


@dataclass
class Skipped(Exception):
    """The check does not apply: a bonus that was not attempted."""

    reason: str = ""

    def __str__(self) -> str:
        return self.reason


def fail(mistake: str, *, expected: str = "", got: str = "", proven: bool = False) -> NoReturn:
    """End the check as failed, in the words given (see `Failure`)."""
    raise Failure(expected, got, mistake, proven)


def skip(reason: str) -> NoReturn:
    """End the check as skipped."""
    raise Skipped(reason)


@dataclass(frozen=True)
class expect:
    """States what a value should be. ``what`` names the value where the value alone does not say it.

    Each statement takes ``otherwise``: the mistake to name if it does not hold, or a function from the value
    to that sentence (or None, where it cannot know).
    """

    value: Any
    what: str = ""

    def to_be(self, expected: Any, otherwise: Otherwise = None) -> None:
        """Equal, and of the same type (``True`` is not ``1``)."""
        same = self.value == expected and type(self.value) is type(expected)
        self._require(same, show(expected), otherwise)

    def not_to_be(self, unwanted: Any, otherwise: Otherwise = None) -> None:
        self._require(self.value != unwanted, "≠ " + show(unwanted), otherwise)

    def to_contain(self, part: Any, otherwise: Otherwise = None) -> None:
        """``part in value``; a value that can contain nothing does not."""
        contains = isinstance(self.value, str | bytes | list | tuple | dict | set) and part in self.value
        self._require(contains, "… " + show(part) + " …", otherwise)

    def not_to_contain(self, part: Any, otherwise: Otherwise = None) -> None:
        self._require(part not in self.value, "≠ … " + show(part) + " …", otherwise)

    def to_hold(self, holds: Callable[[Any], bool], expected: str, otherwise: Otherwise = None) -> None:
        """Any other condition; ``expected`` says it in words."""
        self._require(holds(self.value), expected, otherwise)

    def _require(self, met: bool, expected: str, otherwise: Otherwise) -> None:
        if not met:
            mistake = otherwise(self.value) if callable(otherwise) else otherwise
            label = f"{self.what}: " if self.what else ""
            raise Failure(label + expected, label + show(self.value), mistake or "")


def show(value: Any, limit: int = 300) -> str:
    """A value as a person should see it: JSON-like text, escaped newlines, cut in the middle when long."""
    text = '"' + escape(value) + '"' if isinstance(value, str) else escape(str(value))
    if len(text) > limit:
        text = text[: limit // 2] + " […] " + text[-limit // 2 :]
    return text


def escape(text: str) -> str:
    """Control characters made visible; quotes, accents and emoji left alone."""
    table = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return "".join(table.get(c, c if c.isprintable() else f"\\u{ord(c):04x}") for c in text)
