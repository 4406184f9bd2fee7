"""What a teacher says of a batch, and what may be asked of it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from torch import Tensor

Form = Literal["dense", "top_k", "sampled", "spans", "hidden", "relations", "text"]
"""The forms of a signal: logits of the whole vocabulary; the likeliest k tokens with what remains; tokens drawn from the
teacher with their weights; what a model with another tokenizer says, by spans of text; hidden states of chosen layers;
queries, keys and values of chosen layers; text of its own."""
FORMS: tuple[Form, ...] = get_args(Form)
NOTHING: Mapping[int, "Tensor"] = MappingProxyType({})


class Wants(NamedTuple):
    """What is asked of a model about a batch."""

    tokens: bool = False
    """What it says of the next token, in whichever form it has."""
    hidden: tuple[int, ...] = ()
    """Layers whose output is wanted: 0 is what goes into the first, n what comes out of the n-th, -1 out of the last one."""
    relations: tuple[int, ...] = ()
    """Layers whose queries, keys and values are wanted: 1 is the first, -1 the last."""

    def __or__(self, other: "Wants") -> "Wants":  # type: ignore[override]
        """Both."""
        hidden, relations = ({*mine, *theirs} for mine, theirs in zip(self[1:], other[1:], strict=True))
        return Wants(self.tokens or other.tokens, tuple(sorted(hidden)), tuple(sorted(relations)))


class Dense(NamedTuple):
    """The whole distribution of the next token."""

    states: "Tensor"
    """(answer tokens, width) last hidden states that predict `Batch.targets`, or logits."""
    head: "Callable[[Tensor], Tensor]"
    """Logits (positions, vocabulary) of some of these states: it is applied where they are needed, a part at a time."""

    def log_likelihoods(self, targets: "Tensor") -> "Tensor":
        """(answer tokens,) log-probability of each of these ids, in nats; logits exist for a part of them at a time."""
        import torch

        from .chunks import LOGITS
        from .student import log_likelihood

        if not len(targets):
            return targets.new_zeros(0, dtype=torch.float32)
        most = max(1, LOGITS // self.head(self.states[:1]).shape[-1])
        parts = zip(self.states.split(most), targets.split(most), strict=True)
        return torch.cat([log_likelihood(self.head(states), some) for states, some in parts])


class Support(NamedTuple):
    """Some of the tokens that may come next."""

    ids: "Tensor"
    """(answer tokens, k) token ids."""
    log_p: "Tensor"
    """(answer tokens, k) log-probabilities of the likeliest tokens, in nats; -inf fills up what is shorter."""


class Draws(NamedTuple):
    """Tokens that were drawn from the distribution."""

    ids: "Tensor"
    """(answer tokens, n) token ids."""
    weights: "Tensor"
    """(answer tokens, n): the sum of weights times f(token) has the mean sum_v p_v f(v), for any f."""


class Spans(NamedTuple):
    """What a model with another tokenizer says of the same answers, which are cut into spans wherever both end a token."""

    states: "Tensor"
    """(the teacher's answer tokens, width) its last hidden states that predict them."""
    head: "Callable[[Tensor], Tensor]"
    """Its logits of some of these states."""
    targets: "Tensor"
    """(the teacher's answer tokens,) their ids."""
    of: "Tensor"
    """(the teacher's answer tokens,) the span that each is in; spans are numbered through the batch, in order."""
    own: "Tensor"
    """(answer tokens,) the span that each of `Batch.targets` is in, -1 where its row cannot be aligned."""
    own_targets: "Tensor"
    """(answer tokens,) `Batch.targets`."""
    alike: "Tensor"
    """(spans,) True where it is one token against one of equal bytes."""
    outcomes: "Tensor"
    """(2, tokens that both vocabularies can name) the student's ids and the teacher's."""
    widths: tuple[int, int]
    """How many logits the student has, and the teacher."""


class Relations(NamedTuple):
    """What attention of one layer is computed from, positions turned in where the model does so, heads repeated to queries'."""

    queries: "Tensor"
    """(rows, heads, length, head width)"""
    keys: "Tensor"
    values: "Tensor"


class TeacherSignal(NamedTuple):
    """What a model says of a batch, in the forms that were asked for; a teacher's carries no gradient."""

    dense: Dense | None = None
    top_k: Support | None = None
    sampled: Draws | None = None
    spans: Spans | None = None
    hidden: Mapping[int, "Tensor"] = NOTHING
    """(answer tokens, width) by layer, as `Wants.hidden` counts: what predicts `Batch.targets`."""
    relations: Mapping[int, Relations] = NOTHING
    """By layer, as `Wants.relations` counts, over all tokens of the rows."""

    @property
    def logits(self) -> "Tensor":
        """(answer tokens, vocabulary), all of them at once."""
        assert self.dense is not None
        return self.dense.head(self.dense.states)
