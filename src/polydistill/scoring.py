"""Laying out texts to be scored: cut to the context, side by side after the prompt they share, packed into batches."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .records import batches

if TYPE_CHECKING:
    from .batch import Batch

SIDE_BY_SIDE = 8
"""The most texts after one prompt in a row."""
BATCH_TOKENS = 4096
"""The most padded tokens of a batch; a longer row goes alone."""


class Scored(NamedTuple):
    """A prompt and the texts that follow it, each by itself."""

    prompt: list[int]
    texts: list[tuple[int, list[int]]]
    """(owner, tokens) of each."""

    @property
    def length(self) -> int:
        """Tokens in a row: the prompt's last one, which predicts a text's first, stands before every text."""
        return len(self.prompt) - 1 + sum(1 + len(tokens) for _, tokens in self.texts)


def windows(prompt: list[int], text: list[int], context: int) -> list[tuple[list[int], list[int]]]:
    """(prompt, text) as it is where both fit into the context; else in pieces, each after the half context before it."""
    if len(prompt) + len(text) <= context:
        return [(prompt, text)]
    tokens, at, found = prompt + text, len(prompt), []
    while at < len(tokens):
        begin = 0 if at == len(prompt) < context else at - context // 2
        found.append((tokens[begin:at], tokens[at : begin + context]))
        at = begin + context
    return found


def by_prompt(prompts: Sequence[list[int]], texts: Sequence[list[int]], context: int) -> list[Scored]:
    """Every text after its prompt, cut into windows; a prompt that several texts follow is there once. No empty texts."""
    groups: dict[tuple[int, ...], list[tuple[int, list[int]]]] = {}
    for owner, (prompt, text) in enumerate(zip(prompts, texts, strict=True)):
        for before, piece in windows(prompt, text, context):
            if piece:
                groups.setdefault(tuple(before), []).append((owner, piece))
    return [Scored(list(prompt), some) for prompt, some in groups.items()]


def packed(scored: Sequence[Scored], share: bool, most_rows: int | None) -> Iterator[list[Scored]]:
    """Batches of rows of similar length. A prompt of one token is worth no sharing."""
    rows = [
        Scored(prompt, some)
        for prompt, texts in scored
        for some in batches(texts, SIDE_BY_SIDE if share and len(prompt) > 1 else 1)
    ]
    batch: list[Scored] = []
    for row in sorted(rows, key=lambda row: row.length):
        if batch and (len(batch) == most_rows or row.length * (len(batch) + 1) > BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def laid_out(rows: Sequence[Scored]) -> tuple["Batch", list[int]]:
    """A batch of rows, and the owner of each token that is scored. A text sees its prompt and itself, not its neighbours."""
    import torch

    from .batch import Batch

    shape = (len(rows), max(row.length for row in rows))
    ids, scored = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.bool)
    positions, see = torch.zeros(shape, dtype=torch.long), torch.zeros(shape[0], 1, shape[1], shape[1], dtype=torch.bool)
    owners = []
    for row, (prompt, texts) in enumerate(rows):
        at = before = len(prompt) - 1
        ids[row, :at], positions[row, :at] = torch.tensor(prompt[:-1], dtype=torch.long), torch.arange(at)
        see[row, 0, :at, :at] = torch.ones(at, at, dtype=torch.bool).tril()
        for owner, tokens in texts:
            block = [prompt[-1], *tokens]
            end = at + len(block)
            ids[row, at:end], positions[row, at:end] = torch.tensor(block), torch.arange(before, before + len(block))
            see[row, 0, at:end, :before] = True
            see[row, 0, at:end, at:end] = torch.ones(len(block), len(block), dtype=torch.bool).tril()
            scored[row, at + 1 : end] = True
            owners += [owner] * len(tokens)
            at = end
        see[row, 0, range(at, shape[1]), range(at, shape[1])] = True  # padding sees itself: no empty softmax
    if all(len(row.texts) == 1 for row in rows):
        attend = (torch.arange(shape[1])[None] < torch.tensor([row.length for row in rows])[:, None]).long()
        return Batch(ids, attend, scored), owners
    return Batch(ids, see, scored, positions), owners
