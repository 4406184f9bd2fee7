"""Answering and scoring with PyTorch: ends, kinds of models, batch size and threads."""

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from pydantic import ValidationError
from tiny_engine import change, engine, question

from polydistill.engines import Answer, Sampling
from polydistill.engines.transformers import OpenTransformers, Transformers

QUESTIONS = [question(text) for text in ("a", "where is the cat?", "why " * 9)]


# End tokens.


@pytest.mark.parametrize(("file", "as_list"), [("generation_config.json", True), ("config.json", True), ("config.json", False)])
def test_every_end_token_that_the_model_states_ends_an_answer(taught: Path, file: str, as_list: bool):
    with engine(taught).open() as opened:
        whole = opened.answer(QUESTIONS, Sampling(max_tokens=80))
        space = opened.chat.tokenizer.encode(" ")[0]
        assert opened.more_ends == {257}
    change(taught / file, eos_token_id=[257, space] if as_list else space)
    with engine(taught).open() as opened:
        assert opened.more_ends == {257, space}
        found = opened.answer(QUESTIONS, Sampling(max_tokens=80))
    assert found == [Answer(answer.text.split(" ")[0], True) for answer in whole]


def test_a_tokenizer_needs_no_padding_token(taught: Path):
    with engine(taught).open() as opened:
        whole = opened.answer(QUESTIONS, Sampling(max_tokens=20))
    change(taught / "tokenizer_config.json", pad_token=None)
    change(taught / "config.json", pad_token_id=None)
    with engine(taught).open() as opened:
        assert opened.chat.tokenizer.pad_token is None
        assert opened.answer(QUESTIONS, Sampling(max_tokens=20)) == whole


# Kinds of models. Each is random, small, and computed plainly beside: row by row, without a cache, without sharing.

SMALL = {
    "vocab_size": 260, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 128, "bos_token_id": 256, "eos_token_id": 257,
    "pad_token_id": 257, "initializer_range": 0.2,
}  # fmt: skip
KINDS = {
    "MistralConfig": {"sliding_window": 8},  # attention over a window
    "Cohere2Config": {"sliding_window": 8, "logit_scale": 0.5},  # a window in some layers, logits scaled
    "Gemma2Config": {"sliding_window": 8, "query_pre_attn_scalar": 8},  # not computed by sdpa, logits capped
    "GraniteConfig": {"logits_scaling": 3.0},
    "GPT2Config": {"n_positions": 128, "n_embd": 32, "n_head": 4, "n_layer": 2},  # dropout, learned positions
    "Lfm2Config": {"layer_types": ["conv", "full_attention"]},  # layers that remember
}
SHARES = {"GraniteConfig", "GPT2Config"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_answers_and_scores_as_computed_plainly(kind: str, tmp_path: Path):
    import transformers

    # Gemma 2 has no float64: its masks overflow there.
    dtype = "float32" if kind == "Gemma2Config" else "float64"
    torch.manual_seed(0)
    config = getattr(transformers, kind)(**{**SMALL, **KINDS[kind]})
    transformers.AutoModelForCausalLM.from_config(config).to(getattr(torch, dtype)).save_pretrained(tmp_path)
    tiny.tokenizer().save_pretrained(tmp_path)
    texts = ["abc", "some longer text", "x", "why not this"]
    with engine(tmp_path, dtype=dtype).open() as opened:
        template, network = opened.chat, opened.model
        assert not network.training
        found = opened.answer(QUESTIONS, Sampling(max_tokens=8))
        for chat, answer in zip(QUESTIONS, found, strict=True):
            ids, made = template.prompt(chat), []
            with torch.inference_mode():
                while len(made) < 8 and (not made or made[-1] != 257):
                    made.append(network(torch.tensor([ids + made]), use_cache=False).logits[0, -1].argmax().item())
            assert answer.text == template.tokenizer.decode(made, skip_special_tokens=True).strip()
        for chat in (QUESTIONS[2], None):
            wanted = []
            for text in texts:
                prompt = template.start if chat is None else template.prompt(chat)
                ids = torch.tensor([prompt + template.answer(text)])
                with torch.inference_mode():
                    log_p = network(ids, use_cache=False).logits.log_softmax(-1)[0]
                wanted.append(sum(log_p[at - 1, ids[0, at]].item() for at in range(len(prompt), ids.shape[1])))
            assert opened.score([chat] * 4, texts) == pytest.approx(wanted, rel=1e-4 if dtype == "float32" else 1e-9)
        assert opened._shares == (kind in SHARES)


# The batch size.


@pytest.mark.parametrize("size", [0, -1, "many"])
def test_a_batch_has_a_row_at_least(size: Any):
    with pytest.raises(ValidationError, match="batch_size"):
        Transformers(path="x", batch_size=size)


def test_the_batch_size_is_probed_once_and_only_where_there_is_enough_to_do(taught: Path, monkeypatch: pytest.MonkeyPatch):
    probes: list[int] = []
    monkeypatch.setattr(OpenTransformers, "_probe", lambda self: probes.append(1) or 8)
    with engine(taught, batch_size="auto").open() as opened:
        opened.answer(QUESTIONS, Sampling(max_tokens=2))
        assert probes == []
        opened.answer(QUESTIONS * 6, Sampling(max_tokens=2))
        opened.answer(QUESTIONS * 6, Sampling(max_tokens=2))
        opened.answer(QUESTIONS, Sampling(max_tokens=2))
    assert probes == [1]


def test_the_probe_stops_where_more_rows_are_no_faster_or_do_not_fit(taught: Path, monkeypatch: pytest.MonkeyPatch):
    now, tried = [0.0], []
    monkeypatch.setattr("polydistill.engines._torch.time.monotonic", lambda: now[0])

    def takes(seconds: dict[int, float]):
        def decode(self: OpenTransformers, prompts: list[list[int]], *how: Any) -> list[Any]:
            tried.append(len(prompts))
            if len(prompts) not in seconds:
                raise RuntimeError("out of memory")
            now[0] += seconds[len(prompts)]
            return []

        return decode

    with engine(taught, batch_size="auto").open() as opened:
        for seconds, best, sizes in (
            ({8: 1.0, 16: 1.0, 32: 1.9, 64: 9.0}, 16, [8, 16, 32]), ({8: 1.0, 16: 1.2, 32: 1.5}, 32, [8, 16, 32, 64]),
            ({8: 1.0, 16: 1.0, 32: 1.0, 64: 1.0, 128: 1.0}, 128, [8, 16, 32, 64, 128]),
        ):  # fmt: skip
            monkeypatch.setattr(OpenTransformers, "_decode", takes(seconds))
            tried.clear()
            assert opened._probe() == best
            assert tried == sizes


def test_threads_are_those_that_are_asked_for_and_those_before_come_back(taught: Path):
    before = torch.get_num_threads()
    with engine(taught, threads=3).open():
        assert torch.get_num_threads() == 3
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(("seconds", "best"), [({8: 1.0, 4: 2.0}, 8), ({8: 2.0, 4: 1.0}, 4)])
def test_all_threads_or_half_of_them_whichever_is_faster(
    seconds: dict[int, float], best: int, taught: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(OpenTransformers, "_speed", lambda self, rows: 1 / seconds[torch.get_num_threads()])
    before = torch.get_num_threads()
    torch.set_num_threads(8)
    try:
        with engine(taught).open():
            assert torch.get_num_threads() == best
        assert torch.get_num_threads() == 8
    finally:
        torch.set_num_threads(before)
