"""A smaller model: some of a model's layers, with everything else as it is."""

import copy
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from ..component import Count
from . import Surgery


class TakeLayers(Surgery):
    """Keeps ``layers`` of a model's decoder layers in their order, and embeddings, norm and head as they are.

    Given a number k of n layers, the first, the last and what lies evenly between: 1 + round(i (n - 1) / (k - 1)) for
    i = 0 .. k - 1, halves up; 1 alone keeps the first. What is kept has the same weights, tokenizer and vocabulary; with all
    layers it is the same model bit for bit. The configuration says how many layers there are and of which type each is.

    Paper: Sanh et al. 2019, DistilBERT, arXiv 1910.01108, section 3 (a student begins with every second layer).
    Departs: the paper's text was not at hand.
    Checked: of 12 layers it takes the six that the authors' code takes: 1, 3, 5, 8, 10, 12.
    """

    layers: Literal["half"] | Count | Annotated[tuple[Count, ...], Field(min_length=1)] = "half"
    """How many layers to keep, by default half of them, rounded up; or which, by number, in their order: 1 is the first."""

    @field_validator("layers")
    @classmethod
    def _in_order(cls, layers: str | int | tuple[int, ...]) -> str | int | tuple[int, ...]:
        if isinstance(layers, tuple) and list(layers) != sorted(set(layers)):
            raise ValueError(f"layers keep their order and none is kept twice: give {sorted(set(layers))}, not {list(layers)}")
        return layers

    def numbers(self, count: int) -> tuple[int, ...]:
        """Which of so many layers are kept.

        Raises:
            ValueError: the model has fewer.
        """
        layers = (count + 1) // 2 if self.layers == "half" else self.layers
        most = layers if isinstance(layers, int) else layers[-1]
        if most > count:
            what = f"are no {most} layers" if isinstance(layers, int) else f"is no layer {most}"
            raise ValueError(f"there {what} to keep: the model has {count} layers; give numbers from 1 to {count}")
        if isinstance(layers, tuple):
            return layers
        gaps = layers - 1
        return tuple(1 + (2 * i * (count - 1) + gaps) // (2 * gaps) for i in range(layers)) if gaps else (1,)

    def check(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        count = config["num_hidden_layers"]
        kept = self.numbers(count)
        # What is said of each layer stands in lists, such as layer_types and no_rope_layers.
        each = {
            name: [value[number - 1] for number in kept] for name, value in config.items()
            if "layer" in name and isinstance(value, list) and len(value) == count
        }  # fmt: skip
        return {**config, **each, "num_hidden_layers": len(kept)}

    def __call__(self, model: Any, tokenizer: Any) -> tuple[Any, Any]:
        config, decoder = model.config.get_text_config(), model.get_decoder()
        layers = dict(decoder.named_children()).get("layers", ())
        if len(layers) != config.num_hidden_layers:
            raise ValueError(f"{type(model).__name__} keeps its layers in a way that is not known here; none can be taken out")
        before = config.to_dict()
        after = self.check(before)
        decoder.layers = type(layers)([layers[number - 1] for number in self.numbers(len(layers))])
        for number, layer in enumerate(decoder.layers):
            for module in layer.modules():
                if "layer_idx" in vars(module):
                    module.layer_idx = number
        for name in after:
            if after[name] != before[name]:
                setattr(config, name, after[name])
        _check_built_alike(model)
        return model, tokenizer


def _check_built_alike(model: Any) -> None:
    """Raises:
    ValueError: a model that is made from the configuration has other layers, since a family says of each what it is by its
        number, in a way that is not known here.
    """
    import torch

    with torch.device("meta"):
        again = type(model)(copy.deepcopy(model.config))
    for number, pair in enumerate(zip(model.get_decoder().layers, again.get_decoder().layers, strict=True), 1):
        ours, theirs = map(_made_of, pair)
        if ours != theirs:
            raise ValueError(
                f"{type(model).__name__} would load layer {number} of those that are kept as one of another kind; keep others"
            )


def _made_of(layer: Any) -> dict[str, Any]:
    """The parts of a layer: their classes, plain attributes and the shapes of their weights."""
    plain = (bool, int, float, str, type(None))
    parts = {
        name: (type(part), {key: value for key, value in vars(part).items() if isinstance(value, plain) and key[0] != "_"})
        for name, part in layer.named_modules()
    }
    for _, attributes in parts.values():
        attributes.pop("training")
    return parts | {name: weight.shape for name, weight in layer.state_dict().items()}
