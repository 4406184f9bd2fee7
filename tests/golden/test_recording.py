"""What attention is computed from, against attention computed by hand and against what the model makes of it."""

from collections.abc import Iterator
from math import cos, sin
from typing import Any

import pytest
import tiny
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor
from transformers import AutoModelForCausalLM, Gemma2Config, Gemma3TextConfig, GptOssConfig, Qwen2Config, Qwen3Config
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS, AttentionInterface

from polydistill.batch import Tokens, padded
from polydistill.engines import BadModel
from polydistill.recording import recorded
from polydistill.signals import Relations, Wants
from polydistill.student import Student

IDS = torch.tensor([[5, 9, 200, 31, 7, 90], [1, 2, 3, 4, 5, 6]])
SIZES = {
    "vocab_size": 260, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "initializer_range": 0.2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
FAMILIES = {
    "qwen2": Qwen2Config(**{name: size for name, size in SIZES.items() if name != "head_dim"}),
    "qwen3": Qwen3Config(**(SIZES | {"head_dim": 16})),
    "gemma3": Gemma3TextConfig(**SIZES, query_pre_attn_scalar=3, layer_types=["sliding_attention", "full_attention"]),
}


@pytest.fixture(autouse=True)
def the_librarys_functions_stay_as_they_are() -> Iterator[None]:
    own = vars(ALL_ATTENTION_FUNCTIONS)["_local_mapping"]
    before = dict(own), dict(AttentionInterface._global_mapping)
    yield
    assert (own, AttentionInterface._global_mapping) == before


@pytest.fixture
def llama() -> Any:
    return tiny.random_model().double().eval()


def run(model: Any) -> Any:
    return model.get_decoder()(input_ids=IDS, use_cache=False, output_hidden_states=True)


def mixed(relations: Relations) -> Tensor:
    """(rows, length, heads x head width) what attention of one layer gives, from its definition."""
    queries, keys, values = relations
    scores = queries @ keys.mT / queries.shape[-1] ** 0.5
    later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    return (scores.masked_fill(later, -torch.inf).softmax(-1) @ values).transpose(1, 2).flatten(2)


def given_on(model: Any, layer: int) -> tuple[dict[int, Relations], Tensor]:
    """What was recorded, and what the layer's own attention handed on to its output projection."""
    kept: list[Tensor] = []
    attention = model.get_decoder().layers[layer - 1].self_attn
    handle = attention.o_proj.register_forward_pre_hook(lambda module, given: kept.append(given[0]))
    with recorded(model, (layer,)) as found:
        run(model)
    handle.remove()
    return dict(found), kept[0]


def test_it_is_attention_by_hand(llama: Any):
    """The second block of the tiny Llama from its weights: norm, projection, positions turned in, keys' heads repeated."""
    with torch.no_grad(), recorded(llama, (2, -1, 1)) as found:
        entering = run(llama).hidden_states[1]
    block = llama.model.layers[1]
    normed = entering / (entering.pow(2).mean(-1, keepdim=True) + llama.config.rms_norm_eps).sqrt()
    normed = normed * block.input_layernorm.weight

    def heads(projection: Any, count: int) -> Tensor:
        return (normed @ projection.weight.T).view(2, 6, count, 8).transpose(1, 2)

    def turned(given: Tensor) -> Tensor:
        out = given.clone()
        for place in range(6):
            for pair in range(4):
                angle = place * 10_000.0 ** (-2 * pair / 8)
                one, other = given[:, :, place, pair], given[:, :, place, pair + 4]
                out[:, :, place, pair] = one * cos(angle) - other * sin(angle)
                out[:, :, place, pair + 4] = other * cos(angle) + one * sin(angle)
        return out

    # The library's norms and angles are float32 at heart.
    near = {"rtol": 1e-5, "atol": 1e-5}
    queries, keys, values = found[2]
    assert torch.allclose(queries, turned(heads(block.self_attn.q_proj, 4)), **near)
    assert torch.allclose(keys, turned(heads(block.self_attn.k_proj, 2))[:, [0, 0, 1, 1]], **near)
    assert torch.allclose(values, heads(block.self_attn.v_proj, 2)[:, [0, 0, 1, 1]], **near)
    assert all(torch.equal(one, other) for one, other in zip(found[2], found[-1], strict=True))
    assert not torch.allclose(found[1].queries, queries, **near)


@pytest.mark.parametrize("layer", [1, 2])
@pytest.mark.parametrize("family", FAMILIES)
def test_what_the_model_mixes_is_made_of_it(family: str, layer: int):
    """Queries' scale and norms differ between families; softmax(queries . keys / sqrt(width)) values does not."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(FAMILIES[family]).double().eval()
    found, handed_on = given_on(model, layer)
    assert torch.allclose(mixed(found[layer]), handed_on, rtol=1e-9, atol=1e-9)
    assert found[layer].queries.shape == found[layer].keys.shape == (2, 4, 6, model.get_decoder().layers[0].self_attn.head_dim)


CAPPED, SINKS = Gemma2Config(**SIZES), GptOssConfig(**SIZES, num_local_experts=2, num_experts_per_tok=1)


@pytest.mark.parametrize(
    ("config", "how"),
    [(CAPPED, "eager"), (CAPPED, "sdpa"), (SINKS, "sdpa"), (Qwen3Config(**SIZES), "eager")],
    ids=["capped eager", "capped", "sinks", "eager"],
)
def test_attention_of_another_kind_is_refused_in_words(config: Any, how: str):
    model = AutoModelForCausalLM.from_config(config).eval()
    model.config._attn_implementation = how
    with pytest.raises(BadModel, match=rf"ForCausalLM \({how}\) cannot be looked into; take hidden states instead"), \
         recorded(model, (1,)):  # fmt: skip
        run(model)


def test_under_adapters_it_is_what_the_adapters_make(llama: Any):
    with recorded(llama, (1,)) as before:
        run(llama)
    lora = LoraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
    student = Student(get_peft_model(llama, lora)).eval()
    found, handed_on = given_on(student.base, 1)
    assert torch.allclose(mixed(found[1]), handed_on, rtol=1e-9, atol=1e-9)
    assert not torch.allclose(found[1].queries, before[1].queries, atol=1e-3)
    assert torch.equal(found[1].keys, before[1].keys)


def test_under_autocast_it_is_what_the_model_computes_with(llama: Any):
    model = llama.float()
    with torch.autocast("cpu", torch.bfloat16):
        found, handed_on = given_on(model, 2)
    assert found[2].values.dtype == torch.bfloat16
    relations = Relations(*(part.float() for part in found[2]))
    assert torch.allclose(mixed(relations), handed_on.float(), rtol=0, atol=0.02 * handed_on.float().abs().max().item())


def test_recording_changes_no_bit_and_its_gradient_is_the_models(llama: Any):
    plain = run(llama).last_hidden_state
    with recorded(llama, (1, 2)) as found:
        assert torch.equal(run(llama).last_hidden_state, plain)
    found[1].queries.sum().backward()
    first, second = (block.self_attn for block in llama.model.layers)
    assert first.q_proj.weight.grad.abs().max() > 0
    assert first.k_proj.weight.grad is None
    assert second.q_proj.weight.grad is None


def test_one_inside_another_records_both(llama: Any):
    with recorded(llama, (1,)) as outer:
        with recorded(llama, (2,)) as inner:
            run(llama)
        assert inner.keys() == {2}
        assert outer.keys() == {1}
        seen = outer[1]
        run(llama)
        assert outer[1] is not seen, "the outer one goes on"
        assert len(inner) == 1


def test_after_an_error_the_library_is_as_before(llama: Any):
    """What is left behind is looked at after every test here."""

    def fails() -> None:
        with recorded(llama, (1,)):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()


def test_somebody_elses_function_is_looked_through_and_put_back(llama: Any):
    calls: list[int] = []

    def own(*given: Any, **settings: Any) -> Any:
        calls.append(1)
        return AttentionInterface._global_mapping["sdpa"](*given, **settings)

    ALL_ATTENTION_FUNCTIONS["sdpa"] = own
    try:
        with recorded(llama, (2,)) as found:
            run(llama)
        assert ALL_ATTENTION_FUNCTIONS["sdpa"] is own
    finally:
        del ALL_ATTENTION_FUNCTIONS["sdpa"]
    assert found.keys() == {2}
    assert len(calls) == 2


def test_a_student_says_relations_over_all_tokens_of_a_row(llama: Any):
    """The states that predict answers are as without; padding is a token like another there, for the loss to leave out."""
    student, batch = Student(llama), padded([Tokens([256, 10, 20, 257], 2), Tokens([256, 10], 1)])
    said = student.says(batch, Wants(relations=(-1,)))
    assert said.relations[-1].queries.shape == (2, 4, 4, 8)
    assert torch.equal(said.dense.states, student.states(batch))
    alone = student.says(padded([Tokens([256, 10], 1)]), Wants(relations=(-1,))).relations[-1]
    assert torch.allclose(alone.keys, said.relations[-1].keys[1:, :, :2], rtol=1e-12)
