import gettext
from pathlib import Path

import pytest

from workbook import catalogue
from workbook.course import Course

ROOT = Path(__file__).resolve().parents[2]

CODE = """
from workbook.text import _, mark, ngettext

GREETING = mark("hello")
print(_("good {time}"), _(GREETING), ngettext("{n} cat", "{n} cats", 2))
"""

TRANSLATIONS = """
msgid "hello"
msgstr "olá"

msgid "good {time}"
msgstr "bom {time}"

msgid "{n} cat"
msgid_plural "{n} cats"
msgstr[0] "{n} gato"
msgstr[1] "{n} gatos"

msgid "bye"
msgstr "tchau"
"""


@pytest.fixture
def root(course: Course) -> Path:
    """A course whose engine and checks have a few messages, all of them translated."""
    engine = course.root / "src" / "workbook"
    po = engine / "locale" / "pt_BR" / "LC_MESSAGES" / "workbook.po"
    po.parent.mkdir(parents=True)
    po.write_text(TRANSLATIONS, encoding="utf-8")
    (engine / "words.py").write_text(CODE)
    checks = course.unit("retries").checks
    checks.parent.mkdir(parents=True)
    checks.write_text('SLOW = mark("bye")\n')
    return course.root


def in_portuguese(root: Path, message: str) -> str:
    locale = root / "src" / "workbook" / "locale"
    return gettext.translation("workbook", locale, languages=["pt_BR"]).gettext(message)


def po(root: Path) -> Path:
    return root / "src" / "workbook" / "locale" / "pt_BR" / "LC_MESSAGES" / "workbook.po"


def test_update_keeps_translations_and_compiles_them(root: Path) -> None:
    assert catalogue.update(root) == []
    assert in_portuguese(root, "good {time}") == "bom {time}"
    assert in_portuguese(root, "bye") == "tchau"


def test_update_writes_the_same_each_time_and_no_date_or_line(root: Path) -> None:
    catalogue.update(root)
    before = po(root).read_text(encoding="utf-8")
    (root / "src" / "workbook" / "words.py").write_text("\n\n" + CODE)
    catalogue.update(root)
    assert po(root).read_text(encoding="utf-8") == before
    assert "Date" not in before
    assert "#: lessons/retries/test_retries.py\n" in before


def test_a_message_that_is_gone_leaves_the_catalogue(root: Path) -> None:
    catalogue.update(root)
    (root / "src" / "workbook" / "words.py").write_text("")
    assert catalogue.stale(root) == [
        f"{po(root)} is not in step with the code",
        f"{po(root).with_suffix('.mo')} is not compiled from the catalogue",
    ]
    assert catalogue.update(root) == []
    assert "olá" not in po(root).read_text(encoding="utf-8")


def test_a_message_without_a_translation_is_told(root: Path) -> None:
    (root / "src" / "workbook" / "more.py").write_text('_("see you")\nngettext("{n} dog", "{n} dogs", 2)\n')
    assert catalogue.update(root) == ["'see you' has no translation", "'{n} dog' has no translation"]


def test_nothing_is_guessed_from_a_similar_message(root: Path) -> None:
    catalogue.update(root)
    (root / "src" / "workbook" / "words.py").write_text(CODE.replace("hello", "hello!"))
    assert catalogue.update(root) == ["'hello!' has no translation"]


def test_a_translation_with_a_placeholder_of_its_own_is_told(root: Path) -> None:
    po(root).write_text(TRANSLATIONS.replace("bom {time}", "bom {tempo}"), encoding="utf-8")
    assert catalogue.update(root) == ["the translation of 'good {time}' has other placeholders"]


def test_a_catalogue_that_was_not_compiled_is_told(root: Path) -> None:
    catalogue.update(root)
    po(root).write_bytes(po(root).read_bytes().replace("olá".encode(), b"oi"))
    assert catalogue.stale(root) == [f"{po(root).with_suffix('.mo')} is not compiled from the catalogue"]
    catalogue.update(root)
    assert in_portuguese(root, "hello") == "oi"


def test_the_catalogue_of_this_course_is_complete_and_compiled() -> None:
    assert catalogue.stale(ROOT) == []
