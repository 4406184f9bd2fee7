"""A causal language model as training and scoring see it: hidden states, and logits only where they are needed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from .engines import BadModel

LOGITS = 1 << 25
"""The most logits that exist at a time where they are computed in parts (128 MB in float32)."""


class Batch(NamedTuple):
    """Rows of tokens, padded on the right."""

    ids: Tensor
    """(rows, length) token ids."""
    attend: Tensor
    """(rows, length) 1 where there is a token, or (rows, 1, length, length) True where one token may see another."""
    answers: Tensor
    """(rows, length) True at the tokens that are to be predicted; never at the first one."""
    positions: Tensor | None = None
    """(rows, length) positions where they do not simply count up."""
    rich: Tensor | None = None
    """(rows,) True where all that is learned of a row is in the rich language; known in training only."""

    @property
    def targets(self) -> Tensor:
        """(answer tokens,) the ids to be predicted, rows in order."""
        return self.ids[self.answers]

    def only(self, rows: Tensor) -> "Batch":
        """Some of the rows, by a mask (rows,); as wide as before."""
        return Batch(*(t if t is None else t[rows] for t in self))

    def by_row(self, values: Tensor) -> Tensor:
        """(rows,) the sum of each row's values, of which there is one for each of `targets`."""
        return torch.stack([row.sum() for row in values.split(self.answers.sum(1).tolist())])

    def to(self, device: Any) -> "Batch":
        return Batch(*(t if t is None else t.to(device, non_blocking=True) for t in self))


class Student(nn.Module):
    """Wraps a causal model so that the head sees answer positions only.

    Raises:
        BadModel: the model's logits are not its head applied to its last hidden state (checked on a few tokens).
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        self._seen: dict[int, tuple[Batch, Tensor]] | None = None
        # Padding is masked; where its token also ends a turn, as in many models, torch would learn no embedding of it.
        self.base.get_input_embeddings().padding_idx = None
        self.check_head()

    @property
    def base(self) -> Any:
        """The language model itself, adapters in place."""
        return self.model if isinstance(self.model, PreTrainedModel) else self.model.get_base_model()

    @property
    def positions_at_a_time(self) -> int:
        """How many positions' logits are at most `LOGITS`."""
        return max(1, LOGITS // self.base.config.get_text_config().vocab_size)

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
        if self._seen is not None and id(batch) in self._seen:
            return self._seen[id(batch)][1]
        # The token at t is predicted at t - 1.
        states = self.hidden(batch)[:, :-1][batch.answers[:, 1:]]
        if self._seen is not None:
            self._seen[id(batch)] = batch, states
        return states

    @contextmanager
    def once(self) -> Iterator[None]:
        """Inside, the states of a batch are computed once, however many parts of a loss are made of them."""
        outer = self._seen
        self._seen = {} if outer is None else outer
        try:
            yield
        finally:
            self._seen = outer

    def hidden(self, batch: Batch) -> Tensor:
        """The last hidden states (rows, length, width)."""
        return self.base.get_decoder()(
            input_ids=batch.ids, attention_mask=batch.attend, position_ids=batch.positions, use_cache=False
        ).last_hidden_state

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


def over_chunks(loss: Callable[..., Tensor], *states: Tensor, most: int) -> Tensor:
    """(positions,) losses of states (positions, width), for ``most`` positions at a time.

    Heads and loss of a chunk are computed again for its gradient, so that nothing of the size positions x vocabulary
    outlives its chunk.
    """
    chunks = zip(*(some.split(most) for some in states), strict=True)
    return torch.cat([checkpoint(loss, *chunk, use_reentrant=False) for chunk in chunks])


def log_likelihood(logits: Tensor, targets: Tensor) -> Tensor:
    """(tokens,) log-probability of each target in nats, in at least float32; logits (tokens, vocabulary)."""
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return -nn.functional.cross_entropy(logits, targets, reduction="none")
