"""Surgeries: another model made of a model, before it is trained.

To add one: a file here with one frozen class that gives `Surgery.__call__`. `tests/contract/test_surgeries.py` enrols it.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from ..component import Component, contract


@contract
class Surgery(Component):
    """Cuts or adds; what it leaves is a model of its own, with a configuration that says so."""

    @abstractmethod
    def __call__(self, model: Any, tokenizer: Any) -> tuple[Any, Any]:
        """(model, tokenizer) as they are afterwards, from a model of transformers in memory, which is used up."""

    def check(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """The configuration it would leave, from the text model's own; without weights.

        Raises:
            ValueError: the model has not what it is to work on.
        """
        return config
