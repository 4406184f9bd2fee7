"""Samplers: how much of the mixture each language gets.

To add one: a file here with one frozen class that gives `Sampler.__call__`. `tests/contract/test_samplers.py` enrols it.
"""

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, NamedTuple

from ..component import Component, contract


class Measures(NamedTuple):
    """How far a student is from its teacher, by the names that get shares."""

    student: Mapping[str, float]
    """Perplexity on held-out text: exp(nats a token) or, where the two have other tokenizers, 2^(bits a byte)."""
    teacher: Mapping[str, float]
    """The same of the teacher, on the same text."""
    shares: Mapping[str, float] = MappingProxyType({})
    """The shares before; empty the first time."""


@contract
class Sampler(Component):
    """Sizes in, shares out."""

    needs_measures: ClassVar[bool] = False
    """Whether shares depend on `Measures`, which nobody has when a mixture is made."""

    @abstractmethod
    def __call__(self, sizes: Mapping[str, float], measures: Measures | None = None) -> dict[str, float]:
        """The share of each name, summing to 1, from how much there is of each (any unit, none negative).

        What there is nothing of gets nothing, while there is something of another.
        """


def divided(weights: Mapping[str, float]) -> dict[str, float]:
    """Shares in proportion to weights; the same for all where none has any."""
    whole = sum(weights.values())
    return {name: weight / whole if whole else 1 / len(weights) for name, weight in weights.items()}


def unmeasured(sampler: Sampler) -> ValueError:
    """The error for a sampler that is called without the measures it needs."""
    return ValueError(
        f"{sampler.name()} needs the perplexities of student and teacher in each language, which nobody has when a mixture is "
        "made; it is for train.draws, and a mixture takes temperature, capped or tiered"
    )
