"""Making a student's template from the solution, and never losing what a student wrote in it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbook.course.manifest import Course, CourseError, Unit
from workbook.course.memory import Memory, write
from workbook.text import _

BEGIN = re.compile(r"(?P<indent>[ \t]*)### BEGIN SOLUTION (?P<task>\S+)")
END = re.compile(r"[ \t]*### END SOLUTION")
STUB = re.compile(r"[ \t]*### STUB(?: (?P<code>.*))?")
# Anything that looks like a marker: a misspelt one would hand the solution to the student.
MARKER = re.compile(r"\s*#+ *(BEGIN|END) *SOLUTION|\s*##+ *STUB\b", re.IGNORECASE)
REFERENCE = re.compile(r"^([ \t]*)from solutions\.(\w+) import ", re.MULTILINE)


class BadMarkers(CourseError):
    """The markers of a solution do not make a template."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        super().__init__(f"{path}:{line}: {why}")
        self.path, self.line, self.why = path, line, why


@dataclass(frozen=True)
class Block:
    """What a student writes: its task, the lines of its markers (from 1), its stub if any, and its code."""

    task: str
    begin: int
    end: int
    indent: str
    stub: tuple[str, ...]
    code: tuple[str, ...]


@dataclass(frozen=True)
class Stale:
    """A template that was not what its solution makes, and where the student's copy is kept, if any."""

    unit: Unit
    copy: Path | None = None


def blocks(source: str, path: Path) -> list[Block]:
    """Return what stands between the markers of a solution, in order. Raises `BadMarkers`."""
    found: list[Block] = []
    lines = enumerate(source.split("\n"), start=1)
    for number, line in lines:
        if begin := BEGIN.fullmatch(line.rstrip()):
            found.append(_block(path, number, begin, lines))
        elif MARKER.match(line):
            raise BadMarkers(path, number, _("this marker belongs to no block"))
    return found


def make_template(solution_source: str, unit: Unit) -> str:
    """Return the template of a unit: its solution with a TODO, and a stub, in place of each block.

    A block inside a function is left as `raise NotImplementedError` unless it brings its own stub (lines
    `### STUB <code>` after its first marker); elsewhere a raise would stop the import, so only the comment
    stays. Raises `BadMarkers`.
    """
    lines: list[str] = []
    rest = solution_source.rstrip("\n").split("\n")
    functions = _functions(solution_source)
    done = 0
    for block in blocks(solution_source, unit.solution):
        inside = any(first < block.begin < last for first, last in functions)
        lines += rest[done : block.begin - 1] + _todo(block, unit, inside)
        done = block.end
    template = "\n".join(lines + rest[done:]) + "\n"
    template = REFERENCE.sub(r"\1from \2.template import ", template)
    # A block that leaves nothing behind leaves no gap either.
    template = re.sub(r"\n{4,}", "\n\n\n", template)
    _compile(template, unit)
    return template


def build(course: Course, check: bool = False) -> list[Stale]:
    """Write every template that is not what its solution makes, and return those.

    With `check` nothing is written. A template that a student changed is copied first, to `.workbook/copies`.
    """
    stale = []
    for unit in course.units:
        fresh = _fresh(unit)
        if _read(unit.template) != fresh:
            stale.append(Stale(unit, None if check else _write(unit, fresh)))
        elif not check:
            Memory(unit.root).remember_writing(unit.id, fresh)
    return stale


def reset(unit: Unit) -> Path | None:
    """Write a unit's template anew and return where the student's own is kept, if they had changed it."""
    return _write(unit, _fresh(unit))


def _block(path: Path, begin: int, marker: re.Match[str], lines: Iterator[tuple[int, str]]) -> Block:
    stub: list[str] = []
    code: list[str] = []
    for number, line in lines:
        if END.fullmatch(line.rstrip()):
            return Block(marker["task"], begin, number, marker["indent"], tuple(stub), tuple(code))
        if not code and (given := STUB.fullmatch(line.rstrip())):
            stub.append(given["code"] or "")
        elif MARKER.match(line):
            raise BadMarkers(path, number, _("this marker does not belong inside a block"))
        else:
            code.append(line)
    raise BadMarkers(path, begin, _("this block has no ### END SOLUTION"))


def _todo(block: Block, unit: Unit, inside: bool) -> list[str]:
    task = next((task for task in unit.tasks if task.id == block.task), None)
    if task is None:
        why = _("{unit} has no task {task}").format(unit=unit.id, task=block.task)
        raise BadMarkers(unit.solution, block.begin, why)
    comment = f"# TODO {task.id}: {task.titles.pt} ({unit.guide.name}, {task.id})"
    stub = block.stub or ((f'raise NotImplementedError("TODO {task.id}")',) if inside else ())
    return [(block.indent + line).rstrip() for line in (comment, *stub)]


def _functions(source: str) -> list[tuple[int, int]]:
    """The first and last line of each function."""
    return [
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def _compile(template: str, unit: Unit) -> None:
    try:
        compile(template, unit.template, "exec", dont_inherit=True)
    except SyntaxError as error:
        why = _("the template does not compile ({error}): does a block need a ### STUB?")
        raise BadMarkers(unit.template, error.lineno or 1, why.format(error=error.msg)) from error


def _fresh(unit: Unit) -> bytes:
    return make_template(unit.solution.read_text(encoding="utf-8"), unit).encode()


def _read(path: Path) -> bytes | None:
    """The file with the line ends that the workbook writes: an editor's or git's do not make it another."""
    return path.read_bytes().replace(b"\r\n", b"\n") if path.exists() else None


def _write(unit: Unit, fresh: bytes) -> Path | None:
    memory = Memory(unit.root)
    present = _read(unit.template)
    if present is None or present == fresh or memory.wrote(unit.id, present):
        copy = None
    else:
        copy = memory.keep(unit.id, unit.template.read_bytes())
    unit.folder.mkdir(parents=True, exist_ok=True)
    write(unit.template, fresh)
    memory.remember_writing(unit.id, fresh)
    return copy
