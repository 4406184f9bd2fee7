"""One of our engines as a model of lm-evaluation-harness: what it asks becomes a chat, so template, device and store are ours.

Its own cache of answers is never used: its keys name the request alone, not the model, so that the second model measured would
be given the first one's scores (`lm_eval.api.model.hash_args`).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.api.model import LM

from ..engines import OpenEngine, Sampling
from ..records import Chat, Lang, Turn

MAX_TOKENS = 256
"""The longest answer where a task does not say: the harness's own default."""


class AskedAsChat(LM):
    """Likelihoods and greedy answers by an engine."""

    def __init__(self, engine: OpenEngine, langs: Mapping[str, Lang]):
        super().__init__()
        self.engine = engine
        self.langs = langs
        """The language that each task is asked in."""
        self._chats: dict[tuple[str, Lang], tuple[Chat | None, str]] = {}

    @property
    def tokenizer_name(self) -> str:
        return ""  # names files of a cache that is not used

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """The turns in JSON; `read` makes a chat of them again, which the engine's own template writes."""
        return json.dumps(chat_history, ensure_ascii=False)

    def read(self, context: str, task: str) -> tuple[Chat | None, str]:
        """A context as a chat, and how the answer to it begins. No chat where nothing is asked: then plain text is scored."""
        key = context, self.langs[task]
        if key not in self._chats:
            given = [turn for turn in json.loads(context or "[]") if turn["content"]]
            begun = given.pop()["content"] if given and given[-1]["role"] == "assistant" else ""
            turns = tuple(Turn(role=turn["role"], text=turn["content"], lang=self.langs[task]) for turn in given)
            self._chats[key] = Chat(turns=turns) if turns and turns[-1].role == "user" else None, begun
        return self._chats[key]

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """(log p(continuation | chat), False). Where the answer has begun with b, that is log p(b + continuation) - log p(b).

        Engines do not say whether a text is what greedy decoding would give; scores made from that are left out.
        """
        asked = [(*self.read(request.args[0], request.task_name), request.args[1]) for request in requests]
        beginnings = {(id(chat), begun): (chat, begun) for chat, begun, _ in asked if begun}
        chats = [chat for chat, _, _ in asked] + [chat for chat, _ in beginnings.values()]
        texts = [begun + text for _, begun, text in asked] + [begun for _, begun in beginnings.values()]
        nats = self.engine.score(chats, texts)
        before = dict(zip(beginnings, nats[len(asked) :], strict=True))
        return [
            (nat - before.get((id(chat), begun), 0.0), False)
            for nat, (chat, begun, _) in zip(nats[: len(asked)], asked, strict=True)
        ]

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
        """log p(text) of plain text; a text longer than the context in windows, each after the half before it."""
        return self.engine.score([None] * len(requests), [request.args[0] for request in requests])

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """Greedy answers up to the first of a task's stopping strings."""
        answers = [""] * len(requests)
        by_length: dict[int, list[int]] = {}
        for at, request in enumerate(requests):
            by_length.setdefault(int(request.args[1].get("max_gen_toks", MAX_TOKENS)), []).append(at)
        for max_tokens, places in by_length.items():
            chats = [self.read(requests[at].args[0], requests[at].task_name)[0] or Chat(turns=()) for at in places]
            for at, answer in zip(places, self.engine.answer(chats, Sampling(max_tokens=max_tokens)), strict=True):
                answers[at] = until(answer.text, requests[at].args[1].get("until") or ())
        return answers


def until(text: str, stops: str | Sequence[str]) -> str:
    """A text up to the first of the strings that end it."""
    found = [text.find(stop) for stop in ([stops] if isinstance(stops, str) else stops) if stop]
    return text[: min((at for at in found if at >= 0), default=len(text))]
