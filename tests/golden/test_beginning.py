"""The student as training begins."""

from pathlib import Path

import pytest
import torch

from polydistill.beginning import beginning
from polydistill.engines.transformers import Transformers
from polydistill.models import load_model
from polydistill.objectives.next_token import NextToken
from polydistill.records import Lang
from polydistill.schedules.constant import Constant
from polydistill.surgeries.take_layers import TakeLayers
from polydistill.training import LoraSettings, TrainSettings


def settings(model: Path, **changes: object) -> TrainSettings:
    given = {
        "objective": NextToken(), "schedule": Constant(), "rich": Lang("eng"), "compute": "float64", "device": "cpu",
        "model": Transformers(path=str(model), dtype="float64"),
    }  # fmt: skip
    return TrainSettings(**{**given, **changes})


@pytest.mark.parametrize(
    ("compute", "dtype"), [("float64", torch.float64), ("float32", torch.float32), ("bfloat16", torch.float32)]
)
def test_its_weights_are_the_models_in_float32_at_least(compute: str, dtype: torch.dtype, random_model: Path):
    student, tokenizer = beginning(settings(random_model, compute=compute), random_model, None, "cpu")
    plain = load_model(random_model, "float64", "cpu").state_dict()
    assert student.base.state_dict().keys() == plain.keys()
    assert all(torch.equal(weight, plain[name].to(dtype)) for name, weight in student.base.state_dict().items())
    assert {weight.dtype for weight in student.parameters()} == {dtype}
    assert student.ends[0] == tokenizer.convert_tokens_to_ids("<|end|>") == 257
    assert student.template.tokenizer is tokenizer
    assert student.whole is None


def test_with_adapters_they_alone_are_trained_and_say_nothing_yet(random_model: Path):
    given = settings(random_model, method="lora", lora=LoraSettings(rank=3, alpha=6.0))
    student, _ = beginning(given, random_model, None, "cpu")
    trained = {name: weight for name, weight in student.named_parameters() if weight.requires_grad}
    assert trained
    assert all(".lora_" in name and 3 in weight.shape for name, weight in trained.items())
    ids = torch.tensor([[256, 10, 20, 257]])
    with torch.no_grad():
        found, plain = (model(input_ids=ids).logits for model in (student.model, load_model(random_model, "float64", "cpu")))
    assert torch.allclose(found, plain, rtol=0, atol=1e-12)


def test_surgeries_come_one_after_the_other_and_the_whole_model_can_be_loaded(random_model: Path):
    both = (TakeLayers(layers=(2,)), TakeLayers(layers=1))
    student, _ = beginning(settings(random_model, surgeries=both), random_model, None, "cpu")
    whole = student.whole()
    assert (student.base.config.num_hidden_layers, whole.config.num_hidden_layers) == (1, 2)
    name = "layers.{}.self_attn.q_proj.weight"
    assert torch.equal(student.base.model.get_parameter(name.format(0)), whole.model.get_parameter(name.format(1)))
