"""Writing with a causal model that PyTorch runs: batches that rows leave as they end."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from .engines import Sampling
from .engines._draws import Draws


def decode(
    model: Any, prompts: Sequence[Sequence[int]], ends: Sequence[frozenset[int]], sampling: Sampling, seeds: Sequence[int],
    context: int, told: Callable[[float], None] = lambda speed: None, known: int | None = None,
) -> list[tuple[list[int], bool]]:  # fmt: skip
    """(tokens, whether one of its ``ends`` came) of each prompt's continuation, that end left out.

    Each row is drawn by its own seed, so that the rows beside it change nothing. ``told`` hears the tokens a second. With
    ``known`` no id from that one on is drawn.
    """
    import torch
    from transformers import DynamicCache

    if not prompts:
        return []
    width, started = max(map(len, prompts)), time.monotonic()
    ids = torch.tensor([[0] * (width - len(p)) + list(p) for p in prompts], device=model.device)
    attend = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=model.device)
    positions = (attend.cumsum(1) - 1).clamp(min=0)
    cache, draws = DynamicCache(config=model.config), Draws(sampling, seeds)
    limits = [min(sampling.max_tokens, context - len(p)) for p in prompts]
    found: list[list[int]] = [[] for _ in prompts]
    ended, active, made = [False] * len(prompts), list(range(len(prompts))), 0
    with torch.inference_mode():
        while active:
            logits = model(
                input_ids=ids, attention_mask=attend, position_ids=positions, past_key_values=cache, logits_to_keep=1
            ).logits[:, -1, :known]
            tokens = draws(logits, active).tolist()
            stay = []
            for place, (row, token) in enumerate(zip(active, tokens, strict=True)):
                if token in ends[row]:
                    ended[row] = True
                else:
                    found[row].append(token)
                    made += 1
                    if len(found[row]) < limits[row]:
                        stay.append(place)
            told(made / (time.monotonic() - started))
            if not stay:
                break
            if len(stay) < len(active):
                keep = torch.tensor(stay, device=model.device)
                cache.batch_select_indices(keep)
                attend, positions = attend[keep], positions[keep]
                active = [active[place] for place in stay]
            ids = torch.tensor([[found[row][-1]] for row in active], device=model.device)
            attend = torch.cat([attend, attend.new_ones(len(active), 1)], dim=1)
            positions = positions[:, -1:] + 1
    return list(zip(found, ended, strict=True))
