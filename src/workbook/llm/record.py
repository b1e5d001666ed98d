"""What the server was asked and what left it: written by the server's thread, read by any."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from starlette.datastructures import Headers
from starlette.types import Scope

MAX_REQUESTS = 10_000


@dataclass(frozen=True, slots=True)
class Sent:
    """A token that left, and when (`time.monotonic()`, in seconds)."""

    text: str
    at: float


@dataclass(eq=False)
class Request:
    """A request to the model, and what became of it."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes = field(repr=False)
    connection: int
    body: Any = field(init=False)
    sent: list[Sent] = field(default_factory=list)
    finished: bool = False
    hung_up: bool = False

    def __post_init__(self) -> None:
        self.body = _parsed(self.raw)

    @classmethod
    def of(cls, scope: Scope, raw: bytes) -> Self:
        """The record of a request that was read from ASGI."""
        headers: dict[str, str] = {}
        for name, value in Headers(scope=scope).items():
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return cls(scope["method"], scope["path"], headers, raw, scope["state"]["connection"].number)

    @property
    def messages(self) -> list[Any]:
        """The conversation as it came, or an empty list if there was none."""
        messages = self._field("messages")
        return messages if isinstance(messages, list) else []

    @property
    def prompt(self) -> str:
        """The text of the last user message, its parts joined if it came in parts."""
        for message in reversed(self.messages):
            if isinstance(message, dict) and message.get("role") == "user":
                return _text(message.get("content"))
        return ""

    @property
    def model(self) -> str | None:
        """The model asked for, if it was named."""
        model = self._field("model")
        return model if isinstance(model, str) else None

    @property
    def streamed(self) -> bool:
        """Whether a stream was asked for."""
        return self._field("stream") is True

    def _field(self, name: str) -> Any:
        return self.body.get(name) if isinstance(self.body, dict) else None


class Ledger:
    """The requests and connections since the last reset; `changed` is notified at each entry."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.connections = 0
        self.open_connections = 0
        self._requests: deque[Request] = deque(maxlen=MAX_REQUESTS)

    @property
    def requests(self) -> tuple[Request, ...]:
        """The requests kept, in order of arrival."""
        with self.changed:
            return tuple(self._requests)

    def opened(self) -> int:
        """Count a connection; return its number, from 1."""
        with self.changed:
            self.connections += 1
            self.open_connections += 1
            self.changed.notify_all()
            return self.connections

    def closed(self) -> None:
        """Count a connection as gone."""
        with self.changed:
            self.open_connections -= 1
            self.changed.notify_all()

    def arrived(self, request: Request) -> None:
        """Keep a request."""
        with self.changed:
            self._requests.append(request)
            self.changed.notify_all()

    def sent(self, request: Request, text: str) -> None:
        """Note a token that is leaving now."""
        with self.changed:
            request.sent.append(Sent(text, time.monotonic()))
            self.changed.notify_all()

    def finished(self, request: Request) -> None:
        """Note that the end is leaving now."""
        with self.changed:
            request.finished = True
            self.changed.notify_all()

    def hung_up(self, request: Request) -> None:
        """Note that the client left, unless it had been given the end."""
        with self.changed:
            request.hung_up = not request.finished
            self.changed.notify_all()

    def wait(self, predicate: Callable[[], object], timeout: float) -> bool:
        """Block until `predicate` is true, for at most `timeout` seconds; say whether it was."""
        with self.changed:
            return bool(self.changed.wait_for(predicate, timeout))

    def clear(self) -> None:
        """Forget every request and start counting connections anew."""
        with self.changed:
            self._requests.clear()
            self.connections = 0
            self.changed.notify_all()


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (part.get("text") for part in parts if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))
