"""Samplers: how much of the mixture each language gets.

To add one: a file here with one frozen class that gives `Sampler.__call__`. `tests/contract/test_samplers.py` enrols it.
"""

from abc import abstractmethod
from collections.abc import Mapping

from ..component import Component, contract


@contract
class Sampler(Component):
    """Sizes in, shares out."""

    @abstractmethod
    def __call__(self, sizes: Mapping[str, float]) -> dict[str, float]:
        """The share of each name, summing to 1, from how much there is of each (any unit, none negative)."""
