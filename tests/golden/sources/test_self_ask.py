"""The model's own questions: which attempts are kept, and that asking for more adds to the same ones."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pytest

from polydistill.ask import AskSettings, ask
from polydistill.engines import Answer, Engine, OpenEngine, Sampling
from polydistill.records import Chat, Lang, Row, seed_of
from polydistill.sources import BadInput, Languages
from polydistill.sources.self_ask import SelfAsk
from polydistill.stage import Workspace

ENG = Lang("eng")
GOOD = "How does the weather change in towns by the sea"
SAID: dict[int, Answer] = {}
"""What the model says for a seed; anything else is a question of its own."""


class Scripted(Engine):
    """Says what `SAID` holds, else a question with five words of its seed."""

    @contextmanager
    def open(self) -> Iterator[OpenEngine]:
        yield OpenScripted()


class OpenScripted(OpenEngine):
    template = ""

    def answer(self, chats: Sequence[Chat], sampling: Sampling, seeds: Sequence[int] | None = None) -> list[Answer]:
        assert seeds is not None
        assert not any(chat.turns for chat in chats)
        return [SAID.get(seed, Answer("why " + " ".join(f"w{seed}x{i}" for i in range(5)), True)) for seed in seeds]

    def score(self, chats: Sequence[Any], texts: Sequence[str]) -> list[float]:
        return [0.0] * len(texts)

    def room(self, chats: Sequence[Chat]) -> list[int]:
        return [100] * len(chats)

    def count(self, texts: Sequence[str]) -> list[int]:
        return [1] * len(texts)


def asked(count: int, **settings: Any) -> list[Row]:
    return list(islice(SelfAsk(**settings).read(Languages(ENG, model=Scripted())), count))


@pytest.mark.parametrize(
    "bad",
    [
        Answer(GOOD, False),
        Answer("Why so blue?", True),
        Answer("one two three four " * 4, True),
        Answer("¿Cómo cambia el tiempo a lo largo del año en los pueblos de la costa?", True),
    ],
    ids=["cut", "short", "loop", "another language"],
)
def test_an_attempt_that_is_no_good_question_is_left_out(bad: Answer, space: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(SAID, seed_of("self_ask", 0, 0), bad)
    monkeypatch.setitem(SAID, seed_of("self_ask", 0, 1), Answer(GOOD, True))
    assert asked(1)[0].payload.question.text == GOOD


def test_a_near_duplicate_is_left_out(space: Workspace, monkeypatch: pytest.MonkeyPatch):
    for number in (0, 1):
        monkeypatch.setitem(SAID, seed_of("self_ask", 0, number), Answer(GOOD + "?" * number, True))
    assert sum(row.payload.question.text.startswith(GOOD) for row in asked(2)) == 1


def test_lost_attempts_are_counted(space: Workspace, monkeypatch: pytest.MonkeyPatch):
    for number, bad in enumerate([Answer(GOOD, False), Answer("Why?", True), Answer("And?", True)]):
        monkeypatch.setitem(SAID, seed_of("self_ask", 0, number), bad)
    found = ask(AskSettings(source=SelfAsk(), questions=3, model=Scripted(), rich=ENG))
    assert len(found) == 3
    assert json.loads((found.folder / "beside/left_out.json").read_text()) == {"cut": 1, "short": 2}


def test_more_questions_begin_with_the_same_ones(space: Workspace):
    assert asked(70)[:20] == asked(20)
    assert len({row.id for row in asked(70)}) == 70


def test_attempts_at_a_time_change_nothing_and_another_seed_changes_all(space: Workspace):
    assert asked(10, attempts=3) == asked(10)
    assert not {row.id for row in asked(10, seed=1)} & {row.id for row in asked(10)}


def test_a_model_that_asks_nothing_usable_is_said(space: Workspace):
    with pytest.raises(BadInput, match="too few usable questions"):
        asked(1, min_words=50)
