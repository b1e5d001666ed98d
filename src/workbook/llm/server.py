"""The local LLM: a server on loopback, in a thread of its own."""

import asyncio
import errno
import os
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from workbook.llm import openai
from workbook.llm.listener import Listener
from workbook.llm.record import Ledger, Request
from workbook.llm.script import Answer, Answerer, Ending, Failure, Script, Scripts, Stall, ToolCall

HOST = "127.0.0.1"
T = TypeVar("T")
ScriptT = TypeVar("ScriptT", bound=Script)


class PortInUse(OSError):
    """Something already listens on the port."""

    def __init__(self, port: int) -> None:
        super().__init__(errno.EADDRINUSE, f"Port {port} is already in use on {HOST}")
        self.port = port


class LocalLLM:
    """An OpenAI-compatible server, told what to say and remembering what it was asked.

    Left alone it says words made up on the spot, or what `answerer` makes of the prompt (called on the
    server's event loop, so it must be quick), with `pace` seconds before each token. It answers
    `Connection: close` unless `keep_alive`: some clients keep connections across event loops.
    """

    def __init__(
        self,
        port: int = 0,
        answerer: Answerer | None = None,
        pace: float = 0.0,
        keep_alive: bool = False,
    ) -> None:
        self.port = port
        self._scripts = Scripts(answerer, pace)
        self._ledger = Ledger()
        self._listener = Listener(self._app(), self._ledger, keep_alive=keep_alive)
        self._loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def base_url(self) -> str:
        """What goes into `OPENAI_BASE_URL`."""
        return f"http://{HOST}:{self.port}/v1"

    @property
    def requests(self) -> tuple[Request, ...]:
        """The requests to the model since the last reset, in order of arrival."""
        return self._ledger.requests

    @property
    def connections(self) -> int:
        """How many connections were accepted since the last reset."""
        return self._ledger.connections

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        return self._ledger.open_connections

    def start(self) -> Self:
        """Serve, on a free port if none was given; raise `PortInUse` if it is taken."""
        sock = _bound(self.port, listening=True)
        self.port = sock.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="local-llm", daemon=True)
        self._thread.start()
        self._on_loop(self._listener.listen(sock))
        return self

    def close(self) -> None:
        """Drop every connection, stop serving and end the thread; do nothing if not serving."""
        if self._loop is None:
            return
        self._on_loop(self._listener.leave())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = None

    def reset(self) -> None:
        """Forget scripts and records and drop every connection, which frees everything that waits."""
        self._on_loop(self._forget())

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse connections inside the block; answers that had begun may end."""
        self._on_loop(self._listener.stop_listening())
        # Bound but not listening, the port refuses and nobody else can take it.
        sock = _bound(self.port, listening=False)
        try:
            yield
        finally:
            self._on_loop(self._listener.listen(sock))

    def wait(self, predicate: Callable[[], object], timeout: float) -> bool:
        """Block until `predicate` is true, for at most `timeout` seconds; say whether it was.

        It is looked at whenever the record changes: a request, a token, an end, a connection.
        """
        return self._ledger.wait(predicate, timeout)

    def will_say(
        self, *tokens: str, gated: bool = False, to: str | None = None, then: Ending = "stop"
    ) -> Answer:
        """Answer the next request (whose prompt contains `to`) with these tokens, then end as `then` says."""
        return self._add(Answer(tokens, gated=gated, to=to, then=then))

    def will_call(
        self, name: str, arguments: dict[str, Any], id: str | None = None, *, to: str | None = None
    ) -> Answer:
        """Answer the next request with a call of the client's tool `name`."""
        return self._add(Answer(call=ToolCall(name, arguments, id), to=to))

    def will_fail(
        self,
        status: int,
        message: str = "The model cannot answer now.",
        *,
        headers: dict[str, str] | None = None,
        to: str | None = None,
        times: int | None = 1,
    ) -> Failure:
        """Answer the next `times` requests with an error; with `times=None`, all until the reset."""
        return self._add(Failure(status, message, headers=headers, to=to, times=times))

    def will_stall(self, *, to: str | None = None) -> Stall:
        """Accept the next request and never answer it."""
        return self._add(Stall(to=to))

    def _add(self, script: ScriptT) -> ScriptT:
        self._scripts.add(script)
        return script

    def _app(self) -> Starlette:
        return Starlette(
            routes=openai.routes(self._scripts, self._ledger),
            exception_handlers={HTTPException: openai.http_error},
        )

    def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            work.close()
            raise RuntimeError("The local LLM is not serving: call start(), or use it as a context manager.")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _forget(self) -> None:
        await self._listener.drop_connections()
        self._scripts.clear()
        self._ledger.clear()


def _bound(port: int, *, listening: bool) -> socket.socket:
    # The protocol is named: asyncio sets TCP_NODELAY only on sockets that say they are TCP.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # On Windows the option would let two servers share a port.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
        if listening:
            sock.listen()
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(port) from None
        raise
    return sock
