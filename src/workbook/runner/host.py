"""The app's own process: bring one file up under uvicorn and say how it went.

Such a process has three descriptors. On 0 comes the order, one JSON line, then commands; its end means
"leave at once", so nobody is orphaned when the caller dies. On 1 it reports, a JSON line an event. 2 is the
log: whatever the program prints. Run with ``--fork FD`` it waits with everything imported, and each three
descriptors that arrive over that socket become a process of their own in a few milliseconds.

Events: ``listening`` (pid, port), ``started``, ``held``, ``stopped``, ``failed`` (during, type, message,
file, line, traceback), ``where`` (stack), ``langchain`` (prompt).
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import io
import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

from workbook.runner.process import AHEAD

PRELOAD = (
    "anyio._backends._asyncio",
    "fastapi.middleware.cors",
    "fastapi.responses",
    "fastapi.security",
    "fastapi.sse",
    "fastapi.testclient",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
    "dotenv",
    "httpx",
    "jose.jwt",
    "pwdlib.hashers.argon2",
    "langchain_core.messages.block_translators.langchain_v0",
    "langchain_core.output_parsers",
    "langchain_core.prompts",
    "langchain_core.tracers.stdout",
    "langchain_openai",
    "langgraph.prebuilt",
    "sse_starlette",
)

Report = Callable[..., None]


def main(argv: list[str]) -> None:
    """Serve one order from descriptor 0, or with ``--fork FD`` as many as arrive over that socket."""
    if argv and argv[0] == "--fork":
        fork_on_demand(socket.socket(fileno=int(argv[1])))
    else:
        if argv and argv[0] == "--warm":
            preload()
        serve_one()


def preload() -> None:
    """Import what most programs import, and do once what is slow the first time."""
    for name in PRELOAD:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    rehearse()
    # What exists now is shared with every child: the collector must not touch, and so copy, it.
    gc.collect()
    gc.freeze()


def rehearse() -> None:
    with contextlib.suppress(ImportError):
        from workbook.runner import rehearsal

        rehearsal.run()


def fork_on_demand(control: socket.socket) -> None:
    preload()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    control.sendall(b"\n")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 3)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            become(descriptors)
            if message == AHEAD:
                # The memory that is shared with the parent is copied where it is written to: now, not later.
                rehearse()
            serve_one()
        for descriptor in descriptors:
            os.close(descriptor)


def become(descriptors: list[int]) -> None:
    """In a forked child: a session of its own, and the three descriptors in their usual places."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for place, descriptor in enumerate(descriptors):
        os.dup2(descriptor, place)
        os.close(descriptor)


def serve_one() -> NoReturn:
    orders, report = take_over_descriptors()
    # Seldom, so that no verdict hangs on when the collector happens to close what a program left open.
    gc.set_threshold(50_000)
    code = 1
    try:
        order = json.loads(orders.readline())
        enter(order)
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        report("listening", pid=os.getpid(), port=listener.getsockname()[1])
        code = bring_up(order, listener, orders, report)
    finally:
        # Threads and exit hooks of the program have no say in when it ends.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def take_over_descriptors() -> tuple[Any, Report]:
    """Keep orders and reports to ourselves: the program's own stdin is empty, its stdout is the log."""
    orders = os.fdopen(os.dup(0), "r", encoding="utf-8")
    reports = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.FileIO(fd, "w", closefd=False), "utf-8", "backslashreplace", line_buffering=True)
        for fd in (1, 2)
    )
    lock = threading.Lock()

    def report(event: str, **details: Any) -> None:
        with lock, contextlib.suppress(OSError):
            reports.write(json.dumps({"event": event, **details}) + "\n")
            reports.flush()

    return orders, report


def enter(order: dict[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(order["env"])
    if hasattr(time, "tzset"):
        time.tzset()
    os.chdir(order["cwd"])
    keep_to_own_dotenv()
    sys.argv = [order["file"]]
    sys.path[:0] = order["path"]
    # A file saved twice within a second may have bytecode that looks fresh and is not.
    sys.dont_write_bytecode = True


def keep_to_own_dotenv() -> None:
    """Let `load_dotenv()` find the `.env` of this run, whichever module calls it.

    It looks above the caller's file, and one that is not copied (Day 2, for Day 3) lies in the course, whose
    `.env` is the student's own.
    """
    with contextlib.suppress(ImportError):
        import dotenv.main

        for module in (dotenv, dotenv.main):
            vars(module)["find_dotenv"] = find_dotenv


def find_dotenv(filename: str = ".env", raise_error_if_not_found: bool = False, usecwd: bool = False) -> str:
    path = os.path.abspath(filename)
    if os.path.isfile(path):
        return path
    if raise_error_if_not_found:
        raise OSError("File not found")
    return ""


def bring_up(order: dict[str, Any], listener: socket.socket, orders: Any, report: Report) -> int:
    import asyncio

    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                report("started")

        async def main_loop(self) -> None:
            # uvicorn's own looks only every 0.1 s whether to stop.
            tick = 0
            while not await self.on_tick(tick // 10):
                tick += 1
                await asyncio.sleep(0.01)
                if not go.is_set():
                    report("held")
                    go.wait()

        async def serve(self, sockets: list[socket.socket] | None = None) -> None:
            await super().serve(sockets)
            if self.started:
                # What the program forgot to close is still open now, and can be seen from outside.
                report("stopped")
                await asyncio.Event().wait()

    stop, go = threading.Event(), threading.Event()
    go.set()
    threading.Thread(target=obey, args=(orders, report, stop, go), daemon=True).start()
    watch_langchain(report)
    try:
        app = find_app(load(order["name"], order["file"]))
    except BaseException as error:
        report("failed", during="import", **describe(error, order["file"]))
        return 1
    config = uvicorn.Config(
        app, log_level="info", access_log=False, use_colors=False, timeout_graceful_shutdown=5
    )
    server = Server(config)
    threading.Thread(target=leave_when_told, args=(stop, server), daemon=True).start()
    try:
        server.run(sockets=[listener])
    except BaseException as error:
        # uvicorn logs what a lifespan raises and leaves: the log knows more than this exception.
        report("failed", during="startup", **describe(error, order["file"]))
    return 1


def leave_when_told(stop: threading.Event, server: Any) -> None:
    stop.wait()
    server.should_exit = True


def obey(orders: Any, report: Report, stop: threading.Event, go: threading.Event) -> None:
    for line in orders:
        if line.strip() == "stop":
            stop.set()
        elif line.strip() == "hold":
            go.clear()
        elif line.strip() == "go":
            go.set()
        elif line.strip() == "where":
            report("where", stack=main_stack())
    if hasattr(os, "killpg"):
        os.killpg(os.getpgid(0), signal.SIGKILL)
    os._exit(1)


def main_stack() -> list[dict[str, Any]]:
    """Where the main thread, and so the event loop, is now: ``{"file", "line", "text"}``, innermost last."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    frames = traceback.extract_stack(frame) if frame else []
    return [{"file": f.filename, "line": f.lineno, "text": f.line or ""} for f in frames]


def load(name: str, file: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class NoApp(Exception):
    """The file runs and has no ``app`` to serve."""


def find_app(module: ModuleType) -> Any:
    app = getattr(module, "app", None)
    if app is None and callable(factory := getattr(module, "create_app", None)):
        app = factory()
    # uvicorn would take a class for a factory of another protocol, and serve something else.
    if not callable(app) or isinstance(app, type):
        raise NoApp("" if app is None else f"app = {app!r}")
    return app


def describe(error: BaseException, file: str) -> dict[str, Any]:
    """What a person needs of an exception: its kind, its words, and the last line of theirs it came from."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "importlib" not in f.filename]
    frames = [f for f in frames if f.filename != __file__]
    text = "".join(traceback.format_list(frames) + traceback.format_exception_only(error))
    theirs = [f for f in frames if f.filename == file] or frames
    where: tuple[str | None, int | None] = (
        (theirs[-1].filename, theirs[-1].lineno) if theirs else (None, None)
    )
    if isinstance(error, SyntaxError):
        where = (error.filename, error.lineno)
    kind = type(error).__name__
    return {"type": kind, "message": str(error), "file": where[0], "line": where[1], "traceback": text}


def watch_langchain(report: Report) -> None:
    """Report each chat model run of LangChain in this process, however the program built it."""
    try:
        from contextvars import ContextVar

        from langchain_core.callbacks import BaseCallbackHandler
        from langchain_core.tracers.context import register_configure_hook
    except ImportError:
        return

    class Witness(BaseCallbackHandler):
        run_inline = True

        def on_chat_model_start(self, serialized: Any, messages: Any, **_: Any) -> None:
            report("langchain", prompt=str(messages[0][-1].text) if messages and messages[0] else "")

        def on_llm_start(self, serialized: Any, prompts: list[str], **_: Any) -> None:
            report("langchain", prompt=prompts[-1] if prompts else "")

    # The default, and not a value set here, is what every task and thread of the program sees.
    witness: ContextVar[Any] = ContextVar("workbook_witness", default=Witness())  # noqa: B039
    register_configure_hook(witness, inheritable=True)


if __name__ == "__main__":
    main(sys.argv[1:])
