"""What a model writes is what it would write by itself, token by token."""

from typing import Any

import pytest
import tiny
import torch

from polydistill.decoding import decode
from polydistill.engines import Sampling
from polydistill.models import load_model

PROMPTS = [[256, 10, 20, 30], [256, 11], [256, 65, 66, 67, 68, 69, 70]]
NONE = [frozenset[int]()] * 3


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One whose head is not its embeddings, so that it does not say the same token again and again."""
    folder = tiny.model_folder(tmp_path_factory.mktemp("untied") / "model", tie_word_embeddings=False)
    return load_model(folder, "float64", "cpu").eval()


def greedy(model: Any, prompt: list[int], tokens: int) -> list[int]:
    """Without a cache and without rows beside it."""
    ids = list(prompt)
    with torch.inference_mode():
        for _ in range(tokens):
            ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[len(prompt) :]


def test_the_likeliest_tokens_one_after_the_other(model: Any):
    found = decode(model, PROMPTS, NONE, Sampling(max_tokens=5), [0] * 3, 512)
    assert found == [(greedy(model, prompt, 5), False) for prompt in PROMPTS]
    assert len({token for tokens, _ in found for token in tokens}) > 3


def test_an_end_of_its_own_ends_a_row_and_is_left_out(model: Any):
    """The others go on as if nothing had been beside them."""
    alone = [greedy(model, prompt, 5) for prompt in PROMPTS]
    place = next(at for at, token in enumerate(alone[1]) if token not in alone[1][:at] and at)
    ends = [frozenset[int](), frozenset({alone[1][place]}), frozenset({alone[2][0]})]
    found = decode(model, PROMPTS, ends, Sampling(max_tokens=5), [0] * 3, 512)
    assert found == [(alone[0], False), (alone[1][:place], True), ([], True)]


def test_no_row_is_longer_than_the_context(model: Any):
    found = decode(model, PROMPTS, NONE, Sampling(max_tokens=5), [0] * 3, 8)
    assert [len(tokens) for tokens, _ in found] == [4, 5, 1]


def test_each_row_is_drawn_by_its_own_seed(model: Any):
    hot = Sampling(max_tokens=6, temperature=1.5)
    together = decode(model, PROMPTS, NONE, hot, [3, 1, 2], 512)
    assert together[1:2] == decode(model, PROMPTS[1:2], NONE[:1], hot, [1], 512)
    assert together != decode(model, PROMPTS, NONE, hot, [4, 5, 6], 512)


def test_of_no_prompts_nothing_is_asked():
    assert decode(None, [], [], Sampling(), [], 512) == []


def test_who_watches_hears_a_speed_for_every_token(model: Any):
    speeds: list[float] = []
    decode(model, PROMPTS[:1], NONE[:1], Sampling(max_tokens=3), [0], 512, speeds.append)
    assert len(speeds) == 3
    assert min(speeds) > 0
