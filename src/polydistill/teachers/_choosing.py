"""Which tokens of a distribution are kept."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad

from .. import chunks
from ..losses import log_softmax
from ..signals import Support

Head = Callable[[Tensor], Tensor]


def likeliest(head: Head, states: Tensor, k: int) -> Support:
    """The k likeliest tokens at each position, or all there are."""
    found = [log_softmax(head(some)) for some in states.split(most_of(head, states))]
    kept = [log_p.topk(min(k, log_p.shape[1])) for log_p in found]
    return Support(torch.cat([one.indices for one in kept]), torch.cat([one.values for one in kept]))


def first(support: Support, k: int) -> Support:
    """The k likeliest tokens of those that are known, filled up where fewer are."""
    lacks = max(0, k - support.ids.shape[1])
    return Support(pad(support.ids[:, :k], (0, lacks)), pad(support.log_p[:, :k], (0, lacks), value=-torch.inf))


def drawn(head: Head, states: Tensor, n: int, temperature: float, seed: int) -> tuple[Tensor, Tensor]:
    """(positions, n) tokens drawn from r = p^(1/T) / sum p^(1/T), and their weights p / (n r)."""
    generator = torch.Generator().manual_seed(seed)
    at = torch.rand(len(states), n, generator=generator, dtype=torch.double).to(states.device)
    ids, weights, most = [], [], most_of(head, states)
    for some, where in zip(states.split(most), at.split(most), strict=True):
        logits = head(some).double()
        log_p, log_r = logits.log_softmax(-1), (logits / temperature).log_softmax(-1)
        up_to = log_r.exp().cumsum(-1)
        ids.append(torch.searchsorted(up_to, where * up_to[:, -1:], right=True).clamp(max=logits.shape[1] - 1))
        weights.append((log_p - log_r).gather(-1, ids[-1]).exp() / n)
    return torch.cat(ids), torch.cat(weights)


def most_of(head: Head, states: Tensor) -> int:
    """How many states have no more than `chunks.LOGITS` logits."""
    return max(1, chunks.LOGITS // head(states[:1]).shape[1])
