"""HTTP/1.1 from the client's side, a connection a request, read no faster than the check wants (RFC 9112).

h11 does the protocol. The socket is ours, so that a check can wait a little, look at something else, go on
waiting, or leave in mid-answer.
"""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Mapping
from typing import Any

import h11

LARGEST_BODY = 8 << 20
LARGEST_HEAD = 64 << 10


class Call:
    """One request that has been sent, and as much of its answer as has arrived.

    The last ``keep`` bytes of the request are sent by `finish`.
    """

    def __init__(
        self,
        port: int,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        keep: int = 0,
    ) -> None:
        self.method, self.path, self.body = method, path, body
        self.sent_headers = dict(headers or {})
        self.status: int | None = None
        self.headers: list[tuple[str, str]] = []
        self.chunks: list[tuple[float, bytes]] = []
        self.size = 0
        self.complete = False
        self.error = ""
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
        try:
            self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        except OSError as error:
            self.socket = socket.socket()
            self._lose(str(error))
            return
        data = self._request(port)
        self._kept = data[len(data) - keep :]
        self._send(data[: len(data) - keep])

    def _request(self, port: int) -> bytes:
        fixed = {"host": f"127.0.0.1:{port}", "accept-encoding": "identity", "connection": "close"}
        if self.body:
            fixed["content-length"] = str(len(self.body))
        headers = list((fixed | self.sent_headers).items())
        data = self._h11.send(h11.Request(method=self.method, target=self.path, headers=headers)) or b""
        if self.body:
            data += self._h11.send(h11.Data(data=self.body)) or b""
        return data + (self._h11.send(h11.EndOfMessage()) or b"")

    def finish(self) -> None:
        """Send the bytes that were kept."""
        self._send(self._kept)

    def _send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except OSError as error:
            self._lose(str(error))

    @property
    def done(self) -> bool:
        """Whether nothing more will come: the answer is complete, or the connection is lost."""
        return self.complete or bool(self.error)

    @property
    def received(self) -> bytes:
        return b"".join(chunk for _, chunk in self.chunks)

    def header(self, name: str) -> str:
        """A header of the answer, its values joined as RFC 9110, 5.3 says; empty where there is none."""
        return ", ".join(value for key, value in self.headers if key == name.lower())

    def advance(self, timeout: float) -> None:
        """Wait up to ``timeout`` seconds for bytes, and take in those that came."""
        if not self.done and select.select([self.socket], [], [], timeout)[0]:
            self._take_in()

    def _take_in(self) -> None:
        try:
            self._h11.receive_data(self.socket.recv(1 << 16))
            while not self.done:
                event = self._h11.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return
                self._handle(event)
        except h11.RemoteProtocolError as error:
            self._lose(str(error))
        except OSError as error:
            self._lose(str(error))

    def _handle(self, event: Any) -> None:
        if isinstance(event, h11.Response):
            self.status = event.status_code
            self.headers = [(k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in event.headers]
        elif isinstance(event, h11.Data):
            self.chunks.append((time.monotonic(), bytes(event.data)))
            self.size += len(event.data)
            if self.size > LARGEST_BODY:
                self._lose(f"more than {LARGEST_BODY} bytes")
        elif isinstance(event, h11.EndOfMessage):
            self.complete = True
            self.socket.close()
        elif isinstance(event, h11.ConnectionClosed):
            self._lose("connection closed")

    def _lose(self, why: str) -> None:
        self.error = why or "connection lost"
        self.socket.close()

    def close(self) -> None:
        """Leave, whatever is still to come. Idempotent."""
        if not self.done:
            self._lose("left by the client")

    def describe(self) -> str:
        """The request in a line, as a person would write it down."""
        try:
            body = json.dumps(json.loads(self.body), ensure_ascii=False) if self.body else ""
        except ValueError:
            body = self.body.decode("utf-8", "replace")
        headers = [f"({k}: {v})" for k, v in self.sent_headers.items() if k.lower() != "content-type"]
        return " ".join(part for part in (self.method, self.path, body, *headers) if part)
