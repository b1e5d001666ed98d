"""One submission under examination: its app, the LLM beside it, and what each check is given."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from workbook.checks import feedback
from workbook.checks.api import Api
from workbook.checks.limit import CalledOff, Limit, OutOfTime
from workbook.checks.outcome import Failure, Skipped, show
from workbook.checks.settings import Settings
from workbook.checks.task import CheckFunction
from workbook.checks.wire import Call
from workbook.llm import LocalLLM
from workbook.report import Check, Status
from workbook.runner import App, Failed, Source
from workbook.text import _


class Serve:
    """Starts the app again, in another world: ``serve(JWT_SECRET_KEY="x")``; ended with the check."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __call__(self, *, dotenv: str = "", **env: str | None) -> Api:
        """A client of a new process: ``env`` changes its environment (None removes)."""
        return self._session.serve(env, dotenv)

    def refused(self, *, dotenv: str = "", otherwise: str = "", **env: str | None) -> Failed:
        """How the app refused to start; that it started is a failure, by the mistake ``otherwise``."""
        try:
            self(dotenv=dotenv, **env)
        except Failed as failed:
            return failed
        changed = ", ".join(
            _("{name} missing").format(name=name) if value is None else f"{name}={show(value)}"
            for name, value in env.items()
        )
        expected = _("the app refuses to start with {changed}").format(changed=changed)
        raise Failure(expected, _("it started"), otherwise)


class Session:
    """Brings the submission's app up when first needed, and anew when a check has left it unwell.

    ``path`` are folders it may import from; ``off`` calls the run off from another thread.
    """

    def __init__(
        self, file: Path, source: Source, *, path: Sequence[Path] = (), off: threading.Event | None = None
    ) -> None:
        self.file = file
        self.settings = Settings()
        self.llm = LocalLLM(keep_alive=True)
        self.not_started: Failed | None = None
        self._source, self._path, self._off = source, path, off or threading.Event()
        self._app: App | None = None
        self._in_doubt = False
        self._stack = ExitStack()
        self._forget()

    def _forget(self) -> None:
        self.calls: list[Call] = []
        self.apis: list[Api] = []

    def __enter__(self) -> Self:
        self.llm.start()
        self._env = self.settings.env(self.llm.base_url)
        return self

    def __exit__(self, *_: object) -> None:
        if self._app is not None:
            self._app.close()
        self.llm.close()

    def run(self, check: CheckFunction) -> Check:
        """Run one check and say what came of it. Only `CalledOff` passes through."""
        began = time.monotonic()
        with self.checking(check.limit):
            try:
                check.function(**{name: self.provide(name) for name in check.asks_for})
                outcome: tuple[Status, str] = ("passed", "")
            except CalledOff:
                raise
            except Exception as error:
                outcome = self.explain(error)
        return Check(check.name, *outcome, time.monotonic() - began)

    @contextmanager
    def checking(self, limit: float) -> Iterator[None]:
        """The span of one check: a fresh LLM and a time limit; what it started ends with it."""
        self.llm.reset()
        self._forget()
        self.limit = Limit(limit, self._off)
        with ExitStack() as self._stack:
            try:
                yield
            finally:
                unfinished = [call for call in self.calls if not call.done]
                for call in unfinished:
                    call.close()
        self._in_doubt |= bool(unfinished)
        if any(api.blocked_at for api in self.apis):
            self._end_app()

    def provide(self, name: str) -> Any:
        """What a check asks for by the name of a parameter: api, llm, serve or settings."""
        if name == "api":
            return self._api(self._shared_app())
        if name == "serve":
            self._shared_app()
            return Serve(self)
        return {"llm": self.llm, "settings": self.settings}[name]

    def _api(self, app: App) -> Api:
        self.apis.append(api := Api(app, self.limit, self.calls))
        return api

    def _shared_app(self) -> App:
        if self.not_started is not None:
            raise self.not_started
        if self._app is not None and not self._is_well(self._app):
            self._end_app()
        if self._app is None:
            try:
                self._app = self.start()
            except Failed as failed:
                self.not_started = failed
                raise
        return self._app

    def start(self, env: Mapping[str, str | None] | None = None, dotenv: str = "") -> App:
        """A new process of the app, its settings changed by ``env``. Raises `Failed`."""
        changed = {**self._env, **(env or {})}
        given = {name: value for name, value in changed.items() if value is not None}
        app = App(self.file, env=given, dotenv=dotenv, path=self._path, source=self._source)
        try:
            app.wait_started(meanwhile=self.limit.check)
        except BaseException:
            app.close()
            raise
        return app

    def serve(self, env: Mapping[str, str | None], dotenv: str) -> Api:
        """A process of the app for this check alone."""
        app = self.start(env, dotenv)
        self._stack.callback(app.close)
        return self._api(app)

    def _is_well(self, app: App) -> bool:
        # After a check that passed and left nothing open there is no need to ask.
        in_doubt, self._in_doubt = self._in_doubt, False
        return app.alive and (not in_doubt or Api(app, self.limit, []).responds())

    def _end_app(self) -> None:
        if self._app is not None:
            self._app.close()
        self._app = None

    def explain(self, error: Exception) -> tuple[Status, str]:
        """The status and the words for what a check raised."""
        self._in_doubt = True
        if isinstance(error, Skipped):
            return "skipped", str(error)
        if isinstance(error, Failed):
            return "failed", feedback.not_started(error, self.file)
        if isinstance(error, OutOfTime):
            error = Failure(mistake=_("The check ran out of time: something never came."))
        if isinstance(error, Failure):
            return "failed", feedback.compose(error, self.calls, self.llm, self.apis)
        return "error", feedback.internal(error)
