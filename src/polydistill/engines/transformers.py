"""Transformers: a model folder, a hub id or a GGUF file, run by PyTorch in this process."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .. import models, progress
from ..component import Beside
from ..records import Chat, batches, digest, seed_of
from ..template import Template
from . import Answer, Engine, OpenEngine, Sampling

if TYPE_CHECKING:
    from torch import Tensor

SHIPPED_TEMPLATES = Path(__file__).parents[1] / "data" / "templates"


class Transformers(Engine):
    """A causal model through transformers: a folder, a downloaded hub id, or a GGUF file (dequantised once)."""

    path: str
    """The model: a folder with safetensors, a .gguf file, or a hub id that has been downloaded."""
    dtype: Literal["auto", "bfloat16", "float16", "float32", "float64"] = "auto"
    """What to compute in when answering and scoring; `auto` takes what this hardware computes fastest."""
    template: str | None = None
    """Another chat template: a .jinja file, or the name of a shipped one (`plain`)."""
    device: Beside[str] = "auto"
    """`cpu`, `cuda`, `mps`; `auto` takes the fastest that is here."""
    batch_size: Beside[int | Literal["auto"]] = "auto"
    """Rows that are run side by side; `auto` finds it by a probe of about three seconds."""

    def identity(self) -> Any:
        template = digest(self.template_file.read_text("utf-8")) if self.template_file else None
        return {
            self.name(): {"model": models.content(self.located), "dtype": self.real_dtype, "template": template},
            "version": self.version,
        }

    @property
    def located(self) -> Path:
        """The model's folder or file on this machine."""
        return models.locate(self.path)

    @property
    def real_device(self) -> str:
        return models.best_device() if self.device == "auto" else self.device

    @property
    def real_dtype(self) -> str:
        return models.best_dtype(self.real_device) if self.dtype == "auto" else self.dtype

    @property
    def template_file(self) -> Path | None:
        if self.template is None:
            return None
        shipped = SHIPPED_TEMPLATES / f"{self.template}.jinja"
        given = shipped if shipped.is_file() else Path(self.template).expanduser()
        if not given.is_file():
            raise FileNotFoundError(f"no chat template at {given}; shipped: {[p.stem for p in SHIPPED_TEMPLATES.glob('*.jinja')]}")
        return given

    def check(self, asks: bool = False) -> None:
        path = self.located
        models.inspect(path)
        if path.is_dir() or (models.CACHE.expanduser() / "models" / models.content(path)[:16]).is_dir():
            template = Template(models.load_tokenizer(models.plain_folder(path), self.template_file))
            if asks:
                _ = template.before_question

    def trainable(self) -> tuple[Path, Path | None]:
        return models.plain_folder(self.located), self.template_file

    def about(self) -> dict[str, Any]:
        return {**models.about(self.located), "dtype": self.real_dtype}

    @contextmanager
    def open(self) -> Iterator["OpenTransformers"]:
        with progress.line("load", unit=Path(self.path).name):
            folder = models.plain_folder(self.located)
            template = Template(models.load_tokenizer(folder, self.template_file))
            model = models.load_model(folder, self.real_dtype, self.real_device).eval()
        yield OpenTransformers(model, template, None if self.batch_size == "auto" else self.batch_size)


class OpenTransformers(OpenEngine):
    """A loaded model. Rows are sorted by length and run in batches; a row that has ended leaves its batch."""

    def __init__(self, model: Any, template: Template, batch_size: int | None):
        from ..student import Student

        self.student, self.chat, self.template = Student(model), template, template.digest
        self.model, self.device = model, model.device
        config = model.config.get_text_config()
        self.context = int(getattr(config, "max_position_embeddings", 0) or 1 << 20)
        self.batch_size = batch_size

    def answer(self, chats: Sequence[Chat], sampling: Sampling, seeds: Sequence[int] | None = None) -> list[Answer]:
        prompts = [self.chat.prompt(chat) for chat in chats]
        if seeds is None:
            seeds = [seed_of(sampling.seed, prompt) for prompt in prompts]
        answers: list[Answer] = [Answer("", True)] * len(chats)
        order = sorted(range(len(chats)), key=lambda i: len(prompts[i]))
        for some in batches(order, self._batch_size(len(chats))):
            asks = {i for i in some if not chats[i].turns}
            ends = [self.chat.ends_question if i in asks else self.chat.ends for i in some]
            for i, (ids, ended) in zip(
                some, self._decode([prompts[i] for i in some], ends, sampling, [seeds[i] for i in some]), strict=True
            ):
                answers[i] = Answer(self.chat.tokenizer.decode(ids, skip_special_tokens=True).strip(), ended)
        return answers

    def _decode(
        self, prompts: list[list[int]], ends: list[frozenset[int]], sampling: Sampling, seeds: list[int]
    ) -> list[tuple[list[int], bool]]:
        """(tokens, ended) of each prompt's continuation, the end token left out."""
        import torch
        from transformers import DynamicCache

        width, started = max(map(len, prompts)), time.monotonic()
        ids = torch.tensor([[0] * (width - len(p)) + p for p in prompts], device=self.device)
        attend = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=self.device)
        positions = (attend.cumsum(1) - 1).clamp(min=0)
        cache, draws = DynamicCache(config=self.model.config), _Draws(sampling, seeds)
        found: list[list[int]] = [[] for _ in prompts]
        ended, active, made = [False] * len(prompts), list(range(len(prompts))), 0
        with torch.inference_mode():
            for _ in range(min(sampling.max_tokens, self.context - width)):
                logits = self.model(
                    input_ids=ids, attention_mask=attend, position_ids=positions, past_key_values=cache, logits_to_keep=1
                ).logits[:, -1]
                tokens = draws(logits, active).tolist()
                stay = []
                for place, (row, token) in enumerate(zip(active, tokens, strict=True)):
                    if token in ends[row]:
                        ended[row] = True
                    else:
                        found[row].append(token)
                        stay.append(place)
                made += len(stay)
                progress.note(f"{made / (time.monotonic() - started):.0f} tokens/s")
                if not stay:
                    break
                if len(stay) < len(active):
                    keep = torch.tensor(stay, device=self.device)
                    cache.batch_select_indices(keep)
                    attend, positions = attend[keep], positions[keep]
                    active = [active[place] for place in stay]
                ids = torch.tensor([[found[row][-1]] for row in active], device=self.device)
                attend = torch.cat([attend, attend.new_ones(len(active), 1)], dim=1)
                positions = positions[:, -1:] + 1
        return list(zip(found, ended, strict=True))

    def score(self, chats: Sequence[Chat | None], texts: Sequence[str]) -> list[float]:
        import torch

        from ..student import log_likelihood

        # Texts that follow the same prompt share it: one row holds the prompt once and every text after it.
        groups: dict[tuple[int, ...], list[int]] = {}
        rows: list[tuple[list[int], list[int]]] = []
        for i, chat in enumerate(chats):
            if chat is None:
                rows.append((self.chat.start, [i]))
            else:
                groups.setdefault(tuple(self.chat.prompt(chat)), []).append(i)
        rows += [(list(prompt), some) for prompt, mine in groups.items() for some in batches(mine, 8)]
        answers = [self.chat.answer(text)[: self.context - 1] for text in texts]
        scores = [0.0] * len(texts)
        rows.sort(key=lambda row: len(row[0]) + sum(len(answers[i]) for i in row[1]))
        with torch.inference_mode():
            for some in batches(rows, self._batch_size(len(rows))):
                batch, owners = self._score_batch(some, answers)
                found = log_likelihood(self.student(batch.to(self.device)), batch.targets.to(self.device))
                for owner, value in zip(owners, found.double().tolist(), strict=True):
                    scores[owner] += value
        return scores

    @staticmethod
    def _score_batch(rows: list[tuple[list[int], list[int]]], answers: list[list[int]]) -> tuple[Any, list[int]]:
        """A batch of prompts with their answers, and which answer each scored token belongs to."""
        import torch

        from ..student import Batch

        # The prompt's last token, which predicts an answer's first one, is repeated before every answer.
        lengths = [len(prompt) - 1 + sum(1 + len(answers[i]) for i in mine) for prompt, mine in rows]
        shape = (len(rows), max(lengths))
        ids, scored = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.bool)
        positions, see = torch.zeros(shape, dtype=torch.long), torch.zeros(shape[0], 1, shape[1], shape[1], dtype=torch.bool)
        shared, owners = any(len(mine) > 1 for _, mine in rows), []
        for row, (prompt, mine) in enumerate(rows):
            at = before = len(prompt) - 1
            ids[row, :at], positions[row, :at] = torch.tensor(prompt[:-1], dtype=torch.long), torch.arange(at)
            see[row, 0, :at, :at] = torch.ones(at, at, dtype=torch.bool).tril()
            for i in mine:
                block = [prompt[-1], *answers[i]]
                end = at + len(block)
                ids[row, at:end], positions[row, at:end] = torch.tensor(block), torch.arange(before, before + len(block))
                see[row, 0, at:end, :before] = True
                see[row, 0, at:end, at:end] = torch.ones(len(block), len(block), dtype=torch.bool).tril()
                scored[row, at + 1 : end] = True
                owners += [i] * len(answers[i])
                at = end
            see[row, 0, range(at, shape[1]), range(at, shape[1])] = True  # padding sees itself: no empty softmax
        length = torch.tensor(lengths)
        attend = (torch.arange(shape[1])[None] < length[:, None]).long()
        return Batch(ids, see if shared else attend, scored, positions if shared else None), owners

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
        best, speed, prompt = 8, 0.0, [self.chat.end_of_turn] * 4
        for size in (8, 16, 32, 64, 128):
            started = time.monotonic()
            try:
                self._decode([prompt] * size, [frozenset()] * size, Sampling(max_tokens=4), [0] * size)
            except RuntimeError:  # out of memory: the size before is the largest
                break
            now = size / (time.monotonic() - started)
            if now < 1.1 * speed:
                break
            best, speed = size, now
        return best


class _Draws:
    """Chooses each row's next token from its own random numbers, so that neighbours in a batch change nothing."""

    def __init__(self, sampling: Sampling, seeds: list[int]):
        import random

        self.sampling = sampling
        self.random = [random.Random(seed) for seed in seeds]

    def __call__(self, logits: "Tensor", rows: list[int]) -> "Tensor":
        import torch

        if self.sampling.temperature == 0:
            return logits.argmax(-1)
        p = torch.softmax(logits.to(torch.promote_types(logits.dtype, torch.float32)) / self.sampling.temperature, -1)
        # The likeliest 1,024 tokens almost always hold top_p; only otherwise is the whole vocabulary sorted.
        head = min(1024, p.shape[-1])
        likeliest, tokens = p.topk(head, -1)
        if head < p.shape[-1] and likeliest.sum(-1).min() < self.sampling.top_p:
            likeliest, tokens = p.sort(-1, descending=True)
        p = likeliest.double()
        below = p.cumsum(-1)
        # The nucleus: the fewest likeliest tokens that hold top_p; a draw falls inside it.
        held = torch.where(below - p < self.sampling.top_p, below, 0).amax(-1)
        draw = torch.tensor([self.random[row].random() for row in rows], dtype=p.dtype, device=p.device) * held
        place = torch.searchsorted(below, draw[:, None], right=True).clamp(max=p.shape[-1] - 1)
        return tokens.gather(-1, place)[:, 0]
