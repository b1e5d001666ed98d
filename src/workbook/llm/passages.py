"""Answers with the nearest passage of some texts: a demo model that needs no weights."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# The share of a question, its rarer words weighing more, that a passage must speak of.
NEAR = 0.35
# Words that say nothing of what a question is about.
EMPTY_WORDS = """
    ao aos as com como da das de diga do dos ela ele em era essa esse esta este eu explique fala fale foi isso
    isto ja mais mas me meu minha muito na nao nas no nos ou para pela pelo pode por porque posso quais qual
    quando quanto que quem sao se sem ser seu sobre sua tem ter uma umas uns voce
"""


@dataclass(frozen=True, slots=True)
class Passage:
    """A section of a text: its heading and what stands under it."""

    title: str
    heading: str
    body: str

    def words(self) -> list[str]:
        """The words that it is found by; those of its heading count three times."""
        return _words(f"{self.heading} {self.heading} {self.heading} {self.body}")

    def __str__(self) -> str:
        return f"{self.body}\n\n({self.title} › {self.heading})" if self.heading else self.body


class Passages:
    """An answerer that knows some texts, each given as (title, markdown), and nothing else.

    Passages are ranked by BM25 (Robertson and Zaragoza, 2009, equation 3.15). Accents and case do not
    count, nor does what follows the fifth letter of a word: "revogo" finds "revogado". The same question
    always gets the same answer.
    """

    def __init__(self, texts: Iterable[tuple[str, str]]) -> None:
        texts = list(texts)
        self._titles = [title for title, _ in texts]
        self._passages = [passage for title, markdown in texts for passage in _sections(title, markdown)]
        self._counts = [Counter(passage.words()) for passage in self._passages]
        self._mean = sum(count.total() for count in self._counts) / max(len(self._counts), 1)
        self._found_in = Counter(word for count in self._counts for word in count)

    def __call__(self, prompt: str) -> Iterator[str]:
        """The answer to a prompt, word by word, each with the white space before it."""
        for token in re.finditer(r"\s*\S+", self._answer(prompt)):
            yield token.group()

    def _answer(self, prompt: str) -> str:
        asked = set(_words(prompt))
        best = max(range(len(self._passages)), key=lambda index: self._score(asked, index), default=None)
        if best is None or not self._is_near(asked, best):
            return f"Não encontrei nada sobre isso. Posso responder sobre: {'; '.join(self._titles)}."
        return str(self._passages[best])

    def _score(self, asked: set[str], index: int) -> float:
        count = self._counts[index]
        damping = 1.2 * (0.25 + 0.75 * count.total() / self._mean)
        return math.fsum(self._rarity(word) * count[word] / (count[word] + damping) for word in asked)

    def _is_near(self, asked: set[str], index: int) -> bool:
        spoken_of = math.fsum(self._rarity(word) for word in asked if word in self._counts[index])
        return spoken_of > NEAR * math.fsum(self._rarity(word) for word in asked)

    def _rarity(self, word: str) -> float:
        found = self._found_in[word]
        return math.log(1 + (len(self._passages) - found + 0.5) / (found + 0.5))


def _sections(title: str, markdown: str) -> Iterator[Passage]:
    heading, lines, in_code = "", list[str](), False
    for line in [*markdown.splitlines(), "# "]:
        if line.lstrip().startswith("```"):
            in_code = not in_code
        # In a block of code, a line that starts with "#" is a comment.
        if in_code or not re.match(r"#{1,6} ", line):
            lines.append(line)
            continue
        if body := "\n".join(lines).strip():
            yield Passage(title, heading, body)
        heading, lines = line.lstrip("#").strip(), []


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text.casefold())
    folded = "".join(char for char in plain if not unicodedata.combining(char))
    ignored = EMPTY_WORDS.split()
    words = re.findall(r"\d+\.\d+|\w\w+", folded)
    return [word[:5] for word in words if word not in ignored]
