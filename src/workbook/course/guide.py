"""A guide: its headings, its tasks with their hints, its snippets, and its passages."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from workbook.course.manifest import HINTS, CourseError
from workbook.text import _

TASK_LEVEL = 3
HINTS_BEGIN = "<details><summary>Dicas</summary>"
DETAILS = re.compile(r"^<details>.*?^</details>$", re.MULTILINE | re.DOTALL)
TASK_TITLE = re.compile(r"(?P<id>\d+\.\d+) (?P<title>.+)")


class BadGuide(CourseError):
    """A guide lacks something that it has to say."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        super().__init__(f"{path}:{line}: {why}")
        self.path, self.line, self.why = path, line, why


@dataclass(frozen=True)
class Heading:
    """A heading's level (1 to 6), its text as it was written, and its line, from 1."""

    level: int
    text: str
    line: int


@dataclass(frozen=True)
class Section:
    """A task's part of the guide: the text under its heading, hints included, and the heading's line."""

    id: str
    title: str
    markdown: str
    line: int


@dataclass(frozen=True)
class Snippet:
    """A fenced block: its language, the words after that, its code, and the line of its fence, from 1."""

    language: str
    options: tuple[str, ...]
    code: str
    line: int


@dataclass(frozen=True)
class Guide:
    path: Path
    source: str

    @classmethod
    def read(cls, path: Path) -> "Guide":
        """Read a guide from its file."""
        return cls(path, path.read_text(encoding="utf-8"))

    @cached_property
    def headings(self) -> tuple[Heading, ...]:
        """The headings in order."""
        return tuple(
            Heading(int(token.tag[1:]), text.content, _line(token))
            for token, text in zip(self._tokens, self._tokens[1:], strict=False)
            if token.type == "heading_open"
        )

    @cached_property
    def tasks(self) -> tuple[Section, ...]:
        """The parts with a heading such as `### 3.4 Title`, in order."""
        return tuple(
            Section(task["id"], task["title"], text, heading.line)
            for heading, text in self._parts(TASK_LEVEL)
            if heading.level == TASK_LEVEL and (task := TASK_TITLE.fullmatch(heading.text))
        )

    def task(self, id: str) -> Section:
        """Return a task's part of the guide. Raises `BadGuide` if it has none."""
        for section in self.tasks:
            if section.id == id:
                return section
        raise BadGuide(self.path, 1, _("task {id} has no heading").format(id=id))

    def hints(self, id: str) -> tuple[str, str, str]:
        """Return the three hints of a task, as markdown. Raises `BadGuide` if they are not three."""
        section = self.task(id)
        _before, _begin, rest = section.markdown.partition(HINTS_BEGIN)
        hints = _items(rest.partition("</details>")[0])
        if len(hints) != HINTS:
            why = _("task {id} has {count} hints instead of {hints}")
            raise BadGuide(self.path, section.line, why.format(id=id, count=len(hints), hints=HINTS))
        first, second, third = hints
        return first, second, third

    @cached_property
    def snippets(self) -> tuple[Snippet, ...]:
        """The fenced blocks in order."""
        return tuple(_snippet(token) for token in self._tokens if token.type == "fence")

    def passages(self) -> list[tuple[str, str]]:
        """Return each heading with the text right below it, without hints: those are given one at a time."""
        parts = ((heading.text, DETAILS.sub("", text).strip()) for heading, text in self._parts(6))
        return [(title, text) for title, text in parts if text]

    @cached_property
    def _tokens(self) -> list[Token]:
        return MarkdownIt().parse(self.source)

    def _parts(self, level: int) -> Iterator[tuple[Heading, str]]:
        """Each heading down to a level, with the text up to the next of these."""
        lines = self.source.split("\n")
        headings = [heading for heading in self.headings if heading.level <= level]
        ends = [heading.line - 1 for heading in headings[1:]] + [len(lines)]
        for heading, end in zip(headings, ends, strict=True):
            yield heading, "\n".join(lines[heading.line : end]).strip()


def _snippet(token: Token) -> Snippet:
    language, *options = token.info.split() or [""]
    return Snippet(language, tuple(options), token.content, _line(token))


def _items(markdown: str) -> list[str]:
    """The items of the numbered list in a text, as markdown."""
    lines = markdown.split("\n")
    items = []
    for token in MarkdownIt().parse(markdown):
        if token.type == "list_item_open" and token.level == 1 and token.map:
            first, *more = lines[token.map[0] : token.map[1]]
            text = re.sub(r"^ *\d+[.)] +", "", first)
            width = len(first) - len(text)
            items.append("\n".join([text, *(line[width:] for line in more)]).strip())
    return items


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 0
