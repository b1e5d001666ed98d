"""`workbook hint`: one hint more each time it is asked."""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from workbook.course import HINTS, Guide, Memory, load
from workbook.text import _

# The end of a line in mid-paragraph: the screen is as wide as it is.
LINE_END = re.compile(r"(?<=\S)\n(?=[^\s*-])")

if TYPE_CHECKING:
    from rich.console import Console


def run(id: Annotated[str, typer.Argument(metavar="TASK", help=_("A task, such as 3.4."))]) -> None:
    from workbook.report.terminal import make_console, width_of

    course = load()
    unit, task = course.task(id)
    hints = Guide.read(unit.guide).hints(id)
    memory = Memory(course.root)
    again = memory.hints_taken(id) == HINTS
    taken = memory.take_hint(id)
    screen = make_console()
    screen.print(f"{id}  {task.title}", style="bold")
    for number in range(1 if again else taken, taken + 1):
        screen.print(_("Hint {number} of {count}").format(number=number, count=HINTS), style="cyan")
        print_hint(hints[number - 1], screen, width_of(screen))
    more = (
        _("One more: workbook hint {id}") if taken < HINTS else _("The reference: workbook solution {unit}")
    )
    screen.print(more.format(id=id, unit=unit.id), style="dim")


def print_hint(markdown: str, screen: "Console", width: int) -> None:
    # Not rendered: without colours nothing would tell code from prose any more.
    from rich.text import Text

    text = Text(markdown if "```" in markdown else LINE_END.sub(" ", markdown))
    text.highlight_regex(r"`[^`]+`", "cyan")
    for line in text.wrap(screen, width - 2):
        screen.print(Text("  ").append_text(line))
    screen.print()
