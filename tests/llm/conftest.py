from collections.abc import Iterator

import pytest

from workbook.llm import LocalLLM


@pytest.fixture
def llm() -> Iterator[LocalLLM]:
    with LocalLLM() as llm:
        yield llm
