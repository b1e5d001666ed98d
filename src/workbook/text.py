"""The words that people read: English in the code, Portuguese from the catalogue."""

import gettext
import os
from functools import cache
from pathlib import Path
from typing import Literal

Language = Literal["pt", "en"]

DOMAIN = "workbook"
LOCALE = Path(__file__).parent / "locale"


def language() -> Language:
    """Return the reader's language: that of `WORKBOOK_LANG` (`en`, `en_US`, `pt-BR`…), else Portuguese."""
    return "en" if os.environ.get("WORKBOOK_LANG", "").lower().startswith("en") else "pt"


def _(msgid: str) -> str:
    """Return `msgid` in the reader's language, looked up at each call."""
    # gettext keeps the catalogue's header under the empty msgid.
    return _catalogue(language()).gettext(msgid) if msgid else ""


def ngettext(singular: str, plural: str, n: int) -> str:
    """Return the form of a message that goes with `n`, in the reader's language."""
    return _catalogue(language()).ngettext(singular, plural, n)


def mark(msgid: str) -> str:
    """Return `msgid` as it is, and have it put in the catalogue: for constants, translated later by `_`."""
    return msgid


@cache
def _catalogue(language: Language) -> gettext.NullTranslations:
    if language == "en":
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, LOCALE, languages=["pt_BR"], fallback=True)
