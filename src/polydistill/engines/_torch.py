"""A causal model that PyTorch runs: answering in batches that rows leave as they end, and scoring."""

import functools
import time
from collections.abc import Sequence
from typing import Any

from .. import progress, scoring
from ..decoding import decode
from ..records import Chat, batches, seed_of
from ..template import Template
from . import Answer, OpenEngine, Sampling


class OpenTransformers(OpenEngine):
    """A loaded model. Rows are sorted by length and run in batches; a row that has ended leaves its batch."""

    def __init__(self, model: Any, template: Template, batch_size: int | None):
        from ..student import Student

        self.student, self.chat, self.template = Student(model), template, template.digest
        self.model, self.device = model, model.device
        config = model.config.get_text_config()
        self.context = int(getattr(config, "max_position_embeddings", 0) or 1 << 20)
        self.batch_size = batch_size
        # A model may know more end tokens than its tokenizer does.
        stated = [c.eos_token_id for c in (config, model.generation_config) if c is not None and c.eos_token_id is not None]
        self.more_ends = frozenset(id for ids in stated for id in (ids if isinstance(ids, list) else [ids]))

    def answer(self, chats: Sequence[Chat], sampling: Sampling, seeds: Sequence[int] | None = None) -> list[Answer]:
        prompts = [self.chat.prompt(chat) for chat in chats]
        if seeds is None:
            seeds = [seed_of(sampling.seed, prompt) for prompt in prompts]
        # A prompt that fills the context leaves room for nothing.
        answers: list[Answer] = [Answer("", False)] * len(chats)
        order = sorted((i for i in range(len(chats)) if len(prompts[i]) < self.context), key=lambda i: len(prompts[i]))
        for some in batches(order, self._batch_size(len(order))):
            ends = [self.more_ends | (self.chat.ends if chats[i].turns else self.chat.ends_question) for i in some]
            for i, (ids, ended) in zip(
                some, self._decode([prompts[i] for i in some], ends, sampling, [seeds[i] for i in some]), strict=True
            ):
                answers[i] = Answer(self.chat.tokenizer.decode(ids, skip_special_tokens=True).strip(), ended)
        return answers

    def _decode(
        self, prompts: list[list[int]], ends: list[frozenset[int]], sampling: Sampling, seeds: list[int]
    ) -> list[tuple[list[int], bool]]:
        def told(speed: float) -> None:
            progress.note(f"{speed:.0f} tokens/s")

        return decode(self.model, prompts, ends, sampling, seeds, self.context, told)

    def score(self, chats: Sequence[Chat | None], texts: Sequence[str]) -> list[float]:
        prompts = [self.chat.start if chat is None else self.chat.prompt(chat) for chat in chats]
        rows = scoring.by_prompt(prompts, [self.chat.answer(text) for text in texts], self.context)
        return self._score(rows, len(texts), self._shares)

    def _score(self, rows: list[scoring.Scored], texts: int, share: bool) -> list[float]:
        import torch

        scores = [0.0] * texts
        with torch.inference_mode():
            for some in scoring.packed(rows, share, self.batch_size):
                batch, owners = scoring.laid_out(some)
                found = self.student.log_likelihoods(batch.to(self.device)).tolist()
                for owner, value in zip(owners, found, strict=True):
                    scores[owner] += value
        return scores

    @functools.cached_property
    def _shares(self) -> bool:
        """Whether texts may stand side by side after one prompt: proved on a few tokens.

        Attention over a window, and layers that remember, would let one text reach the next.
        """
        config = self.model.config.get_text_config()
        if any(getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")):
            return False
        one, other = ([scoring.Scored([1, 2, 3], [(0, first), (1, [3, 2])])] for first in ([0, 1, 2], [2, 0, 0]))
        try:
            beside, changed, alone = self._score(one, 2, True), self._score(other, 2, True), self._score(one, 2, False)
        except (RuntimeError, ValueError, IndexError):  # the model takes no such mask
            return False
        # Another first text may change nothing of the second; low bits may differ from each alone.
        near = all(abs(a - b) <= 0.02 * abs(b) for a, b in zip(beside, alone, strict=True))
        return near and beside[1] == changed[1]

    def room(self, chats: Sequence[Chat]) -> list[int]:
        return [self.context - len(self.chat.prompt(chat)) for chat in chats]

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(self.chat.answer(text)) for text in texts]

    def _batch_size(self, rows: int) -> int:
        if self.batch_size is None:
            if rows < 16:
                return 16
            self.batch_size = self._probe()
        return self.batch_size

    def _probe(self) -> int:
        """The batch size from which on more rows no longer give at least a tenth more tokens a second."""
        best, speed = 8, 0.0
        for size in (8, 16, 32, 64, 128):
            try:
                now = self._speed(size)
            except RuntimeError:  # out of memory: the size before is the largest
                break
            if now < 1.1 * speed:
                break
            best, speed = size, now
        return best

    def _speed(self, rows: int) -> float:
        started, prompt = time.monotonic(), [self.chat.end_of_turn] * 4
        self._decode([prompt] * rows, [frozenset()] * rows, Sampling(max_tokens=4), [0] * rows)
        return rows / (time.monotonic() - started)

    def probe_threads(self) -> int:
        """All processor threads or half of them, which are the cores where two share one: whichever is faster."""
        import torch

        every, speeds = torch.get_num_threads(), {}
        self._speed(8)
        for threads in dict.fromkeys((every, max(1, every // 2))):
            torch.set_num_threads(threads)
            speeds[threads] = self._speed(8)
        return max(speeds, key=lambda threads: speeds[threads])
