"""A strict reader of server-sent events (HTML Living Standard, 9.2.6 "Interpreting an event stream")."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class Event:
    """One event as EventSource would deliver it. ``data`` has its lines joined by ``\\n``."""

    data: str
    event: str = "message"
    id: str = ""


class Decoder:
    """Bytes in, events out; keeps what is unfinished. Comments and unknown fields are passed over.

    Raises UnicodeDecodeError where the stream is not UTF-8.
    """

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._at_start = True
        self._after_cr = False
        self._data: list[str] = []
        self._event = ""
        self._id = ""

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that ``chunk`` completes, in order."""
        text = self._utf8.decode(chunk)
        if self._at_start and text:
            text, self._at_start = text.removeprefix("\ufeff"), False
        self._text += text
        events = []
        for line in self._lines():
            if line:
                self._field(line)
            elif event := self._dispatch():
                events.append(event)
        return events

    @property
    def unfinished(self) -> str:
        """What came after the last complete event: lost, were the stream to end now."""
        return "\n".join(self._data) + self._text

    def _lines(self) -> list[str]:
        # A CR ends its line at once; the LF of a CRLF cut in two is dropped when it comes.
        if self._after_cr and self._text:
            self._text = self._text.removeprefix("\n")
        ends_in_cr = self._text.endswith("\r")
        self._after_cr = ends_in_cr or (self._after_cr and not self._text)
        *lines, self._text = LINE_END.split(self._text)
        return lines

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value

    def _dispatch(self) -> Event | None:
        data, event = self._data, self._event
        self._data, self._event = [], ""
        return Event("\n".join(data), event or "message", self._id) if data else None
