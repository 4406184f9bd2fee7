"""An engine that pays for nothing twice: it loads its model only when something has to be paid for."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from .component import identity
from .engines import Answer, Engine, GaveUp, OpenEngine, Sampling
from .records import Chat
from .stage import pause, workspace
from .storage.store import Failed, Store, key_of

LOT = 256
"""How many results are paid for before they are kept and a run that was asked to stop does so."""


class PaidEngine(OpenEngine):
    """Answers and scores from the store where they are kept, from the model where they are not."""

    def __init__(self, engine: Engine, store: Store, stack: ExitStack):
        self._engine, self._store, self._stack = engine, store, stack
        self._open: OpenEngine | None = None
        self.identity = identity(engine)

    @property
    def live(self) -> OpenEngine:
        """The loaded model."""
        if self._open is None:
            self._open = self._stack.enter_context(self._engine.open())
        return self._open

    @property
    def template(self) -> str:  # type: ignore[override]
        return self._store.through({"template": self.identity}, ["template"], lambda _: [self.live.template])[0]

    def answer(self, chats: Sequence[Chat], sampling: Sampling, seeds: Sequence[int] | None = None) -> list[Answer]:
        """As the engine does, and every chat is answered.

        Raises:
            GaveUp: some are not, whatever was tried.
        """
        answers = self.tried(chats, sampling, seeds, again=True)
        failed = [answer.failed.why for answer in answers if answer.failed]
        if failed:
            raise GaveUp(f"{len(failed)} of {len(answers)} questions have no answer: {failed[0]}")
        return answers

    def tried(
        self, chats: Sequence[Chat], sampling: Sampling, seeds: Sequence[int] | None = None, again: bool = False
    ) -> list[Answer]:  # fmt: skip
        """As the engine does; some answers may be failures. ``again``: what has failed for good is tried again."""
        drawn = sampling.temperature > 0
        how = sampling.model_dump(
            include={"max_tokens", "temperature", "top_p"} | ({"seed"} if drawn and seeds is None else set())
        )
        items = [[_said(chat), seeds[i] if drawn and seeds is not None else None] for i, chat in enumerate(chats)]
        by_item = {str(item): i for i, item in enumerate(items)}

        what, failures = {"answer": self.identity, **how}, list[GaveUp]()

        def pay(missing: list[list[object]]) -> list[object]:
            def heard(place: int, answer: Answer) -> None:
                if not answer.failed:
                    self._store.put({key_of(what, missing[place]): [answer.text, answer.ended]})

            self.live.heard = heard
            wanted = [by_item[str(item)] for item in missing]
            some_seeds = [seeds[i] for i in wanted] if seeds is not None else None
            try:
                found: Sequence[Answer | None] = self.live.answer([chats[i] for i in wanted], sampling, some_seeds)
            except GaveUp as failure:
                failures.append(failure)
                # Where the server is at fault, what it refused is no fault of the questions.
                found = [None if one is None or one.failed else one for one in failure.found or [None] * len(wanted)]
            return [one and (one.failed or [one.text, one.ended]) for one in found]

        def then() -> None:
            if failures:  # now that what was answered is kept
                raise failures[0]
            pause()

        answers = self._store.through(what, items, pay, LOT, then, again)
        return [Answer("", False, kept) if isinstance(kept, Failed) else Answer(*kept) for kept in answers]

    def score(self, chats: Sequence[Chat | None], texts: Sequence[str]) -> list[float]:
        items = [[_said(chat), text] for chat, text in zip(chats, texts, strict=True)]
        by_item = {str(item): i for i, item in enumerate(items)}
        # Each lot holds like lengths and whole prompts: the engine pads little, and reads a prompt once for its texts.
        order = sorted(range(len(items)), key=lambda i: (len(str(items[i][0])), str(items[i][0]), len(texts[i])))

        def pay(missing: list[list[object]]) -> list[float]:
            wanted = [by_item[str(item)] for item in missing]
            return self.live.score([chats[i] for i in wanted], [texts[i] for i in wanted])

        found = self._store.through({"score": self.identity}, [items[i] for i in order], pay, LOT, pause)
        scores = dict(zip(order, found, strict=True))
        return [scores[i] for i in range(len(items))]

    def room(self, chats: Sequence[Chat]) -> list[int]:
        return self._told("room", [_said(chat) for chat in chats], lambda some: self.live.room([chats[i] for i in some]))

    def count(self, texts: Sequence[str]) -> list[int]:
        return self._told("count", list(texts), lambda some: self.live.count([texts[i] for i in some]))

    def _told(self, what: str, items: list[Any], tell: Callable[[list[int]], list[int]]) -> list[int]:
        """What tokenizer and template tell: kept as well, or a stage whose answers are all there would load the model."""
        by_item = {str(item): i for i, item in enumerate(items)}
        return self._store.through({what: self.identity}, items, lambda some: tell([by_item[str(item)] for item in some]))


@contextmanager
def paying(engine: Engine) -> Iterator[PaidEngine]:
    """Opens an engine over the run's store."""
    with ExitStack() as stack:
        store = Store(workspace().root / "store" / "engine.sqlite")
        stack.callback(store.close)
        yield PaidEngine(engine, store, stack)


def _said(chat: Chat | None) -> list[list[str]] | None:
    return None if chat is None else [[turn.role, turn.text] for turn in chat.asked.turns]
