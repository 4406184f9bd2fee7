"""Asking a server what it finds likely in the place of each token of a row."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import cached_property
from typing import Any

import torch

from .. import progress
from ..batch import Batch, Tokens
from ..engines import BadModel, Engine
from ..engines._openai import Likely, Server
from ..losses import Sizes
from ..signals import Support, TeacherSignal
from ..student import Student
from ..vocabulary import PROBES
from . import OpenTeacher


def same_vocabulary(server: Server, tokenizer: Any) -> None:
    """Tries out whether a server's ids are the student's: by its tokenizer, or else by the texts that it has for ids.

    Raises:
        ValueError: they are not; the first difference, with both sides.
    """
    try:
        for text in PROBES:
            own, theirs = tokenizer.encode(text, add_special_tokens=False), server.tokens(text)
            if own != theirs:
                at = next((n for n, pair in enumerate(zip(own, theirs, strict=False)) if len({*pair}) > 1), 0)
                raise ValueError(
                    f"{server.url} has another vocabulary: the tokens of {text!r} are, from number {at + 1} on, "
                    f"{own[at : at + 4]} to the student and {theirs[at : at + 4]} to the server"
                )
        return
    except BadModel:  # it has no /tokenize
        pass
    ids = [id for text in PROBES for id in tokenizer.encode(text, add_special_tokens=False)]
    for id, likely in zip(ids[1:], server.likeliest(ids, 1), strict=True):
        own, theirs = tokenizer.decode([id]), [one.text for one in likely if one.id in (None, id) and one.text]
        whole = all("\ufffd" not in text for text in (own, *theirs))  # others are parts of a letter
        if theirs and whole and own.strip() not in (text.strip() for text in theirs):
            raise ValueError(
                f"{server.url} has another vocabulary: id {id} is {own!r} to the student, {' or '.join(map(repr, theirs))} to "
                "the server"
            )


class OpenEndpoint(OpenTeacher):
    """A connection to the server. Rows that were announced are asked ahead, several at a time.

    Raises:
        ValueError, OSError: the server is not there, or has another vocabulary.
    """

    def __init__(self, engine: Engine, k: int, student: Student):
        if student.template is None:
            raise ValueError("endpoint compares tokenizers, and the student's is not known here")
        self.k, self.student, self.tokenizer = k, student, student.template.tokenizer
        self._stack, self._rows = ExitStack(), iter(())
        self._asked: dict[tuple[int, ...], Future[list[list[Likely]]]] = {}
        self._known = self._unknown = 0
        try:
            self.server = self._stack.enter_context(engine.served())
            self._pool = ThreadPoolExecutor(self.server.concurrency)
            self._stack.callback(self._pool.shutdown, cancel_futures=True)
            same_vocabulary(self.server, self.tokenizer)
        except BaseException:
            self._stack.close()
            raise

    @property
    def sizes(self) -> Sizes:
        """Of the model nothing but its vocabulary is known."""
        return Sizes(0, 0, 0, self.student.sizes.vocabulary)

    def prepare(self, batches: Iterable[Batch]) -> None:
        self._rows: Iterator[Tokens] = (row for batch in batches for row in batch.rows)

    def say(self, batch: Batch) -> TeacherSignal:
        found = [self._support(row, self._answer(row)) for row in batch.rows]
        return TeacherSignal(top_k=Support(*(torch.cat(some).to(batch.device) for some in zip(*found, strict=True))))

    def _answer(self, row: Tokens) -> list[list[Likely]]:
        while len(self._asked) < 2 * self.server.concurrency and (coming := next(self._rows, None)):
            self._asked[tuple(coming.ids)] = self._pool.submit(self.server.likeliest, coming.ids, self.k)
        own = tuple(row.ids)
        try:
            return (self._asked.pop(own, None) or self._pool.submit(self.server.likeliest, row.ids, self.k)).result()
        except BadModel as error:
            raise BadModel(f"row {row.id}: {error}") from None

    def _support(self, row: Tokens, places: Sequence[Sequence[Likely]]) -> tuple[torch.Tensor, torch.Tensor]:
        answer = places[len(places) - row.learned :]
        ids, log_p = torch.zeros(len(answer), self.k, dtype=torch.long), torch.full((len(answer), self.k), -torch.inf)
        for place, likely in enumerate(answer):
            some = sorted(((one.log_p, id) for one in likely if (id := self._id(one)) is not None), reverse=True)[: self.k]
            ids[place, : len(some)] = torch.tensor([id for _, id in some])
            log_p[place, : len(some)] = torch.tensor([value for value, _ in some])
        return ids, log_p

    def _id(self, one: Likely) -> int | None:
        """The student's id of a token that the server named; None where it has none."""
        id = self._by_text.get(one.text) if one.id is None else one.id
        found = id is not None and id < self.student.sizes.vocabulary
        self._known, self._unknown = self._known + found, self._unknown + (not found)
        return id if found else None

    @cached_property
    def _by_text(self) -> dict[str, int]:
        """The ids of tokens whose text no other one has."""
        found: dict[str, list[int]] = {}
        for id in range(len(self.tokenizer)):
            found.setdefault(self.tokenizer.decode([id]), []).append(id)
        return {text: ids[0] for text, ids in found.items() if len(ids) == 1}

    def close(self) -> None:
        self._stack.close()
        if self._unknown:
            progress.say(
                f"endpoint: {self._unknown:,} of {self._known + self._unknown:,} tokens that the server named are none of the "
                "student's by that name; they are in what remains"
            )
