"""Losses: how far a student is from its teacher.

To add one: a file here with one frozen class that fulfils one of the contracts below, by what it compares: logits, hidden
states or relations. `tests/contract/test_losses.py` enrols it.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from ..component import Component, contract
from ..signals import Form

if TYPE_CHECKING:
    from ..shapes import Hidden, Logits, OtherHidden, PerRow, PerToken, Seen
    from ..signals import Draws, Relations, Support
    from ..state import State


class Sizes(NamedTuple):
    """How large a model is."""

    width: int
    """Of its hidden states."""
    layers: int
    heads: int
    """Of queries, in each layer."""
    vocabulary: int
    """Of its logits."""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """As a model's configuration states it."""
        return cls(config["hidden_size"], config["num_hidden_layers"], config["num_attention_heads"], config["vocab_size"])


@contract
class Loss(Component):
    """Compares what two models say. The teacher's side carries no gradient; all is computed in float32 at least."""

    takes: ClassVar[tuple[Form, ...]] = ()
    """The forms of a teacher's signal that it can be computed from, the best first."""
    floor: ClassVar[str] = "zero"
    """What it is where the two are equal: ``zero``, or ``entropy`` for cross-entropies, which are the teacher's own there."""

    def start(self, student: Sizes, teacher: Sizes) -> "tuple[State, ...]":
        """What it learns, one module at most; every call gets it after the other arguments."""
        return ()


class LogitsLoss(Loss):
    """Compares logits, position by position; positions come in chunks (`chunks.over_chunks`), each is judged by itself."""

    takes: ClassVar[tuple[Form, ...]] = ("dense",)

    @abstractmethod
    def __call__(self, student: "Logits", teacher: "Logits", *learned: "State") -> "PerToken":
        """In nats a token."""

    def of_likeliest(self, student: "Logits", teacher: "Support", *learned: "State") -> "PerToken":
        """The same from the teacher's likeliest tokens alone, where ``takes`` has top_k."""
        raise NotImplementedError

    def of_drawn(self, student: "Logits", teacher: "Draws", *learned: "State") -> "PerToken":
        """The same from tokens drawn from the teacher, where ``takes`` has sampled."""
        raise NotImplementedError


class HiddenLoss(Loss):
    """Compares hidden states, position by position."""

    takes: ClassVar[tuple[Form, ...]] = ("hidden",)

    @abstractmethod
    def __call__(self, student: "Hidden", teacher: "OtherHidden", *learned: "State") -> "PerToken":
        """One number a position; the widths may differ where something in between is learned."""


class RelationsLoss(Loss):
    """Compares how the tokens of a row relate to each other in a layer of attention."""

    takes: ClassVar[tuple[Form, ...]] = ("relations",)

    @abstractmethod
    def __call__(self, student: "Relations", teacher: "Relations", seen: "Seen") -> "PerRow":
        """In nats, summed over the tokens of a row; ``seen`` says which token (second length) each one (first) may see."""


def log_softmax(logits: "Logits", temperature: float = 1.0) -> "Logits":
    """Log-probabilities in nats, in float32 at least."""
    import torch

    return (logits.to(torch.promote_types(logits.dtype, torch.float32)) / temperature).log_softmax(-1)
