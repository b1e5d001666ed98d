"""`workbook` alone: the local LLM, and a verdict at each save."""

import threading
import time
from contextlib import ExitStack, suppress

from rich.console import Console
from rich.text import Text

from workbook.cli import dotenv
from workbook.cli.check import AHEAD, grade_one
from workbook.cli.errors import NoTemplate, describe
from workbook.cli.llm import beside
from workbook.cli.progress import Progress, print_next, print_progress
from workbook.cli.saves import Saves
from workbook.course import Course, CourseError, Memory, Unit, load
from workbook.report import Verdict
from workbook.report.terminal import make_console, print_verdict, width_of
from workbook.runner import Warm
from workbook.text import _


def run() -> None:
    """Watch until Ctrl-C."""
    course = load()
    screen = make_console()
    made = dotenv.ensure(course.root)
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        # First of all, so that it has imported everything by the first save.
        watcher = Watcher(course, screen)
        stack.callback(watcher.close)
        saves = stack.enter_context(Saves(course.units))
        welcome(course, screen, made)
        screen.print(stack.enter_context(beside(course)).line, soft_wrap=True)
        screen.print(_("Ctrl-C ends."), style="dim")
        for unit, off in saves:
            watcher.saw(unit, off)
    screen.print()


def welcome(course: Course, screen: Console, made: bool) -> None:
    """Where the student stands and what comes next."""
    progress = Memory(course.root).progress()
    screen.print()
    print_progress(course, progress, screen)
    screen.print()
    unit = print_next(course, progress, screen)
    if unit is not None:
        template = unit.template.relative_to(course.root).as_posix()
        screen.print("  " + _("Edit {template} and save: the verdict appears here").format(template=template))
    screen.print()
    if made:
        screen.print(_("Made .env, with a secret of its own for your tokens."))


class Watcher:
    """Grades what was saved, and outlives whatever comes of it."""

    def __init__(self, course: Course, screen: Console) -> None:
        self._course = course
        self._screen = screen
        self._memory = Memory(course.root)
        self._source = Warm()
        self._prepare()

    def _prepare(self) -> None:
        with suppress(OSError):
            self._source.prepare(AHEAD)

    def close(self) -> None:
        self._source.close()

    def saw(self, unit: Unit, off: threading.Event) -> None:
        """Grade a unit that was saved and say what came of it, unless it is saved again meanwhile."""
        try:
            verdict = self._grade(unit, off)
        except CourseError as error:
            self._say(unit, str(error))
        except Exception as error:
            # CalledOff among them: a run that was left has nothing to say.
            if not off.is_set():
                self._say(
                    unit,
                    _("The checks themselves failed: {error!r}. Save again to retry.").format(error=error),
                )
                self._renew()
        else:
            if not off.is_set():
                self._tell(unit, verdict)
        self._prepare()

    def _grade(self, unit: Unit, off: threading.Event) -> Verdict:
        if not unit.template.is_file():
            raise NoTemplate(unit)
        return grade_one(self._course, unit, unit.template, self._source, self._screen, off)

    def _tell(self, unit: Unit, verdict: Verdict) -> None:
        self._begin(unit)
        print_verdict(verdict, unit, self._screen)
        best = self._remember(verdict)
        self._screen.print()
        print_progress(self._course, best, self._screen)
        self._screen.print()
        # What did not even start says nothing of the tasks.
        now = best if verdict.message else {**best, unit.id: verdict.to_json()}
        print_next(self._course, now, self._screen, unit)
        if verdict.status == "error":
            self._renew()

    def _remember(self, verdict: Verdict) -> Progress:
        """Keep the verdict and return the best of each unit; where nothing can be kept, this one alone."""
        try:
            self._memory.remember(verdict.to_json())
            return self._memory.progress()
        except OSError as error:
            self._screen.print(Text(describe(error), style="red"), soft_wrap=True)
            return {verdict.unit: verdict.to_json()}

    def _say(self, unit: Unit, line: str) -> None:
        self._begin(unit)
        self._screen.print(Text(line, style="red"), soft_wrap=True)

    def _begin(self, unit: Unit) -> None:
        """A clean screen where there is one, and a line that tells this verdict from the one before."""
        if self._screen.is_terminal:
            self._screen.clear()
        self._screen.print()
        head = f"── {time.strftime('%H:%M:%S')}  {unit.id}/{unit.template.name} "
        self._screen.print(Text(head.ljust(width_of(self._screen), "─"), style="dim"))

    def _renew(self) -> None:
        """Begin with a new source: the process that apps are forked from may be the one that is ill."""
        self._source.close()
        self._source = Warm()
