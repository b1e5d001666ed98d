"""What the server will say: answers, failures and stalls, in the order that they were given."""

import asyncio
import json
import math
import random
import threading
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Literal

from workbook.llm.record import Request

Ending = Literal["stop", "cut", "stall", "malformed", "error", "silent_end"]
Answerer = Callable[[str], Iterable[str]]


class Script:
    """What happens to `times` requests (`None`: to all) whose prompt contains `to`."""

    def __init__(self, *, to: str | None = None, times: int | None = 1) -> None:
        self.to = to
        self.times = times
        self.request: Request | None = None

    def matches(self, request: Request) -> bool:
        """Whether this script is for that request."""
        return self.to is None or self.to in request.prompt

    def give(self, request: Request) -> None:
        """Use the script once, for that request."""
        self.request = request
        if self.times is not None:
            self.times -= 1


class Stall(Script):
    """The request is accepted and never answered."""


class Failure(Script):
    """The request is answered with an error."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        headers: dict[str, str] | None = None,
        param: str | None = None,
        to: str | None = None,
        times: int | None = 1,
    ) -> None:
        super().__init__(to=to, times=times)
        self.status = status
        self.message = message
        self.headers = headers or {}
        self.param = param


class ToolCall:
    """A call of one of the client's tools."""

    def __init__(self, name: str, arguments: dict[str, Any], id: str | None = None) -> None:
        self.id = id or f"call_{uuid.uuid4().hex}"
        self.name = name
        self.arguments = json.dumps(arguments)


class Answer(Script):
    """The tokens for one request. Gated, each waits for `release()` and the end for `finish()`."""

    def __init__(
        self,
        tokens: Iterable[str] = (),
        *,
        call: ToolCall | None = None,
        to: str | None = None,
        gated: bool = False,
        then: Ending = "stop",
        pace: float = 0.0,
    ) -> None:
        super().__init__(to=to)
        self.tokens = tuple(tokens)
        self.call = call
        self.then = then
        self.pace = pace
        self.gate = Gate(opened=0 if gated else math.inf)

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(self.tokens)

    def release(self, count: int = 1) -> None:
        """Let `count` more tokens leave; the end still waits."""
        self.gate.open(count)

    def finish(self) -> None:
        """Let everything that is left leave, and the end."""
        self.gate.open(math.inf)


class Gate:
    """A level that only rises: raised from any thread, awaited by one task on the server's loop.

    Token *n* needs level *n* (from 1), the end needs infinity.
    """

    def __init__(self, opened: float) -> None:
        self._opened = opened
        self._lock = threading.Lock()
        self._wake: Callable[[], object] | None = None

    def open(self, count: float) -> None:
        """Raise the level."""
        with self._lock:
            self._opened += count
            if self._wake is not None:
                self._wake()

    async def reach(self, level: float) -> None:
        """Wait until the level is reached."""
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            self._wake = lambda: loop.call_soon_threadsafe(event.set)
        try:
            while self._opened < level:
                await event.wait()
                event.clear()
        finally:
            with self._lock:
                self._wake = None


class Scripts:
    """The scripts not yet used up, and what is said when none of them is for the request."""

    def __init__(self, answerer: Answerer | None, pace: float) -> None:
        self._answerer = answerer or made_up
        self._pace = pace
        self._lock = threading.Lock()
        self._left: list[Script] = []

    def add(self, script: Script) -> None:
        """Put a script last."""
        with self._lock:
            self._left.append(script)

    def take(self, request: Request) -> Script:
        """The script for a request: the first given that matches, else an answer of the server's own."""
        with self._lock:
            script = next((script for script in self._left if script.matches(request)), None)
            if script is not None:
                script.give(request)
                self._left = [script for script in self._left if script.times != 0]
                return script
        return Answer(self._answerer(request.prompt), pace=self._pace)

    def clear(self) -> None:
        """Forget every script."""
        with self._lock:
            self._left.clear()


def made_up(prompt: str) -> list[str]:
    """Eight words that no program can know beforehand, as tokens."""
    words = [_made_up_word() for _ in range(8)]
    return [words[0], *(f" {word}" for word in words[1:])]


def _made_up_word() -> str:
    syllables = range(random.randint(2, 4))
    return "".join(random.choice("bcdfglmnprstvz") + random.choice("aeiouãéô") for _ in syllables)
