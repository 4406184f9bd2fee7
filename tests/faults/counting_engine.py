"""The engine of the tiny world, which writes down every item that it is paid for."""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from polydistill.engines import Answer, OpenEngine, Sampling
from polydistill.engines.transformers import Transformers
from polydistill.records import Chat
from polydistill.served import ServedSettings

RELOAD = ServedSettings.model_fields["max_tokens"].default
"""The length of answers of the check after reloading, which is made whole or not at all and keeps none of them."""


def count(what: str, items: Iterable[Any]) -> None:
    """Appends one line an item to the file that TINY_CALLS names."""
    lines = "".join(f"{what} {hashlib.sha256(json.dumps(item).encode()).hexdigest()[:16]}\n" for item in items)
    with open(os.environ["TINY_CALLS"], "a", encoding="ascii") as file:
        file.write(lines)
    time.sleep(float(os.environ.get("TINY_SLOW", "0")))


class CountingEngine(Transformers):
    """Transformers, counted."""

    @contextmanager
    def open(self) -> Iterator[OpenEngine]:
        with super().open() as engine:
            answer, score = engine.answer, engine.score
            model = "/".join(Path(self.path).parts[-2:])  # the folder of results is another in every round

            def counted_answer(chats: Sequence[Chat], sampling: Sampling, seeds: Sequence[int] | None = None) -> list[Answer]:
                count(
                    "reload" if sampling.max_tokens == RELOAD else "answer",
                    ([model, said(chat), sampling.max_tokens] for chat in chats),
                )
                return answer(chats, sampling, seeds)

            def counted_score(chats: Sequence[Chat | None], texts: Sequence[str]) -> list[float]:
                count("score", ([model, said(chat), text] for chat, text in zip(chats, texts, strict=True)))
                return score(chats, texts)

            engine.answer, engine.score = counted_answer, counted_score  # type: ignore[method-assign]
            yield engine


def said(chat: Chat | None) -> Any:
    return None if chat is None else [turn.text for turn in chat.asked.turns]
