"""Finding the passage that answers a question."""

import pytest

from workbook.llm import Passages

STREAMING = """# Dia 3

Hoje os tokens chegam um a um.

## 3.3 Enquadramento SSE

Cada linha precisa do seu próprio campo `data:`.

```python
# isto não é um título
yield "data: azul"
```

## 3.9 Quando o cliente vai embora

O gerador recebe `CancelledError`.
"""
AUTH = (
    "## 2.2 Confira a senha\n\nCompare o hash com Argon2.\n\n## 2.8 Saia\n\nO token revogado não entra mais."
)
passages = Passages([("Dia 3: streaming", STREAMING), ("Dia 2: autenticação", AUTH)])


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Como funciona o enquadramento?", "Cada linha precisa"),
        ("e quando o CLIENTE vai embora?", "O gerador recebe"),
        ("como comparo senhas?", "Compare o hash"),
        ("como revogo?", "O token revogado"),
        ("me ajude com a 3.9", "O gerador recebe"),
        ("o que chega hoje?", "Hoje os tokens"),
    ],
)
def test_a_question_gets_the_passage_that_speaks_of_it(question: str, answer: str) -> None:
    assert "".join(passages(question)).startswith(answer)


def test_an_answer_says_where_it_stands() -> None:
    assert "".join(passages("embora")).endswith("(Dia 3: streaming › 3.9 Quando o cliente vai embora)")


def test_a_comment_in_code_is_not_a_heading() -> None:
    assert '```python\n# isto não é um título\nyield "data: azul"\n```' in "".join(passages("sse"))


def test_tokens_are_words_with_the_white_space_before_them() -> None:
    assert list(passages("argon2"))[:4] == ["Compare", " o", " hash", " com"]
    assert "\n\n```python" in list(passages("sse"))


@pytest.mark.parametrize("question", ["", "?!", "qual a receita de bolo?", "oi", "\ud800"])
def test_a_question_about_something_else_is_told_what_can_be_asked(question: str) -> None:
    answer = "".join(passages(question))
    assert (
        answer
        == "Não encontrei nada sobre isso. Posso responder sobre: Dia 3: streaming; Dia 2: autenticação."
    )


def test_the_same_question_gets_the_same_answer() -> None:
    assert list(passages("token")) == list(
        Passages([("Dia 3: streaming", STREAMING), ("Dia 2: autenticação", AUTH)])("token")
    )
