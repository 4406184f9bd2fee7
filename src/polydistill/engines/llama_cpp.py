"""llama.cpp: a GGUF file as it is, quantised, on the processor or a GPU; it answers and scores but cannot be trained."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal

from .. import models, progress, scoring
from ..component import Beside, Count
from ..records import Chat, digest, seed_of
from ..template import Template, template_file
from . import Answer, BadModel, Engine, OpenEngine, Sampling
from ._draws import Draws
from ._llama import GgufTokenizer, LlamaContext, loaded


class LlamaCpp(Engine):
    """A GGUF file through llama.cpp, one row at a time, in the quantisation it was saved in.

    Prompts, ends and draws are those of the engine `transformers`; the weights differ by their quantisation.

    Checked: answers and scores of a random two-layer model in float32 against `transformers`; prompts of
    SmolLM2-135M-Instruct token for token against the tokenizer that transformers makes of the same file.
    """

    path: str
    """The model: a .gguf file."""
    context: Count = 4096
    """Tokens of prompt and answer together, at most what the model was trained on; memory grows with it."""
    template: str | None = None
    """Another chat template: a .jinja file, or the name of a shipped one (`plain`)."""
    threads: Beside[Count | Literal["auto"]] = "auto"
    """Processor threads; `auto` takes one a core."""
    gpu_layers: Beside[int] = -1
    """Layers to run on the GPU where llama.cpp was built for one; -1 all."""

    def identity(self) -> Any:
        file = template_file(self.template)
        template = digest(file.read_text("utf-8")) if file else None
        settings = {"model": models.content(self.located), "context": self.context, "template": template}
        return {self.name(): settings, "version": self.version}

    @property
    def located(self) -> Path:
        """The model's file on this machine."""
        path = models.locate(self.path)
        models.inspect(path)
        if path.is_dir():
            raise BadModel(f"{path} is a folder and llama.cpp reads one .gguf file; the engine for folders is transformers")
        return path

    def check(self, asks: bool = False) -> None:
        with loaded(self.located, vocabulary_only=True) as (_, tokenizer):
            template = self._template_of(tokenizer)
            if asks:
                _ = template.before_question

    def about(self) -> dict[str, Any]:
        return models.about(self.located)

    @contextmanager
    def open(self) -> Iterator["OpenLlamaCpp"]:
        import torch

        threads = torch.get_num_threads() if self.threads == "auto" else self.threads
        with loaded(self.located, self.gpu_layers) as (model, tokenizer):
            with closing(LlamaContext(model, self.context, threads)) as context:
                yield OpenLlamaCpp(context, self._template_of(tokenizer))

    def _template_of(self, tokenizer: GgufTokenizer) -> Template:
        file = template_file(self.template)
        if file:
            tokenizer.chat_template = file.read_text("utf-8")
        return Template(tokenizer)


class OpenLlamaCpp(OpenEngine):
    """A loaded model. Every row is computed alone and in the same way, so the rows beside it change nothing."""

    def __init__(self, context: LlamaContext, template: Template):
        self.context, self.chat, self.template = context, template, template.digest

    def answer(self, chats: Sequence[Chat], sampling: Sampling, seeds: Sequence[int] | None = None) -> list[Answer]:
        answers = []
        for place, chat in enumerate(chats):
            prompt = self.chat.prompt(chat)
            ends = self.chat.tokenizer.ends | (self.chat.ends if chat.turns else self.chat.ends_question)
            draws = Draws(sampling, [seed_of(sampling.seed, prompt) if seeds is None else seeds[place]])
            ids, ended = self._continue(prompt, ends, draws, min(sampling.max_tokens, self.context.tokens - len(prompt)))
            answers.append(Answer(self.chat.tokenizer.decode(ids).strip(), ended))
            progress.note(f"{place + 1} of {len(chats)} answered")
        return answers

    def _continue(self, prompt: list[int], ends: frozenset[int], draws: Draws, limit: int) -> tuple[list[int], bool]:
        """(tokens, ended) of a prompt's continuation, the end token left out."""
        found: list[int] = []
        self.context.clear()
        read, at = prompt, 0
        while len(found) < limit:
            (logits,) = self.context.read(read, at, since=len(read) - 1)
            token = int(draws(logits, [0]))
            if token in ends:
                return found, True
            found.append(token)
            read, at = [token], at + len(read)
        return found, False

    def score(self, chats: Sequence[Chat | None], texts: Sequence[str]) -> list[float]:
        prompts = [self.chat.start if chat is None else self.chat.prompt(chat) for chat in chats]
        groups = scoring.by_prompt(prompts, [self.chat.answer(text) for text in texts], self.context.tokens)
        scores = [0.0] * len(texts)
        for place, (prompt, some) in enumerate(groups):
            before = None
            for owner, tokens in some:
                # What the last text added is taken back; a model that cannot forget a part reads the prompt again.
                if before is None or not self.context.back_to(before):
                    self.context.clear()
                    before = len(prompt) - 1
                    _ = list(self.context.read(prompt[:-1], 0, since=before))
                scores[owner] += self._log_likelihood(prompt[-1:] + tokens, before)
            progress.note(f"{place + 1} of {len(groups)} prompts scored")
        return scores

    def _log_likelihood(self, tokens: list[int], at: int) -> float:
        """Of all tokens but the first, which stands at ``at``."""
        import torch

        from ..student import log_likelihood

        total, begin = 0.0, 1
        for logits in self.context.read(tokens[:-1], at, since=0):
            total += log_likelihood(logits, torch.tensor(tokens[begin : begin + len(logits)])).double().sum().item()
            begin += len(logits)
        return total

    def room(self, chats: Sequence[Chat]) -> list[int]:
        return [self.context.tokens - len(self.chat.prompt(chat)) for chat in chats]

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(self.chat.answer(text)) for text in texts]
