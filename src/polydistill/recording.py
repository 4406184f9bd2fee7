"""Looking into the attention of a model while it runs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from .engines import BadModel
from .signals import Relations

CHANGING = ("softcap", "s_aux", "position_bias")
"""What families add to queries · keys before the softmax: with one of these, it is not made of queries and keys alone."""


@contextmanager
def recorded(model: Any, layers: tuple[int, ...]) -> Iterator[Mapping[int, Relations]]:
    """Inside, what attention of these layers (1 the first, -1 the last) is computed from, as far as the model has run.

    Queries are scaled so that queries · keys / sqrt(head width) is what the model makes its softmax of.

    Raises:
        BadModel: the model computes its attention in a way of its own, which cannot be looked into.
    """
    found: dict[int, Relations] = {}
    if not layers:
        yield found
        return
    config = model.config.get_text_config()
    wanted = {layer: layer - 1 if layer > 0 else config.num_hidden_layers + layer for layer in layers}
    how = config._attn_implementation
    refused = BadModel(f"the attention of {type(model).__name__} ({how}) cannot be looked into; take hidden states instead")
    if how not in ALL_ATTENTION_FUNCTIONS:
        raise refused
    attend = ALL_ATTENTION_FUNCTIONS[how]

    def looks(module: Any, query: Tensor, key: Tensor, value: Tensor, *given: Any, **settings: Any) -> Any:
        for layer in [layer for layer, number in wanted.items() if number == getattr(module, "layer_idx", None)]:
            if any(settings.get(more) is not None for more in CHANGING):
                raise refused
            width, repeats = query.shape[-1], query.shape[1] // key.shape[1]
            scale = (settings.get("scaling") or width**-0.5) * width**0.5
            found[layer] = Relations(query * scale, key.repeat_interleave(repeats, 1), value.repeat_interleave(repeats, 1))
        return attend(module, query, key, value, *given, **settings)

    ALL_ATTENTION_FUNCTIONS[how] = looks
    try:
        yield found
    finally:
        # What is set here lies before the library's own function; only what somebody else had set is put back.
        del ALL_ATTENTION_FUNCTIONS[how]
        if ALL_ATTENTION_FUNCTIONS.get(how) is not attend:
            ALL_ATTENTION_FUNCTIONS[how] = attend
    if len(found) < len(layers):
        raise refused
