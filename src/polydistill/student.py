"""A causal language model as training and scoring see it: hidden states, and logits only where they are needed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from . import chunks
from .batch import Batch
from .decoding import decode
from .engines import BadModel, Sampling
from .losses import Sizes, stated
from .recording import recorded
from .signals import Dense, TeacherSignal, Wants

if TYPE_CHECKING:
    from .template import Template

TOKENS = Wants(tokens=True)


class Student(nn.Module):
    """Wraps a causal model so that the head sees answer positions only.

    Raises:
        BadModel: the model's logits are not its head applied to its last hidden state (checked on a few tokens).
    """

    def __init__(self, model: nn.Module, ends: Sequence[int] = (), template: "Template | None" = None):
        super().__init__()
        self.model = model
        self.ends = tuple(ends)
        """Tokens that end an answer; the first is the chat template's own."""
        self.template = template
        """Its tokenizer and chat template, where what it reads is compared with what another model reads."""
        self.whole: Callable[[], nn.Module] | None = None
        """Loads the model as it was before layers were taken from it, where that was done."""
        self._wants = Wants()
        self._seen: dict[int, tuple[Batch, TeacherSignal]] | None = None
        # Padding is masked; where its token also ends a turn, as in many models, torch would learn no embedding of it.
        self.base.get_input_embeddings().padding_idx = None
        self.check_head()

    @property
    def base(self) -> Any:
        """The language model itself, adapters in place."""
        return self.model if isinstance(self.model, PreTrainedModel) else self.model.get_base_model()

    @property
    def device(self) -> torch.device:
        return next(self.base.parameters()).device

    @property
    def positions_at_a_time(self) -> int:
        """How many positions' logits are computed at a time."""
        return chunks.at_a_time(self.base.config.get_text_config().vocab_size)

    def forward(self, batch: Batch) -> Tensor:
        """Logits (answer tokens, vocabulary) for `Batch.targets`."""
        return self.head(self.states(batch))

    def log_likelihoods(self, batch: Batch) -> Tensor:
        """(answer tokens,) log-probability of each of `Batch.targets` in nats; logits exist for a part of them at a time."""
        some = self.positions_at_a_time
        parts = zip(self.states(batch).split(some), batch.targets.split(some), strict=True)
        return torch.cat([log_likelihood(self.head(states), targets) for states, targets in parts])

    def states(self, batch: Batch) -> Tensor:
        """(answer tokens, width) the last hidden states that predict `Batch.targets`."""
        dense = self.says(batch, TOKENS).dense
        assert dense is not None
        return dense.states

    def says(self, batch: Batch, wants: Wants) -> TeacherSignal:
        """What the model says of a batch, in the forms of a teacher's signal and with its gradient; see `Wants`."""
        if self._seen is None:
            return self._says(batch, wants)
        if id(batch) not in self._seen:
            self._seen[id(batch)] = batch, self._says(batch, wants | self._wants)
        return self._seen[id(batch)][1]

    @contextmanager
    def once(self, wants: Wants = TOKENS) -> Iterator[None]:
        """Inside, a batch goes through the model once, however many parts of a loss are made of what it ``wants``."""
        outer = self._wants, self._seen
        if self._seen is None:
            self._wants, self._seen = wants, {}
        try:
            yield
        finally:
            self._wants, self._seen = outer

    def _says(self, batch: Batch, wants: Wants) -> TeacherSignal:
        # The token at t is predicted at t - 1.
        predicts = batch.answers[:, 1:]
        with recorded(self.base, wants.relations) as relations:
            found = self.base.get_decoder()(
                input_ids=batch.ids, attention_mask=batch.attend, position_ids=batch.positions, use_cache=False,
                output_hidden_states=bool(wants.hidden),
            )  # fmt: skip
        states = found.last_hidden_state[:, :-1][predicts]
        hidden = {layer: found.hidden_states[layer][:, :-1][predicts] for layer in wants.hidden}
        return TeacherSignal(Dense(states, self.head), hidden=hidden, relations=relations)

    @cached_property
    def known(self) -> int | None:
        """How many ids, from the first, its tokenizer has, where there is one; the logits may have padding behind them."""
        return max(self.template.tokenizer.get_vocab().values()) + 1 if self.template else None

    def write(self, prompts: Sequence[Sequence[int]], sampling: Sampling, seeds: Sequence[int]) -> list[list[int]]:
        """The model's own answers, each with the token that ends a turn; without it where the limit cut it off.

        In evaluation mode, of ids below `known`; what stands beside a row changes its answer by low bits of the logits alone.
        """
        context = int(getattr(self.base.config.get_text_config(), "max_position_embeddings", 0) or 1 << 20)
        was_training, ends = self.model.training, frozenset(self.ends)
        self.eval()
        try:
            found = decode(self.base, prompts, [ends] * len(prompts), sampling, seeds, context, known=self.known)
        finally:
            self.train(was_training)
        return [[*answer, self.ends[0]] if ended else answer for answer, ended in found]

    def hidden(self, batch: Batch) -> Tensor:
        """The last hidden states (rows, length, width)."""
        return self.base.get_decoder()(
            input_ids=batch.ids, attention_mask=batch.attend, position_ids=batch.positions, use_cache=False
        ).last_hidden_state

    @property
    def head_parameters(self) -> list[Tensor]:
        """What `head` uses and training changes."""
        return [p for p in self.base.get_output_embeddings().parameters() if p.requires_grad]

    @property
    def sizes(self) -> Sizes:
        """How large the model is."""
        return Sizes.of(stated(self.base.config))

    def head(self, hidden: Tensor) -> Tensor:
        """Logits of hidden states, with the scale and the cap that some families put on them."""
        logits = self.base.get_output_embeddings()(hidden)
        config = self.base.config.get_text_config().to_dict()
        if config.get("logit_scale"):
            logits = logits * config["logit_scale"]
        if config.get("logits_scaling"):
            logits = logits / config["logits_scaling"]
        if cap := config.get("final_logit_softcapping"):
            logits = torch.tanh(logits / cap) * cap
        return logits

    @torch.no_grad()
    def check_head(self) -> None:
        """Proves on a few tokens that `head` of `hidden` is what the model itself gives."""
        parameter = next(self.base.parameters())
        ids = torch.arange(4, device=parameter.device)[None] % self.base.config.get_text_config().vocab_size
        batch = Batch(ids, torch.ones_like(ids), torch.ones_like(ids, dtype=torch.bool))
        was_training = self.model.training
        self.eval()
        ours, theirs = self.head(self.hidden(batch)), self.base(input_ids=ids, use_cache=False).logits
        self.train(was_training)
        if not torch.allclose(ours.float(), theirs.float(), atol=1e-2 * theirs.float().abs().max().item() + 1e-6):
            raise BadModel(f"{type(self.base).__name__} changes its logits after the head in a way that is not known here")


def log_likelihood(logits: Tensor, targets: Tensor) -> Tensor:
    """(tokens,) log-probability of each target in nats, in at least float32; logits (tokens, vocabulary)."""
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return -nn.functional.cross_entropy(logits, targets, reduction="none")
