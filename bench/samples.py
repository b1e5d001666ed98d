"""The sample programs in ``tests/submissions/<unit>/``, and what their heads say of them.

A right sample says in which tasks it is written otherwise than the reference; a wrong one which tasks it
fails, the one of its mistake first, and a regex that the message there must match::

    # right: HTTPBearer, the header read by hand        # wrong: minutes taken for days
    # differs: 2.5 2.6                                  # fails: 2.3
                                                        # says: timedelta
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from workbook.course import Unit, load
from workbook.report import Verdict

COURSE = load(Path(__file__).parents[1])
FOLDER = COURSE.root / "tests" / "submissions"
HEAD = re.compile(r"^# (right|wrong|differs|fails|says): *(.+)$", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class Sample:
    """A whole program and the lines of its head."""

    file: Path
    head: dict[str, str]

    def __str__(self) -> str:
        return f"{self.unit.id}/{self.file.stem}"

    @property
    def unit(self) -> Unit:
        return COURSE.unit(self.file.parent.name)

    @property
    def differs(self) -> list[str]:
        return self.head.get("differs", "").split()

    @property
    def fails(self) -> list[str]:
        """The tasks that must not pass, that of the mistake first; none for a right program."""
        return self.head.get("fails", "").split()


def read(file: Path) -> Sample:
    return Sample(file, dict(HEAD.findall(file.read_text("utf-8"))))


def failed(verdict: Verdict) -> list[str]:
    """The tasks that did not pass, in the order of their ids; a bonus that was left out is none of them."""
    return sorted(task.id for task in verdict.tasks if task.status not in ("passed", "skipped"))


SAMPLES = [read(file) for file in sorted(FOLDER.glob("*/*.py"))]
