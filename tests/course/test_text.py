from pathlib import Path

import pytest

from workbook import text
from workbook.text import _, language, mark, ngettext


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("en", "en"),
        ("en_US.UTF-8", "en"),
        ("EN", "en"),
        ("pt", "pt"),
        ("pt-BR", "pt"),
        ("pt_BR", "pt"),
        ("", "pt"),
    ],
)
def test_the_language_is_the_one_asked_for(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: str
) -> None:
    monkeypatch.setenv("WORKBOOK_LANG", value)
    assert language() == expected


def test_without_a_word_the_language_is_portuguese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBOOK_LANG")
    assert language() == "pt"


def test_a_message_is_looked_up_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    message = mark("is missing")
    assert (message, _(message)) == ("is missing", "is missing")
    monkeypatch.setenv("WORKBOOK_LANG", "pt-BR")
    assert _(message) == "está faltando"


def test_a_message_that_the_catalogue_lacks_stays_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBOOK_LANG", "pt")
    assert _("words that nobody translated") == "words that nobody translated"
    assert [ngettext("{n} cat", "{n} cats", n) for n in (1, 2)] == ["{n} cat", "{n} cats"]


def test_no_message_is_no_header_of_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBOOK_LANG", "pt")
    assert _("") == ""


def test_without_a_catalogue_everything_is_english(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKBOOK_LANG", "pt")
    monkeypatch.setattr(text, "LOCALE", tmp_path)
    text._catalogue.cache_clear()
    try:
        assert _("is missing") == "is missing"
    finally:
        text._catalogue.cache_clear()
