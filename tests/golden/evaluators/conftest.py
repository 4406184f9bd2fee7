"""A model whose every word and number a test decides."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny_identifier import renamed_labels

from polydistill.engines import Answer, OpenEngine, Sampling
from polydistill.records import Chat, Lang, Lineage, Parallel, Row, Split, Turn, split_of
from polydistill.sources import Languages, Source


class Scripted(OpenEngine):
    """Answers ``says(question)`` and gives ``nats(question or None, text)``; keeps what it was asked."""

    template = "none"

    def __init__(
        self,
        says: Callable[[str], str | Answer] = lambda question: "",
        nats: Callable[[str | None, str], float] = lambda question, text: 0.0,
    ):
        self.says, self.nats = says, nats
        self.asked: list[Chat] = []
        self.scored: list[tuple[Chat | None, str]] = []
        self.sampling: list[Sampling] = []

    def answer(self, chats: Sequence[Chat], sampling: Sampling, seeds: Any = None) -> list[Answer]:
        self.asked += chats
        self.sampling.append(sampling)
        said = [self.says(chat.question.text) for chat in chats]
        return [answer if isinstance(answer, Answer) else Answer(answer, True) for answer in said]

    def score(self, chats: Sequence[Chat | None], texts: Sequence[str]) -> list[float]:
        self.scored += zip(chats, texts, strict=True)
        return [self.nats(chat.question.text if chat else None, text) for chat, text in zip(chats, texts, strict=True)]

    def room(self, chats: Sequence[Chat]) -> list[int]:
        return [1000 for _ in chats]

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


class Given(Source):
    """Rows that the test gives."""

    rows: tuple[Row, ...]

    def read(self, languages: Languages) -> Iterator[Row]:
        yield from self.rows


def pair(page: str, one: str, other: str, note: str = "paragraph", lang: str = "spa") -> Row:
    said = Parallel(source=one, target=other, source_lang=Lang("eng"), target_lang=Lang(lang), note=note)
    return Row(id=f"{page}-{lang}-{one}", lineage=Lineage(question=page), payload=said)


def asked(question: str, answer: str, lang: str, key: str = "", translator: str = "", author: str = "me") -> Row:
    turns = (Turn(role="user", text=question, lang=Lang(lang)), Turn(role="assistant", text=answer, lang=Lang(lang)))
    lineage = Lineage(question=key or question, translator=translator, author=author)
    return Row(id=f"{question}-{lang}", lineage=lineage, payload=Chat(turns=turns))


def pages_of(split: Split) -> list[str]:
    """Names of pages that fall into a split."""
    return [page for page in (f"page{number}" for number in range(60)) if split_of(page) == split]


class Tools:
    Scripted, Given = Scripted, Given
    pair, asked, pages_of = staticmethod(pair), staticmethod(asked), staticmethod(pages_of)


@pytest.fixture
def tools() -> type[Tools]:
    return Tools


@pytest.fixture
def glotlid(tmp_path: Path) -> Path:
    """lid.176 with labels in the form of GlotLID's."""
    return renamed_labels(tmp_path / "model.bin")
