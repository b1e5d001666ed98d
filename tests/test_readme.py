"""The transcripts in the READMEs are what the commands print today, made-up words aside."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(("readme", "language"), [("README.md", "en"), ("README.pt-BR.md", "pt")])
def test_the_transcript_is_what_the_command_prints(readme: str, language: str) -> None:
    (block,) = re.findall(r"^```console\n(.*?)^```$", (ROOT / readme).read_text("utf-8"), re.M | re.S)
    command, _, printed = block.partition("\n")
    arguments = command.removeprefix("$ uv run ").split()
    shown = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=os.environ | {"WORKBOOK_LANG": language, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ).stdout
    assert without_made_up_words(printed) == without_made_up_words(shown)


def without_made_up_words(text: str) -> str:
    return re.sub(r"\b[0-9a-f]{8,}\b|eyJ[\w-]+…[\w-]+", "·", text).strip()
