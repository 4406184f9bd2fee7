"""Engines: what runs a language model.

To add one: a file here with one frozen class that gives `Engine.open`. `tests/contract/test_engines.py` enrols it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from pydantic import Field

from ..component import Component, Count, Fraction, Settings, contract
from ..records import Chat
from ..storage.store import Failed

if TYPE_CHECKING:
    from ._openai import Server


class Sampling(Settings):
    """How an answer is drawn."""

    max_tokens: Count = 96
    """The longest answer, in tokens; a longer one is cut and marked so."""
    temperature: float = Field(default=0.0, ge=0)
    """0 always takes the likeliest token."""
    top_p: Fraction = 1.0
    """Draw from the smallest set of tokens that holds this probability."""
    seed: int = 0
    """With the row's own identity it decides every draw."""


class Answer(NamedTuple):
    """A generated text, and whether the model ended it (False where the length limit cut it)."""

    text: str
    ended: bool
    failed: Failed | None = None
    """Why there is none, where an engine cannot answer this one chat; the text is empty then."""


class GaveUp(ConnectionError):
    """An engine that failed for good after it had answered some chats, which may have been paid for."""

    found: "Sequence[Answer | None]" = ()
    """What it answered, in order, None for the rest; empty where nothing was."""


class OpenEngine(ABC):
    """A model that is loaded. Order and length are kept by every call; an empty list gives an empty list."""

    template: str
    """Digest of the chat template in use."""
    heard: Callable[[int, Answer], None] | None = None
    """Told each answer, by its chat's place, as it comes, by engines to which answers come one by one and are paid for."""

    @abstractmethod
    def answer(self, chats: Sequence[Chat], sampling: Sampling, seeds: Sequence[int] | None = None) -> list[Answer]:
        """One answer a chat. A chat with no turn at all lets the model write the user's turn itself.

        ``seeds`` (one a chat) decide the draws; without them each chat's own text and ``sampling.seed`` do. Of a server that
        answers others, an answer may be a failure.

        Raises:
            GaveUp: a server failed for good; the error holds the answers that it gave.
        """

    @abstractmethod
    def score(self, chats: Sequence[Chat | None], texts: Sequence[str]) -> list[float]:
        """The log-likelihood of each text in nats, summed over its tokens: as the answer to the chat, or as plain text.

        ``None`` for a chat scores plain text that follows nothing. The end of the turn is not part of the text.
        """

    @abstractmethod
    def room(self, chats: Sequence[Chat]) -> list[int]:
        """How many tokens of the context are left for the answer to each chat; negative where the chat itself is too long."""

    @abstractmethod
    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, no special ones added."""


@contract
class Engine(Component):
    """A language model and what runs it."""

    trains: ClassVar[bool] = False
    """Whether `trainable` gives a model that can be trained here."""

    @abstractmethod
    @contextmanager
    def open(self) -> Iterator[OpenEngine]:
        """Loads the model for the length of a ``with`` block.

        Raises:
            FileNotFoundError, BadModel: the model is missing or must not be loaded.
        """

    def check(self, asks: bool = False) -> None:
        """Finds what would stop `open`, without loading weights. ``asks``: the model must also write questions itself."""

    @property
    def located(self) -> Path:
        """The model's folder or file on this machine, for engines whose model can be trained here."""
        raise BadModel(f"the engine {self.name()} runs no model of a folder or file here; give a transformers model")

    def trainable(self) -> tuple[Path, Path | None]:
        """(plain folder of the model, another chat template or None), for engines whose model can be trained here."""
        raise BadModel(
            f"the engine {self.name()} can answer but not be trained; give a transformers model "
            f"(where {self.name()} is only to answer, it is answer.model)"
        )

    @contextmanager
    def served(self, retries: int | None = None) -> Iterator["Server"]:
        """The server that runs it, inside a ``with`` block, for engines that ask one; ``retries`` in place of theirs."""
        raise BadModel(f"the engine {self.name()} asks no server; give {{openai: {{base_url: ..., model: ...}}}}")
        yield

    @property
    def computes_in(self) -> tuple[str, str]:
        """(device, dtype) of answering and scoring, for engines whose model can be trained here."""
        raise BadModel(f"the engine {self.name()} does not say what its model computes in")


class BadModel(ValueError):
    """A model that must not or cannot be loaded, and why."""
