"""The server's side that lives on its event loop: uvicorn's HTTP protocol behind a socket of ours.

Not `uvicorn.Server`, which looks every 0.1 s whether to stop and cannot stop listening for a while.
"""

import asyncio
import socket

from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from workbook.llm.record import Ledger

# An idle connection is the client's to close: a check looks whether it does.
IDLE_SECONDS = 24 * 3600


class Connection(H11Protocol):
    """A client's connection, counted. Requests find it in their scope's state."""

    def __init__(self, config: Config, state: ServerState, ledger: Ledger) -> None:
        super().__init__(config, state, app_state={"connection": self})
        self.access_log = False
        self.number = 0
        self.dropped = False
        self._ledger = ledger

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.number = self._ledger.opened()
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._ledger.closed()

    def cut(self) -> None:
        """Close once what was written has left, whether or not the answer is complete."""
        self.dropped = True
        self.transport.close()

    def abort(self) -> None:
        """Close at once."""
        self.dropped = True
        self.transport.abort()


class Listener:
    """Accepts connections for an ASGI app. Every method runs on the event loop."""

    def __init__(self, app: ASGIApp, ledger: Ledger, *, keep_alive: bool) -> None:
        self._config = Config(
            app, http="h11", ws="none", lifespan="off", log_config=None, timeout_keep_alive=IDLE_SECONDS
        )
        self._config.load()
        self._ledger = ledger
        self._state = ServerState()
        if not keep_alive:
            self._state.default_headers = [(b"connection", b"close")]

    async def listen(self, sock: socket.socket) -> None:
        """Accept connections on a bound socket, which is the listener's from now on."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, sock=sock)

    async def stop_listening(self) -> None:
        """Refuse new connections and close the idle ones; answers that had begun may end."""
        self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        await asyncio.sleep(0)

    async def drop_connections(self) -> None:
        """Close every connection, and return once each has ended with what it was doing."""
        while self._state.connections or self._state.tasks:
            for connection in list(self._state.connections):
                assert isinstance(connection, Connection)
                connection.abort()
            await asyncio.sleep(0)

    async def leave(self) -> None:
        """Stop for good."""
        self._server.close()
        await self.drop_connections()

    def _connection(self) -> Connection:
        return Connection(self._config, self._state, self._ledger)
