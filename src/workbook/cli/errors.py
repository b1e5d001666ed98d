"""What went wrong, in one line that names the next step."""

import errno
import os
import sys

from workbook.course import CourseError, Unit
from workbook.text import _

USAGE = 2
# Nobody reads any more: the pipe was closed, or the terminal.
GONE = (errno.EPIPE, errno.EIO)


class NoTemplate(CourseError):
    """A unit's template is gone."""

    def __init__(self, unit: Unit) -> None:
        line = _("There is no {path}. This makes it anew: workbook reset {unit}")
        super().__init__(line.format(path=unit.template, unit=unit.id))


def complain(error: CourseError | OSError) -> int:
    """Say what went wrong on the standard error and return the exit code."""
    if isinstance(error, OSError) and error.errno in GONE:
        mute()
        return 1
    print(f"✗ {describe(error)}", file=sys.stderr)
    return USAGE


def describe(error: CourseError | OSError) -> str:
    """Return an error's line."""
    if isinstance(error, CourseError):
        return str(error)
    path = error.filename or "?"
    if isinstance(error, FileNotFoundError):
        return _("There is no {path}. Is the course whole? Try: git status").format(path=path)
    if isinstance(error, PermissionError):
        return _("{path} may not be read or written. Whose is it? Try: workbook doctor").format(path=path)
    if error.errno == errno.ENOSPC:
        return _("The disk is full: nothing was written. Make some room and try again.")
    return _("The system says no: {error}. Try: workbook doctor").format(error=error)


def mute() -> None:
    """Let what is still to be printed vanish, or Python itself would complain as it leaves."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
