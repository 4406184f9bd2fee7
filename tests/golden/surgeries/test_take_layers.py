import copy
import itertools
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from pydantic import ValidationError
from transformers import (
    AutoModelForCausalLM,
    DeepseekV3Config,
    Gemma3TextConfig,
    GPT2Config,
    Qwen2Config,
    Qwen3Config,
    Qwen3MoeConfig,
    SmolLM3Config,
)

from polydistill.surgeries.take_layers import TakeLayers

IDS = torch.tensor([[5, 9, 200, 31, 7, 90, 2, 3]])
SIZES = {
    "vocab_size": 260, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 6, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "initializer_range": 0.2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
WHOLE, NEAR = "full_attention", "sliding_attention"


@pytest.mark.parametrize(
    ("count", "of", "kept"),
    [
        (6, 12, (1, 3, 5, 8, 10, 12)),  # as DistilBERT of BERT
        (3, 12, (1, 7, 12)),
        (1, 12, (1,)),
        (2, 12, (1, 12)),
        (2, 2, (1, 2)),
        (5, 5, (1, 2, 3, 4, 5)),
        (3, 6, (1, 4, 6)),
        (15, 30, (1, 3, 5, 7, 9, 11, 13, 16, 18, 20, 22, 24, 26, 28, 30)),
    ],
)
def test_a_number_of_layers_is_spread_evenly(count: int, of: int, kept: tuple[int, ...]):
    assert TakeLayers(layers=count).numbers(of) == kept


@pytest.mark.parametrize("of", [1, 2, 7, 30, 64])
def test_first_and_last_are_kept_and_no_gap_is_two_wider_than_another(of: int):
    for count in range(1, of + 1):
        kept = TakeLayers(layers=count).numbers(of)
        gaps = {after - before for before, after in itertools.pairwise(kept)}
        assert len(kept) == count
        assert kept[0] == 1
        if count > 1:
            assert kept[-1] == of
            assert 1 <= min(gaps) <= max(gaps) <= min(gaps) + 1


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=IDS, use_cache=False).logits


@pytest.mark.parametrize("layers", [4, [1, 2, 3, 4]])
def test_with_all_layers_it_is_the_same_model_bit_for_bit(layers: Any):
    before, own = (tiny.random_model(num_hidden_layers=4).eval() for _ in range(2))
    after, tokenizer = TakeLayers(layers=layers)(own, "tokenizer")
    assert tokenizer == "tokenizer"
    assert torch.equal(logits(after), logits(before))
    assert after.config.to_dict() == before.config.to_dict()


def test_what_is_left_runs_the_kept_layers_one_after_the_other():
    """Embedding, layers 1, 3 and 4, norm and head, called one by one."""
    whole = tiny.random_model(num_hidden_layers=4).eval()
    inner, places = whole.model, torch.arange(IDS.shape[1])[None]
    with torch.no_grad():
        states = inner.embed_tokens(IDS)
        turned = inner.rotary_emb(states, places)
        for number in (0, 2, 3):
            states = inner.layers[number](states, position_embeddings=turned, attention_mask=None)
        expected = whole.lm_head(inner.norm(states))
    after, _ = TakeLayers(layers=(1, 3, 4))(tiny.random_model(num_hidden_layers=4).eval(), None)
    assert torch.allclose(logits(after), expected, rtol=1e-5, atol=1e-6)
    assert [block.self_attn.layer_idx for block in after.model.layers] == [0, 1, 2]


FAMILIES = {
    "windows of some layers": (Gemma3TextConfig(**SIZES, sliding_window=3, layer_types=[NEAR, NEAR, WHOLE] * 2), [2, 3, 4]),
    "windows from a layer on": (Qwen2Config(**SIZES, use_sliding_window=True, sliding_window=3, max_window_layers=3), 3),
    "layers without positions": (SmolLM3Config(**SIZES, no_rope_layers=[1, 1, 1, 0, 1, 0]), [1, 4, 5]),
    "norms of queries and keys": (Qwen3Config(**SIZES), [2, 5]),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_said_of_each_layer_goes_with_it(family: str, tmp_path: Path):
    config, layers = FAMILIES[family]
    torch.manual_seed(0)
    after, _ = TakeLayers(layers=layers)(AutoModelForCausalLM.from_config(copy.deepcopy(config)).eval(), None)
    after.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    assert torch.allclose(logits(again), logits(after), rtol=0, atol=1e-5)
    left = after.config.to_dict()
    for name in ("layer_types", "no_rope_layers"):
        said, numbers = config.to_dict().get(name), TakeLayers(layers=layers).numbers(6)
        assert left.get(name) == (said and [said[number - 1] for number in numbers])
    assert {name for name, value in left.items() if value != config.to_dict()[name]} <= {
        "num_hidden_layers", "layer_types", "no_rope_layers", "architectures", "dtype",
    }  # fmt: skip


def test_a_list_that_is_about_something_else_stays(tmp_path: Path):
    """As many end tokens as layers."""
    config = {"num_hidden_layers": 3, "eos_token_id": [1, 2, 3], "layer_types": ["a", "b", "c"], "hidden_size": 8}
    left = TakeLayers(layers=(1, 3)).check(config)
    assert left == {"num_hidden_layers": 2, "eos_token_id": [1, 2, 3], "layer_types": ["a", "c"], "hidden_size": 8}


EXPERTS = {
    "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "moe_intermediate_size": 16,
    "n_shared_experts": 1, "q_lora_rank": 8, "kv_lora_rank": 8, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8,
    "num_key_value_heads": 4,
}  # fmt: skip


@pytest.mark.parametrize(
    ("config", "layers"),
    [
        (Qwen3MoeConfig(**SIZES, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16, mlp_only_layers=[1]), [1, 3]),
        (DeepseekV3Config(**(SIZES | EXPERTS), first_k_dense_replace=2), [1, 3]),
    ],
    ids=["numbers of dense layers", "first dense layers"],
)
def test_layers_that_would_be_loaded_as_others_are_refused(config: Any, layers: list[int]):
    model = AutoModelForCausalLM.from_config(config)
    with pytest.raises(ValueError, match=r"ForCausalLM would load layer 2 of those that are kept as one of another kind"):
        TakeLayers(layers=layers)(model, None)


def test_a_family_with_layers_under_another_name_is_refused():
    model = AutoModelForCausalLM.from_config(GPT2Config(vocab_size=260, n_embd=32, n_layer=4, n_head=4))
    with pytest.raises(ValueError, match="GPT2LMHeadModel keeps its layers in a way that is not known here"):
        TakeLayers(layers=2)(model, None)


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        (7, "there are no 7 layers to keep: the model has 5 layers; give numbers from 1 to 5"),
        ([2, 6], "there is no layer 6 to keep: the model has 5 layers"),
    ],
)
def test_layers_that_the_model_lacks_are_refused_without_weights(layers: Any, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        TakeLayers(layers=layers).check({"num_hidden_layers": 5})


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ([3, 1], r"give \[1, 3\], not \[3, 1\]"),
        ([1, 1, 2], r"none is kept twice: give \[1, 2\]"),
        ([], "at least 1 item"),
        ([0, 1], "greater than or equal to 1"),
        (0, "greater than or equal to 1"),
    ],
)
def test_what_is_no_choice_of_layers_is_refused(layers: Any, sentence: str):
    with pytest.raises(ValidationError, match=sentence):
        TakeLayers(layers=layers)
