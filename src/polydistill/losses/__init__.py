"""Losses: how far a student is from its teacher.

To add one: a file here with one frozen class that fulfils one of the contracts below, by what it compares: logits, hidden
states or relations. `tests/contract/test_losses.py` enrols it.
"""

from abc import abstractmethod
from collections.abc import Mapping
from math import log, log1p
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

from ..component import Component, contract
from ..signals import Form

if TYPE_CHECKING:
    from ..shapes import Hidden, Logits, OtherHidden, PerRow, PerToken, Seen
    from ..signals import Draws, Relations, Support
    from ..state import State

NEVER = -1e30
"""The logit of what cannot come next: finite, so that what two models agree to be impossible tells no difference."""


CONFIG = ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
"""What a model's configuration calls them."""


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
        """As a model's configuration states it; see `stated`."""
        return cls(*(config[name] for name in CONFIG))

    def as_config(self) -> dict[str, Any]:
        """As a model's configuration states it."""
        return dict(zip(CONFIG, self, strict=True))


def stated(config: Any) -> dict[str, Any]:
    """A configuration of transformers as a dict, with sizes under the names that all families know."""
    text = config.get_text_config()
    return {**text.to_dict(), **{name: getattr(text, name) for name in CONFIG}}


@contract
class Loss(Component):
    """Compares what two models say. The teacher's side carries no gradient; all is computed in float32 at least."""

    takes: ClassVar[tuple[Form, ...]] = ()
    """The forms of a teacher's signal that it can be computed from, the best first."""
    floor: ClassVar[str] = "zero"
    """What it is where the two are equal: ``zero``, or ``entropy`` for cross-entropies, which are the teacher's own there."""
    holds_still: ClassVar[bool] = False
    """Whether a part of it that is made of the student is held still: the gradient then is not that of its value."""

    def start(self, student: Sizes, teacher: Sizes) -> "tuple[State, ...]":
        """What it learns, one module at most; every call gets it after the other arguments."""
        return ()

    def check(self, student: Sizes, teacher: Sizes) -> None:
        """Finds what it cannot compare.

        Raises:
            ValueError: in words, with both sides' values.
        """


class LogitsLoss(Loss):
    """Compares logits, position by position; positions come in chunks (`chunks.over_chunks`), each is judged by itself."""

    takes: ClassVar[tuple[Form, ...]] = ("dense", "spans")

    @abstractmethod
    def __call__(self, student: "Logits", teacher: "Logits", *learned: "State") -> "PerToken":
        """In nats a token. Where ``takes`` has spans, a vocabulary may be as small as two outcomes; see `spans.span_losses`."""

    def of_likeliest(self, student: "Logits", teacher: "Support", *learned: "State") -> "PerToken":
        """The same from the teacher's likeliest tokens alone, where ``takes`` has top_k.

        Raises:
            ValueError: it has not; a plan that asks for it is refused before.
        """
        raise self._not_from("top_k")

    def of_drawn(self, student: "Logits", teacher: "Draws", *learned: "State") -> "PerToken":
        """The same from tokens drawn from the teacher, where ``takes`` has sampled.

        Raises:
            ValueError: it has not; a plan that asks for it is refused before.
        """
        raise self._not_from("sampled")

    def _not_from(self, form: Form) -> ValueError:
        return ValueError(f"{self.name()} is computed from {' or '.join(self.takes)}, not from {form}")


class HiddenLoss(Loss):
    """Compares hidden states, position by position."""

    takes: ClassVar[tuple[Form, ...]] = ("hidden",)

    projection: Literal["none", "learned", "least_squares"] = "none"
    """What takes the student's states to the teacher's width: nothing, where the two are equal; or a linear map, fitted by
    least squares to both models' states before the first step, then trained with the student (``learned``) or left so."""

    def check(self, student: Sizes, teacher: Sizes) -> None:
        if self.projection == "none" and student.width != teacher.width:
            raise ValueError(
                f"{self.name()} compares the student's hidden states of width {student.width:,} with the teacher's of width "
                f"{teacher.width:,}: give it a projection, {{{self.name()}: {{projection: learned}}}}"
            )

    def start(self, student: Sizes, teacher: Sizes) -> "tuple[State, ...]":
        from ._projection import Projection

        trained = self.projection == "learned"
        return () if self.projection == "none" else (Projection(student.width, teacher.width, trained),)

    @abstractmethod
    def __call__(self, student: "Hidden", teacher: "OtherHidden", *learned: "State") -> "PerToken":
        """One number a position; the widths may differ where there is a projection, which `start` gave."""


class RelationsLoss(Loss):
    """Compares how the tokens of a row relate to each other in a layer of attention."""

    takes: ClassVar[tuple[Form, ...]] = ("relations",)

    def check(self, student: Sizes, teacher: Sizes) -> None:
        if student.heads != teacher.heads:
            raise ValueError(
                f"{self.name()} compares attention head by head: the student has {student.heads} heads, the teacher "
                f"{teacher.heads}. Give a teacher with as many, or compare hidden states instead: hidden_states"
            )

    @abstractmethod
    def __call__(self, student: "Relations", teacher: "Relations", seen: "Seen") -> "PerRow":
        """In nats, summed over the tokens of a row; ``seen`` says which token (second length) each one (first) may see."""


def at_least_float32(logits: "Logits") -> "Logits":
    """The same, in float32 where they were in less."""
    import torch

    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def log_softmax(logits: "Logits", temperature: float = 1.0) -> "Logits":
    """Log-probabilities in nats, in float32 at least."""
    import torch

    if temperature != 1:
        logits = at_least_float32(logits) / temperature
    return logits.log_softmax(-1, dtype=torch.promote_types(logits.dtype, torch.float32))


def softmax(logits: "Logits") -> "Logits":
    """Probabilities, in float32 at least."""
    import torch

    return logits.softmax(-1, dtype=torch.promote_types(logits.dtype, torch.float32))


def log_mixture(log_p: "Logits", log_q: "Logits", share: float) -> "Logits":
    """log(share p + (1 - share) q); at 0 it is log q itself. The share is below 1."""
    return (log_p + log(share)).logaddexp(log_q + log1p(-share)) if share else log_q
