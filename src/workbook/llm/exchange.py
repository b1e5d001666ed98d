"""One request and its answer over ASGI, whatever the protocol: scripts played, endings, hang-ups."""

import asyncio
import math
from collections.abc import Iterable, Mapping
from typing import Protocol

import anyio
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from workbook.llm.record import Ledger, Request
from workbook.llm.script import Answer, Failure, Script, Stall

MAX_BODY = 4 * 1024 * 1024
BROKEN = "The model stopped in the middle of its answer."


class Voice(Protocol):
    """How a protocol writes the answer to one request."""

    media_type: str

    def opening(self, answer: Answer) -> Iterable[bytes]:
        """What leaves before the first token of a stream."""

    def token(self, text: str) -> bytes:
        """One token of a stream."""

    def ending(self, answer: Answer) -> Iterable[bytes]:
        """What leaves after the last token of a stream."""

    def malformed(self) -> bytes:
        """A piece of a stream that no client can parse."""

    def error(self, message: str) -> bytes:
        """A piece of a stream that reports an error."""

    def whole(self, answer: Answer) -> bytes:
        """The answer as one JSON document."""

    def failure(self, failure: Failure) -> bytes:
        """An error as one JSON document."""


async def read_body(receive: Receive) -> bytes | None:
    """The whole body, or None if the client left; raise a 413 if it is over `MAX_BODY` bytes."""
    body, size, more = bytearray(), 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        size += len(message["body"])
        # Read to its end, though not kept: a client that is still writing would not hear the answer.
        if size <= MAX_BODY:
            body += message["body"]
        more = message["more_body"]
    if size > MAX_BODY:
        raise HTTPException(413, f"The body is over {MAX_BODY} bytes.")
    return bytes(body)


class Exchange:
    """A request that was read, and the way back to its client."""

    def __init__(self, request: Request, ledger: Ledger, scope: Scope, receive: Receive, send: Send) -> None:
        self._request = request
        self._ledger = ledger
        self._connection = scope["state"]["connection"]
        self._receive = receive
        self._send = send

    async def play(self, script: Script, voice: Voice) -> None:
        """Play a script to its end, or until the client is gone."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch, group.cancel_scope)
            await self._perform(script, voice)
            group.cancel_scope.cancel()

    async def _watch(self, performance: anyio.CancelScope) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self._connection.dropped:
            self._ledger.hung_up(self._request)
        performance.cancel()

    async def _perform(self, script: Script, voice: Voice) -> None:
        match script:
            case Failure():
                await self._refuse(script, voice)
            case Answer() if self._request.streamed:
                await self._stream(script, voice)
            case Answer():
                await self._reply(script, voice)
            case Stall():
                await anyio.sleep_forever()

    async def _stream(self, answer: Answer, voice: Voice) -> None:
        await self._start(200, voice.media_type, {"cache-control": "no-cache"})
        for piece in voice.opening(answer):
            await self._write(piece)
        for number, token in enumerate(answer.tokens, start=1):
            await answer.gate.reach(number)
            await asyncio.sleep(answer.pace)
            self._ledger.sent(self._request, token)
            await self._write(voice.token(token))
        await answer.gate.reach(math.inf)
        await self._end_stream(answer, voice)

    async def _end_stream(self, answer: Answer, voice: Voice) -> None:
        match answer.then:
            case "stop":
                await self._finish(*voice.ending(answer))
            case "silent_end":
                await self._finish()
            case "malformed":
                await self._cut(voice.malformed())
            case "error":
                await self._cut(voice.error(BROKEN))
            case "cut":
                await self._cut()
            case "stall":
                await anyio.sleep_forever()

    async def _reply(self, answer: Answer, voice: Voice) -> None:
        await answer.gate.reach(math.inf)
        await asyncio.sleep(answer.pace * len(answer.tokens))
        document = voice.whole(answer)
        half = document[: len(document) // 2]
        match answer.then:
            case "stop" | "silent_end":
                await self._send_document(document, answer.tokens)
            case "malformed":
                await self._send_document(half)
            case "error":
                await self._refuse(Failure(500, BROKEN), voice)
            case "cut":
                await self._start(200, "application/json")
                await self._cut(half)
            case "stall":
                await anyio.sleep_forever()

    async def _refuse(self, failure: Failure, voice: Voice) -> None:
        await self._start(failure.status, "application/json", failure.headers)
        await self._finish(voice.failure(failure))

    async def _send_document(self, document: bytes, tokens: Iterable[str] = ()) -> None:
        await self._start(200, "application/json")
        for token in tokens:
            self._ledger.sent(self._request, token)
        await self._finish(document)

    async def _finish(self, *pieces: bytes) -> None:
        # Noted first: whoever has read the end must find it in the record.
        self._ledger.finished(self._request)
        for piece in pieces:
            await self._write(piece)
        await self._write(b"", more=False)

    async def _cut(self, *pieces: bytes) -> None:
        for piece in pieces:
            await self._write(piece)
        self._connection.cut()
        await anyio.sleep_forever()

    async def _start(self, status: int, media_type: str, headers: Mapping[str, str] | None = None) -> None:
        named = {"content-type": media_type, **(headers or {})}
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in named.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def _write(self, data: bytes, *, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": more})
