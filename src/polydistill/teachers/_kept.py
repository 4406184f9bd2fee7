"""A teacher whose signals are read from a folder, and captured into it before training."""

import gc
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing, suppress
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import progress
from ..batch import Batch, Tokens, padded
from ..endings import Stopped
from ..losses import Sizes
from ..records import digest, seed_of
from ..signals import Dense, Draws, Support, TeacherSignal, Wants
from ..stage import pause, workspace
from ..storage.signal_cache import SignalCache, about, state
from ..student import Student
from . import OpenTeacher
from ._choosing import drawn, first, likeliest
from ._codec import draws_of, of_draws, of_states, of_support, side_by_side, states_of, support_of
from ._kept_head import Head, head_of, is_kept, keep, kept
from .cached import OF, Cached


class OpenCached(OpenTeacher):
    """The folder, and the live teacher while something is missing in it.

    Raises:
        ValueError: the folder holds what another teacher said, or of rows in another template or tokenizer.
    """

    def __init__(self, settings: Cached, student: Student, wants: Wants, live: Callable[[], OpenTeacher] | None):
        if wants.relations:
            raise ValueError("attention of a teacher is too large to be kept: take it live, or hidden states in its place")
        self.settings, self.student, self.wants, self._live = settings, student, wants, live
        self.whose, self.dtype = settings.whose(student), getattr(torch, settings.dtype)
        self.folder = settings.folder or workspace().root / "store" / f"signals-{digest(self.whose)[:12]}"
        self.stated = about(self.folder)
        if self.stated and (other := _differing(self.stated, self.whose)):
            raise ValueError(f"{self.folder} holds other signals: {other}; give another folder, or move it away")
        self.cache = SignalCache(self.folder)
        given = settings.model_dump()
        form = {"keeps": settings.keeps, **{name: given[name] for name in OF[settings.keeps]}}
        states = {"dtype": settings.dtype}
        self._tokens = form | (states if settings.keeps == "states" else {})
        self._hidden = {layer: {"hidden": layer, **states} for layer in wants.hidden}
        self._parts = ([self._tokens] if wants.tokens else []) + list(self._hidden.values())
        self._whose = digest(self.whose)

    @property
    def sizes(self) -> Sizes:
        assert self.stated is not None, "prepare comes first"
        return Sizes(**self.stated["sizes"])

    def _key(self, row: Tokens, part: Any) -> bytes:
        """Whatever a teacher may look at: what it is shown, and who is asked of which language."""
        return bytes.fromhex(digest([self._whose, part, row.ids, row.prompt, list(row.shown), row.lang]))[:16]

    # Capturing

    def prepare(self, batches: Iterable[Batch]) -> None:
        """Captures what is missing, each of several ranks its share, and lets the live teacher go.

        Raises:
            Stopped: the run was asked to stop; what was captured by then is kept.
        """
        self._lacks_head = self.settings.keeps == "states" and self.wants.tokens and not is_kept(self.folder / "head")
        wanted, missing = self._missing(batches)
        stopped = False
        try:
            if missing:
                self._capture(missing)
        except Stopped:
            stopped = True
        finally:
            self.cache.close()
        gc.collect()  # the live teacher's memory
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if _any_rank(stopped):
            raise Stopped
        self.cache.look()
        self.stated = about(self.folder)
        lacking = {key for key in wanted if key not in self.cache}
        if lacking or (self._lacks_head and not is_kept(self.folder / "head")):
            raise ValueError(
                f"{len(lacking):,} of {len(wanted):,} signals are not in {self.folder}, or its head is not: it was made of "
                f"other rows, or keeps something else than {self._tokens}; give cached.teacher and it is captured"
            )

    def _missing(self, batches: Iterable[Batch]) -> tuple[set[bytes], list[list[Tokens]]]:
        """The keys of everything that is wanted, and the rows of this rank's share of which something is missing.

        Which batches a rank has its part in is decided by their number alone: a rank that comes later finds rows already
        kept that another did not.
        """
        rank, ranks = _rank()
        wanted, missing = set[bytes](), list[list[Tokens]]()
        lacks_head = self._lacks_head and rank == 0  # who keeps it
        for number, batch in enumerate(batches):
            rows = []
            for row in (*batch.rows, *(row.rejected for row in batch.rows if row.rejected)):
                keys = {self._key(row, part) for part in self._parts}
                if keys - wanted and any(key not in self.cache for key in keys):
                    rows.append(row)
                wanted |= keys
            if number % ranks == rank and (rows or (lacks_head and not missing)):  # any batch shows what the head is
                missing.append(rows or list(batch.rows))
        return wanted, missing

    def _capture(self, missing: Sequence[Sequence[Tokens]]) -> None:
        device = self.student.device
        if self._live is None:
            return
        with ExitStack() as stack, progress.line("capture", sum(map(len, missing)), "rows") as shown, torch.no_grad():
            live = stack.enter_context(closing(self._live()))
            live.prepare(padded(rows).to(device) for rows in missing)
            if self.stated is None:
                state(self.folder, {**self.whose, "sizes": live.sizes._asdict()})
            for rows in missing:
                with suppress(RuntimeError):  # no run is open
                    pause()
                batch = padded(rows).to(device)
                said = live.say(batch)
                if self._lacks_head and _rank()[0] == 0:
                    assert said.dense is not None
                    keep(self.folder / "head", head_of(said.dense.head, said.dense.states))
                    self._lacks_head = False
                self.cache.put(self._encoded(said, batch, live.sizes.vocabulary))
                shown.advance(len(rows))

    def _encoded(self, said: TeacherSignal, batch: Batch, vocabulary: int) -> dict[bytes, bytes]:
        tokens, found = batch.answers.sum(1).tolist(), dict[bytes, bytes]()
        for layer, part in self._hidden.items():
            for row, states in zip(batch.rows, said.hidden[layer].split(tokens), strict=True):
                found[self._key(row, part)] = of_states(states, self.dtype)
        if not self.wants.tokens:
            return found
        keys = [self._key(row, self._tokens) for row in batch.rows]
        if said.dense is None:
            assert said.top_k is not None
            support = first(said.top_k, min(self.settings.k, vocabulary))
            rows = zip(*(tensor.split(tokens) for tensor in support), strict=True)
            return found | {key: of_support(Support(*row), vocabulary) for key, row in zip(keys, rows, strict=True)}
        for key, states in zip(keys, said.dense.states.split(tokens), strict=True):
            found[key] = self._of_row(key, states, said.dense.head, vocabulary)
        return found

    def _of_row(self, key: bytes, states: Tensor, head: Callable[[Tensor], Tensor], vocabulary: int) -> bytes:
        settings = self.settings
        if settings.keeps == "states":
            return of_states(states, self.dtype)
        if settings.keeps == "top_k":
            return of_support(likeliest(head, states, settings.k), vocabulary)
        seed = seed_of(settings.seed, key.hex())  # the row's own: wherever and whenever it is captured, the draws are the same
        ids, weights = drawn(head, states, settings.n, settings.temperature, seed)
        # At temperature 1 every draw weighs the same, and what is kept is how many there are.
        counts = torch.ones_like(ids, dtype=torch.uint16) if settings.temperature == 1 else weights.float()
        return of_draws(ids.cpu().numpy(), counts.cpu().numpy(), vocabulary)

    # Reading

    def say(self, batch: Batch) -> TeacherSignal:
        tokens, device = [row.learned for row in batch.rows], batch.device
        assert sum(tokens) == len(batch.targets), "every answer token is of one of the rows"
        hidden = {layer: self._states(batch, part).float() for layer, part in self._hidden.items()}
        if not self.wants.tokens:
            return TeacherSignal(hidden=hidden)
        settings, vocabulary = self.settings, self.sizes.vocabulary
        if settings.keeps == "states":
            return TeacherSignal(dense=Dense(self._states(batch, self._tokens), self.head), hidden=hidden)
        read = self._read(batch, self._tokens)
        if settings.keeps == "top_k":
            rows = [support_of(*some, min(settings.k, vocabulary), vocabulary) for some in read]
            top_k = Support(*(torch.cat(some).to(device) for some in zip(*rows, strict=True)))
            return TeacherSignal(top_k=top_k, hidden=hidden)
        counted = settings.temperature == 1
        ids, weights = side_by_side([draws_of(*some, np.uint16 if counted else np.float32, vocabulary) for some in read])
        return TeacherSignal(sampled=Draws(ids.to(device), weights.to(device) / (settings.n if counted else 1)), hidden=hidden)

    def _states(self, batch: Batch, part: Any) -> Tensor:
        rows = [states_of(*some, self.sizes.width, self.dtype) for some in self._read(batch, part)]
        return torch.cat(rows).to(batch.device)

    def _read(self, batch: Batch, part: Any) -> list[tuple[bytes, int]]:
        """What is kept of each row, and of how many answer tokens."""
        found = []
        for row in batch.rows:
            if (key := self._key(row, part)) not in self.cache:
                raise ValueError(
                    f"{row.id or 'a row'} was not there before the first step; only a live teacher can be asked of it"
                )
            found.append((self.cache.read(key), row.learned))
        return found

    @cached_property
    def _head(self) -> Head:
        return kept(self.folder / "head", self.student.device)

    def head(self, states: Tensor) -> Tensor:
        return self._head(states)


def _differing(stated: dict[str, Any], wanted: dict[str, Any]) -> str:
    """Where two statements differ, with both sides."""
    return "; ".join(
        f"its {name} is {stated.get(name)}, and here it is {value}"
        for name, value in wanted.items()
        if stated.get(name) != value
    )


def _rank() -> tuple[int, int]:
    """The number of this rank, and how many there are."""
    from torch import distributed

    running = distributed.is_available() and distributed.is_initialized()
    return (distributed.get_rank(), distributed.get_world_size()) if running else (0, 1)


def _any_rank(true: bool) -> bool:
    """Whether it is true on any rank; waits for all of them."""
    ranks = _rank()[1]
    if ranks == 1:
        return true
    from torch import distributed

    found = [False] * ranks
    distributed.all_gather_object(found, true)
    return any(found)
