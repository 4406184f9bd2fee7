"""What components remember is told what happens, and what its parts are called."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from polydistill.batch import Tokens
from polydistill.state import State

STUDENT: Any = SimpleNamespace()


class Hears(State):
    """Writes down what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []
        self.weight = nn.Parameter(torch.zeros(1))

    def begin(self, rows: Sequence[Tokens]) -> None:
        self.heard.append(rows)

    def follow(self, student: Any, parts: Mapping[str, float], progress: float) -> None:
        self.heard.append((student, dict(parts), progress))


def test_it_hands_on_what_it_is_told():
    one, other, rows = Hears(), Hears(), [Tokens([1, 2], 1)]
    state = State.of([one, State.of([other])])
    state.begin(rows)
    state.follow(STUDENT, {"a": 1.0, "b": 2.0}, 0.5)
    assert one.heard == other.heard == [rows, (STUDENT, {"a": 1.0, "b": 2.0}, 0.5)]


def test_each_part_hears_its_own_parts_of_the_loss_by_its_own_names():
    one, other = Hears(), Hears()
    state = State.of([one, other], [{"kl": ("1 kl",)}, {"kl": ("2 kl",), "mse": ("2 mse",)}])
    state.follow(STUDENT, {"1 kl": 1.0, "2 kl": 2.0, "2 mse": 3.0}, 0.25)
    assert one.heard == [(STUDENT, {"kl": 1.0}, 0.25)]
    assert other.heard == [(STUDENT, {"kl": 2.0, "mse": 3.0}, 0.25)]
    with pytest.raises(KeyError):
        state.follow(STUDENT, {"1 kl": 1.0}, 0.25)


def test_what_is_of_several_names_is_their_sum():
    one = Hears()
    state = State.of([one], [{"kl": ("1 kl", "2 kl"), "mse": ("mse",)}])
    state.follow(STUDENT, {"1 kl": 1.0, "2 kl": 2.0, "mse": 4.0, "other": 8.0}, 0.25)
    assert one.heard == [(STUDENT, {"kl": 3.0, "mse": 4.0}, 0.25)]


def test_its_parts_are_those_it_was_made_of():
    one, other = Hears(), Hears()
    state = State.of([one, other])
    state.layer = nn.Linear(1, 1)
    assert state.parts == (one, other), "a module that is no state is none of them"
    assert {"0.weight", "1.weight"} < set(state.state_dict()), "each is in a checkpoint by its number"
    assert State().parts == ()
