"""The words of a failed check: what was sent, what came, what was expected, the likely mistake."""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from workbook.checks.api import Api
from workbook.checks.outcome import Failure, show
from workbook.checks.wire import Call
from workbook.llm import LocalLLM
from workbook.runner import Crash, Failed
from workbook.text import _

CALLS_SHOWN = 3
TRACEBACK_LINES = 8
FIRST_FRAME = 2
LOG_LAG = 0.5


def compose(failure: Failure, calls: Sequence[Call], llm: LocalLLM, apis: Sequence[Api]) -> str:
    """The feedback on one failure, a few lines long."""
    crash = last_crash(calls, apis)
    unwritten = crash is not None and crash.type == "NotImplementedError" and "TODO" in crash.message
    if crash is not None and unwritten and not failure.proven:
        place = f"{name(Path(crash.file or ''), apis[-1].app.file)}:{crash.line}"
        return _("Not done yet: {todo} ({place})").format(todo=crash.message, place=place)
    lines = [exchange(call) for call in calls[-CALLS_SHOWN:]]
    told = said(calls, llm)
    # Often the LLM's words are what was expected: once is enough.
    expected = "" if failure.expected in dict(told).values() else failure.expected
    lines += table(*told, (_("expected"), expected), (_("got"), failure.got))
    lines += [failure.mistake]
    lines += [stands_still(api.blocked_at) for api in apis if api.blocked_at]
    if crash is not None and not unwritten:
        lines += [_("Your app raised:"), *quoted(crash.traceback)]
    return "\n".join(line for line in lines if line)


def last_crash(calls: Sequence[Call], apis: Sequence[Api]) -> Crash | None:
    """What the app raised during the check. A server answers 500 first and logs the reason a moment later."""
    expected = any(call.status == 500 or call.error for call in calls)
    ends = time.monotonic() + (LOG_LAG if expected else 0)
    while True:
        for api in reversed(apis):
            if crash := api.app.crash(api.printed_before):
                return crash
        if time.monotonic() >= ends:
            return None
        time.sleep(0.005)


def exchange(call: Call) -> str:
    """A request and the head of its answer in a line."""
    line = cut(call.describe(), 160)
    if call.status is not None:
        kind = call.header("content-type").partition(";")[0]
        return f"{line} → {call.status} {kind}".rstrip()
    return line


def said(calls: Sequence[Call], llm: LocalLLM) -> list[tuple[str, str]]:
    """What the LLM said to the last request it had, and what the app made of it."""
    if not llm.requests or not llm.requests[-1].sent or not calls:
        return []
    words = "".join(sent.text for sent in llm.requests[-1].sent)
    answer = calls[-1].received.decode("utf-8", "replace")
    return [(_("the LLM said"), show(words)), (_("your app sent"), show(answer) if answer else "")]


def table(*rows: tuple[str, str]) -> list[str]:
    """Labelled lines, the values in one column."""
    filled = [(label, value) for label, value in rows if value]
    width = max((len(label) for label, _value in filled), default=0)
    return [f"{label:<{width}}  {value}" for label, value in filled]


def stands_still(place: str) -> str:
    return _("Meanwhile nobody else was answered: the event loop stood still at {place}").format(place=place)


def cut(text: str, width: int) -> str:
    # Tokens are long and nobody reads them.
    text = re.sub(r"[\w.-]{60,}", lambda m: m[0][:12] + "…" + m[0][-6:], text)
    return text if len(text) <= width else text[: width - 1] + "…"


def last_lines(text: str) -> list[str]:
    return indented(text)[-TRACEBACK_LINES:]


def indented(text: str) -> list[str]:
    return ["  " + line.rstrip() for line in text.rstrip().splitlines()]


def quoted(traceback: str) -> list[str]:
    """A traceback cut in its middle: it begins in the student's file and ends with what was raised."""
    lines = indented(traceback)
    if len(lines) <= TRACEBACK_LINES:
        return lines
    return [*lines[:FIRST_FRAME], "  …", *lines[FIRST_FRAME + 1 - TRACEBACK_LINES :]]


def not_started(failed: Failed, file: Path) -> str:
    """Why the app is not up, with the line to look at."""
    told = why_not_started(failed, file)
    if "uvicorn.run(" in failed.message + failed.traceback:
        return told + "\n" + _("The server is started for you: leave `uvicorn.run` out of the file.")
    return told


def why_not_started(failed: Failed, file: Path) -> str:
    place = f"{name(Path(failed.file), file)}:{failed.line}" if failed.file and failed.line else file.name
    if failed.during == "hang":
        line = f" `{failed.message.strip()}`" if failed.message else ""
        return _("Your app did not start in time: it is still at {place}{line}").format(
            place=place, line=line
        )
    if failed.during == "exit":
        return with_log(_("Your app's process ended by itself before it served anything."), failed.log)
    if failed.type == "NoApp" and failed.message:
        return _("In {file} `app` is no app ({what}): create it with `app = FastAPI()`.").format(
            file=file.name, what=failed.message
        )
    if failed.type == "NoApp":
        return _("{file} has no `app`: create one with `app = FastAPI()`.").format(file=file.name)
    if failed.type == "SystemExit" and failed.during == "import":
        return _("{place} ended the program (`sys.exit`) before the app was up.").format(place=place)
    during = _("does not import") if failed.during == "import" else _("does not start")
    head = _("Your app {does_not}: {type} at {place}").format(does_not=during, type=failed.type, place=place)
    return "\n".join([head, *quoted(failed.traceback)])


def name(file: Path, target: Path) -> str:
    """A file as its reader knows it: that of another unit with its folder."""
    return file.name if file.parent == target.parent else f"{file.parent.name}/{file.name}"


def with_log(line: str, log: str) -> str:
    return "\n".join([line, *last_lines(log)])


def internal(error: Exception) -> str:
    """What went wrong in the check itself."""
    text = "".join(traceback.format_exception(error))
    return "\n".join([_("This is our fault, not yours: the check itself failed."), *last_lines(text)])
