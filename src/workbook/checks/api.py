"""The client in a check's hands: it asks, waits with reason, and keeps what was said."""

from __future__ import annotations

import json
import select
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

from workbook.checks.limit import Limit
from workbook.checks.outcome import Failure, Otherwise, show
from workbook.checks.patience import CAP, TICK, UNRESPONSIVE, Patience, probe
from workbook.checks.sse import Decoder, Event
from workbook.checks.wire import Call
from workbook.runner import App
from workbook.text import _


class Reply:
    """An answer that may still be on its way: what is asked of it waits for it."""

    def __init__(self, api: Api, call: Call) -> None:
        self._api = api
        self.call = call

    @property
    def status(self) -> int:
        """The status code, as soon as the head of the answer is here."""
        self._api.wait(lambda: self.call.status is not None or self.call.done, self.call)
        if self.call.status is None:
            raise Failure(
                mistake=_("The connection ended without an answer: {why}.").format(why=self.call.error)
            )
        return self.call.status

    def header(self, name: str) -> str:
        """A header's value, empty where it is missing."""
        _status = self.status
        return self.call.header(name)

    def has_come(self) -> bool:
        """Whether the whole answer is here now."""
        self.call.advance(0)
        return self.call.done

    @property
    def body(self) -> bytes:
        """The whole body. Fails where the connection broke before its end."""
        self._api.wait(lambda: self.call.done, self.call)
        if self.call.error:
            raise Failure(mistake=_("The connection ended in mid-answer: {why}.").format(why=self.call.error))
        return self.call.received

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON; not being JSON is a failure of the program, not of the check."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Failure("JSON", show(self.text), _("The body of the answer is not JSON.")) from None

    def field(self, name: str) -> Any:
        """One field of a JSON object."""
        data = self.json()
        if not isinstance(data, dict) or name not in data:
            mistake = _("The answer has no field `{name}`.").format(name=name)
            raise Failure(f'{{"{name}": …}}', show(json.dumps(data, ensure_ascii=False)), mistake)
        return data[name]

    def should_be(self, status: int, otherwise: Otherwise = None) -> Self:
        """Fail unless the status code is this one; ``otherwise`` is given the reply."""
        if self.status != status:
            mistake = otherwise(self) if callable(otherwise) else otherwise
            self._api.patiently(lambda: self.call.done, self.call)
            body = show(self.call.received.decode("utf-8", "replace")) if self.call.size else ""
            got = f"{self.status} {body}".rstrip()
            raise Failure(str(status), got, mistake or usual_mistake(self, status))
        return self


def usual_mistake(reply: Reply, wanted: int) -> str:
    """What a status code that nobody wanted usually means, where it means one thing."""
    call = reply.call
    if call.status == 404:
        return _("There is no route {path} in your app: is the path right, and its router included?").format(
            path=call.path
        )
    if call.status == 405:
        return _("{path} exists, but not for {method}.").format(path=call.path, method=call.method)
    if call.status == 307:
        return _("{path} redirects to {to}: is there a slash too many?").format(
            path=call.path, to=call.header("location")
        )
    if call.status == 422 and wanted != 422:
        return _("FastAPI refused the request: are the names of the model's fields right?")
    return ""


class Stream(Reply):
    """An answer of server-sent events, read as it comes."""

    def __init__(self, api: Api, call: Call) -> None:
        super().__init__(api, call)
        self._decoder = Decoder()
        self._fed = 0
        self._events: list[Event] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Close the connection, as a browser does when its tab is closed."""
        self.call.close()

    @property
    def events(self) -> list[Event]:
        """The events that have arrived so far."""
        for _at, chunk in self.call.chunks[self._fed :]:
            try:
                self._events += self._decoder.feed(chunk)
            except UnicodeDecodeError as error:
                mistake = _("The stream is not UTF-8: a character was cut in two, or encoded otherwise.")
                raise Failure("UTF-8", show(repr(error.object)), mistake) from None
        self._fed = len(self.call.chunks)
        return self._events

    @property
    def text(self) -> str:
        """The data of the message events so far, joined; ``[DONE]`` is not part of it."""
        return "".join(e.data for e in self.events if e.event != "error" and e.data != "[DONE]")

    @property
    def unfinished(self) -> str:
        """What was sent after the last complete event."""
        _events = self.events
        return self._decoder.unfinished

    def until(self, text: str) -> str:
        """The text so far, once at least as much as ``text`` has come or silence is certain."""
        self._api.patiently(lambda: len(self.text) >= len(text), self.call)
        return self.text

    def rest(self) -> list[Event]:
        """All events, once the answer has ended, or silence is certain (see ``ended``)."""
        self._api.patiently(lambda: self.call.done, self.call)
        return self.events

    @property
    def ended(self) -> bool:
        """Whether the answer came to its proper end."""
        return self.call.complete

    @property
    def broken(self) -> bool:
        """Whether the connection was lost before the end."""
        return bool(self.call.error)


class Api:
    """A client of one running app. Each call is a connection of its own, as from another user."""

    def __init__(self, app: App, limit: Limit, calls: list[Call]) -> None:
        self.app = app
        self.calls = calls
        self.limit = limit
        self.blocked_at = ""
        self.printed_before = app.printed

    def get(self, path: str, *, token: str | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        """GET and wait for the whole answer."""
        return self.request("GET", path, token=token, headers=headers)

    def post(
        self,
        path: str,
        json: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """POST ``json`` and wait for the whole answer."""
        return self.request("POST", path, json, token=token, headers=headers)

    def request(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Any method; waits for the whole answer."""
        reply = self.begin(method, path, json, token=token, headers=headers)
        self.wait(lambda: reply.call.done, reply.call)
        return reply

    def begin(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request and do not wait: the reply waits where it is asked."""
        return Reply(self, self._call(method, path, json, token, headers))

    def stream(
        self,
        path: str,
        json: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Stream:
        """POST ``json`` and read the answer as it comes; leave the ``with`` block and the client leaves."""
        return Stream(self, self._call("POST", path, json, token, headers))

    def at_once(
        self, method: str, path: str, json: Any, *, times: int, token: str | None = None
    ) -> list[Reply]:
        """Send a request several times over, the last byte of each arriving at the same moment."""
        calls = [self._call(method, path, json, token, None, keep=1) for _time in range(times)]
        # Who comes after them and is answered shows that they were all let in.
        self.responds()
        with self.app.held():
            for call in calls:
                call.finish()
        return [Reply(self, call) for call in calls]

    def _call(
        self,
        method: str,
        path: str,
        body: Any,
        token: str | None,
        headers: Mapping[str, str] | None,
        keep: int = 0,
    ) -> Call:
        self.limit.check()
        sent = {"authorization": f"Bearer {token}"} if token is not None else {}
        data = b""
        if body is not None:
            sent["content-type"] = "application/json"
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        call = Call(self.app.port, method, path, sent | dict(headers or {}), data, keep)
        self.calls.append(call)
        return call

    def wait(self, happened: Callable[[], bool], *calls: Call) -> None:
        """Wait for what a working app surely does, however slowly. Fails when it does not."""
        ends = time.monotonic() + CAP
        while not happened():
            self.limit.check()
            if time.monotonic() > ends:
                if not self.patiently(happened, *calls):
                    raise Failure(mistake=_("No answer in {seconds:.0f} seconds.").format(seconds=CAP))
                return
            self._advance(calls)

    def patiently(self, happened: Callable[[], bool], *calls: Call) -> bool:
        """Whether it happens. False is said only when that is certain (see ``Patience``)."""
        patience = Patience(self.app)
        try:
            while not happened():
                self.limit.check()
                if (calls and all(call.done for call in calls)) or patience.is_over():
                    return happened()
                if self._advance((*calls, patience.probe) if patience.probe else calls) & {*calls}:
                    patience.renew()
            return True
        finally:
            self.blocked_at = patience.blocked_at or self.blocked_at
            patience.close()

    def _advance(self, calls: tuple[Call, ...]) -> set[Call]:
        """Take in what has come, waiting a tick for it; the calls to which something came."""
        waiting = {call.socket: call for call in calls if not call.done}
        if not waiting:
            time.sleep(TICK / 4)
            return set()
        ready = {waiting[each] for each in select.select(list(waiting), [], [], TICK)[0]}
        for call in ready:
            call.advance(0)
        return ready

    def eventually(self, happened: Callable[[], bool]) -> bool:
        """Whether something outside the app (the LLM's record, a file) comes about; see ``patiently``."""
        return self.patiently(happened)

    def responds(self) -> bool:
        """Whether the app answers anybody at all (a path that does not exist will do)."""
        call = probe(self.app)
        ends = time.monotonic() + UNRESPONSIVE
        while not call.done and time.monotonic() < ends:
            self._advance((call,))
        answered = call.status is not None
        call.close()
        return answered
