"""What every surgery promises; a new file in surgeries/ is enrolled and needs an entry in EXAMPLES and one in CLAIMS."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tiny
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from polydistill.component import find, names
from polydistill.models import load_model
from polydistill.student import Student
from polydistill.surgeries import Surgery

EXAMPLES: dict[str, list[dict[str, Any]]] = {"take_layers": [{"layers": 2}, {"layers": [2, 3]}]}
"""Settings to build each surgery with, for a model of five layers."""
IDS = torch.tensor([[256, 5, 9, 200, 31], [256, 7, 90, 1, 257]])


class Cut(NamedTuple):
    """A model before and after a surgery."""

    surgery: Surgery
    before: Any
    config: dict[str, Any]
    """As it was before."""
    after: Any
    tokenizer: Any


def keeps_some_layers_as_they_are(cut: Cut) -> None:
    """Every layer that is left is one of the model's, in its order, and all else is the model's."""
    before, after = (dict(model.named_parameters()) for model in (cut.before, cut.after))
    kept = cut.surgery.numbers(cut.config["num_hidden_layers"])
    for name, weight in after.items():
        if ".layers." in name:
            head, _, rest = name.partition(".layers.")
            number, _, rest = rest.partition(".")
            assert torch.equal(weight, before[f"{head}.layers.{kept[int(number)] - 1}.{rest}"]), name
        else:
            assert torch.equal(weight, before[name]), name
    assert len(before) - len(after) == 9 * (cut.config["num_hidden_layers"] - len(kept)), "nine weights a layer"


CLAIMS: dict[str, Callable[[Cut], None]] = {"take_layers": keeps_some_layers_as_they_are}
"""What each surgery says that it does, as a test of a model before and after it."""


@pytest.fixture(scope="module")
def five_layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.model_folder(tmp_path_factory.mktemp("five") / "model", num_hidden_layers=5)


@pytest.fixture(
    scope="module",
    params=[(name, number) for name in names("surgeries") for number in range(len(EXAMPLES.get(name, [0])))],
    ids=str,
)
def cut(request: pytest.FixtureRequest, five_layers: Path) -> Cut:
    name, number = request.param
    for table in ("EXAMPLES", "CLAIMS"):
        assert name in globals()[table], (
            f"surgeries/{name}.py has no entry in {table} of tests/contract/test_surgeries.py; add one"
        )
    surgery = find("surgeries", name)(**EXAMPLES[name][number])
    before, own = (load_model(five_layers, "float64", "cpu") for _ in range(2))
    after, tokenizer = surgery(own, AutoTokenizer.from_pretrained(five_layers))
    return Cut(surgery, before, before.config.to_dict(), after, tokenizer)


def logits(model: Any) -> Tensor:
    with torch.no_grad():
        return model(input_ids=IDS, use_cache=False).logits


def test_it_does_what_it_says(cut: Cut):
    CLAIMS[cut.surgery.name()](cut)


def test_it_is_a_model_that_is_saved_and_loaded_as_it_is(cut: Cut, tmp_path: Path):
    cut.after.save_pretrained(tmp_path)
    cut.tokenizer.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float64)
    assert torch.allclose(logits(again), logits(cut.after), rtol=0, atol=1e-14), "but for where its weights lie in memory"
    own = dict(cut.after.named_parameters())
    assert again.num_parameters() == sum(weight.numel() for weight in own.values())
    assert all(torch.equal(weight, own[name]) for name, weight in again.named_parameters())
    assert AutoTokenizer.from_pretrained(tmp_path).get_vocab() == cut.tokenizer.get_vocab()


def test_the_configuration_is_known_before_the_weights_are(cut: Cut):
    left = cut.surgery.check(cut.config)
    found = cut.after.config.to_dict()
    assert {name: value for name, value in left.items() if name in found} == {
        name: found[name] for name in left if name in found
    }
    assert left != cut.config
    assert left.keys() == cut.config.keys()


def test_check_leaves_what_it_is_given_as_it_is(cut: Cut, five_layers: Path):
    cut.surgery.check(cut.config)
    assert cut.config == cut.before.config.to_dict()
    assert cut.config["num_hidden_layers"] == 5


def test_what_is_left_can_be_trained_and_writes(cut: Cut):
    student = Student(cut.after)
    assert student.sizes.layers == len(cut.after.get_decoder().layers)
    cut.after(input_ids=IDS, labels=IDS).loss.backward()
    assert all(p.grad is not None for p in cut.after.parameters())
    cut.after.zero_grad()
    with_memory = cut.after.generate(IDS, max_new_tokens=4, do_sample=False)
    assert torch.equal(with_memory, cut.after.generate(IDS, max_new_tokens=4, do_sample=False, use_cache=False))


def test_nothing_is_drawn(cut: Cut, five_layers: Path):
    """What is drawn later is the same with and without it, and it does the same each time."""
    model = load_model(five_layers, "float64", "cpu")
    state = torch.get_rng_state()
    again, _ = cut.surgery(model, cut.tokenizer)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.allclose(logits(again), logits(cut.after), rtol=0, atol=1e-14)
