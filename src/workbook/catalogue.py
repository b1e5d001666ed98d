"""The Portuguese catalogue: kept in step with the messages in the code. For developers, who have Babel."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from workbook.course import load
from workbook.text import _

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog, Message

Id = str | list[str] | tuple[str, ...]

KEYWORDS = {"_": None, "mark": None, "ngettext": (1, 2)}


def update(root: Path) -> list[str]:
    """Bring the catalogue in step with the code, compile it, and return what `stale` then says.

    Translations are kept, those of messages that are gone are dropped, and nothing is guessed.
    """
    catalogue = _renewed(root)
    po = _po(root)
    po.parent.mkdir(parents=True, exist_ok=True)
    po.write_bytes(_source(catalogue))
    po.with_suffix(".mo").write_bytes(_compiled(catalogue))
    return stale(root)


def stale(root: Path) -> list[str]:
    """Return what is wrong with the catalogue: no translation, other placeholders, out of date."""
    po, mo = _po(root), _po(root).with_suffix(".mo")
    catalogue = _renewed(root)
    lines = [line for message in catalogue if message.id for line in _faults(message)]
    if _bytes(po) != _source(catalogue):
        lines.append(_("{path} is not in step with the code").format(path=po))
    if _bytes(mo) != _compiled(catalogue):
        lines.append(_("{path} is not compiled from the catalogue").format(path=mo))
    return lines


def _po(root: Path) -> Path:
    return root / "src" / "workbook" / "locale" / "pt_BR" / "LC_MESSAGES" / "workbook.po"


def _renewed(root: Path) -> "Catalog":
    """A catalogue of the messages in the code, with the translations that there are."""
    present, renewed = _present(root), _new()
    for path in _sources(root):
        where = (path.relative_to(root).as_posix(), 0)
        for id in _extracted(path):
            known = present.get(id)
            renewed.add(id, known.string if known and known.id == id else None, locations=[where])
    return renewed


def _sources(root: Path) -> Iterator[Path]:
    """Where messages are: the engine, and the checks of each unit."""
    yield from sorted((root / "src" / "workbook").rglob("*.py"))
    yield from (unit.checks for unit in load(root).units if unit.checks.exists())


def _extracted(path: Path) -> list[Id]:
    from babel.messages.extract import extract_from_file

    found = extract_from_file("python", path, KEYWORDS)
    return [id for _line, id, _comments, _context in found]


def _present(root: Path) -> "Catalog":
    from babel.messages.pofile import read_po

    return read_po(BytesIO(_bytes(_po(root))), locale="pt_BR", ignore_obsolete=True)


def _new() -> "Catalog":
    from babel.messages.catalog import Catalog

    class Portuguese(Catalog):
        """A catalogue whose header changes neither with the day nor with Babel."""

        @property
        def mime_headers(self) -> list[tuple[str, str]]:
            return [
                ("Language", "pt_BR"),
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Plural-Forms", f"{self.plural_forms}\n"),
            ]

    return Portuguese("pt_BR", header_comment="", charset="utf-8", fuzzy=False)


def _source(catalogue: "Catalog") -> bytes:
    from babel.messages.pofile import write_po

    buffer = BytesIO()
    write_po(buffer, catalogue, width=110, sort_output=True, include_lineno=False)
    return buffer.getvalue()


def _compiled(catalogue: "Catalog") -> bytes:
    from babel.messages.mofile import write_mo

    buffer = BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def _faults(message: "Message") -> Iterator[str]:
    """What is wrong with one entry: no translation, or a placeholder that `format` would not find."""
    ids, strings = _forms(message.id), _forms(message.string or "")
    if not all(strings):
        yield _("{msgid!r} has no translation").format(msgid=ids[0])
    elif not all(_fields(string) <= _fields(ids[-1]) for string in strings):
        yield _("the translation of {msgid!r} has other placeholders").format(msgid=ids[0])


def _forms(text: Id) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def _fields(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)", text))


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
