from pathlib import Path

import pytest

from workbook.course import BadGuide, Guide, Heading, Snippet

TEXT = """\
# Dia 1

Bem-vindo.

## Conceitos

```python
print("oi")
```

## Tarefas

### 1.1 Diga `oi`

Assim não:

```python compile
### 1.9 isto não é um título
```

#### Por quê

Porque sim.

<details><summary>Dicas</summary>

1. Veja a seção
   *Conceitos*.
2. Use `print`:

   ```text
   a
     b
   ```

3. Quase lá.

</details>

### 1.2 Diga tchau

<details><summary>Dicas</summary>

1. Só uma.

</details>

### Um título sem número

- ```bash server
  uvicorn template:app --port 8000
  ```
"""


@pytest.fixture
def guide() -> Guide:
    return Guide(Path("GUIA.md"), TEXT)


def test_a_guide_is_read_as_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "GUIA.md"
    path.write_text("# Olá, você", encoding="utf-8")
    assert Guide.read(path).headings == (Heading(1, "Olá, você", 1),)


def test_headings_have_levels_and_lines_and_code_has_none(guide: Guide) -> None:
    assert guide.headings == (
        Heading(1, "Dia 1", 1),
        Heading(2, "Conceitos", 5),
        Heading(2, "Tarefas", 11),
        Heading(3, "1.1 Diga `oi`", 13),
        Heading(4, "Por quê", 21),
        Heading(3, "1.2 Diga tchau", 40),
        Heading(3, "Um título sem número", 48),
    )


def test_tasks_are_the_numbered_headings(guide: Guide) -> None:
    assert [(task.id, task.title, task.line) for task in guide.tasks] == [
        ("1.1", "Diga `oi`", 13),
        ("1.2", "Diga tchau", 40),
    ]


def test_a_task_goes_on_to_the_next_heading_of_its_level(guide: Guide) -> None:
    text = guide.task("1.1").markdown
    assert text.startswith("Assim não:")
    assert "#### Por quê" in text
    assert text.endswith("</details>")


def test_the_last_task_ends_at_a_higher_heading() -> None:
    guide = Guide(Path("GUIA.md"), "### 1.1 Um\n\ntexto\n\n## Testes\n\nmais\n")
    assert guide.task("1.1").markdown == "texto"


def test_hints_are_markdown_without_their_number_and_indentation(guide: Guide) -> None:
    assert guide.hints("1.1") == (
        "Veja a seção\n*Conceitos*.",
        "Use `print`:\n\n```text\na\n  b\n```",
        "Quase lá.",
    )


def test_hints_that_are_not_three_are_told(guide: Guide) -> None:
    with pytest.raises(BadGuide, match=r"^GUIA\.md:40: task 1\.2 has 1 hints instead of 3$"):
        guide.hints("1.2")


def test_a_task_without_a_heading_is_told(guide: Guide) -> None:
    with pytest.raises(BadGuide, match=r"^GUIA\.md:1: task 1\.9 has no heading$"):
        guide.hints("1.9")


def test_snippets_are_found_wherever_they_stand(guide: Guide) -> None:
    assert guide.snippets == (
        Snippet("python", (), 'print("oi")\n', 7),
        Snippet("python", ("compile",), "### 1.9 isto não é um título\n", 17),
        Snippet("text", (), "a\n  b\n", 31),
        Snippet("bash", ("server",), "uvicorn template:app --port 8000\n", 50),
    )


def test_passages_follow_the_headings_and_hold_no_hints(guide: Guide) -> None:
    titles = [title for title, _text in guide.passages()]
    assert titles == ["Dia 1", "Conceitos", "1.1 Diga `oi`", "Por quê", "Um título sem número"]
    assert dict(guide.passages())["Por quê"] == "Porque sim."
