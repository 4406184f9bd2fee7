"""OpenAI: any endpoint that speaks its protocol, such as vLLM, llama-server or a paid service."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, JsonValue, field_validator, model_validator

from ..component import Beside, Count, Positive, nearest
from ..privacy import keys
from ..records import Chat, canonical, seed_of
from . import Answer, BadModel, Engine, OpenEngine, Sampling
from ._endpoint import Endpoint, in_threads
from ._openai import CANNOT_ASK, OURS, Server, messages

ROOM = 1 << 20  # servers do not tell, and refuse what is too long


class OpenAI(Engine):
    """A model behind an OpenAI-compatible endpoint. It answers; where the server is vLLM it also scores and counts.

    The key is read from an environment variable or a file when it is needed and stands in no setting, log or result. What the
    endpoint really runs cannot be seen from here: `revision` is yours to change when that changes. Whether one seed gives
    one text is the server's affair, and so is text that looks like a special token.
    """

    # What is refused below may be a key in the wrong place: no error repeats it.
    model_config = ConfigDict(hide_input_in_errors=True)

    base_url: str
    """Where it is, such as http://localhost:8000/v1."""
    model: str = Field(min_length=1)
    """The model's name there."""
    revision: str = ""
    """What the model is, in your words (a date, a version): another revision, other results."""
    extra: dict[str, JsonValue] = Field(default={})
    """More fields for every request, such as {chat_template_kwargs: {enable_thinking: false}}."""
    key_variable: Beside[str | None] = None
    """The name of the environment variable that holds the key; none where no key is wanted."""
    key_file: Beside[Path | None] = None
    """Or the file that holds it, readable by its owner alone."""
    concurrency: Beside[Count] = 8
    """Requests at a time."""
    timeout: Beside[Positive] = 120.0
    """Seconds to wait for a reply."""
    retries: Beside[int] = Field(default=6, ge=0)
    """How often a request is sent again after a failure that may pass."""
    wait: Beside[float] = Field(default=1.0, ge=0)
    """Seconds before a request is sent again, twice as long each time; what the server asks for goes first."""

    @field_validator("base_url")
    @classmethod
    def _an_address(cls, url: str) -> str:
        if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#@]*)?", url):
            raise ValueError("give an address such as http://localhost:8000/v1, with no name, password or question mark in it")
        return url.rstrip("/")

    @field_validator("extra")
    @classmethod
    def _not_ours(cls, extra: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if wrong := sorted(set(extra) & set(OURS)):
            raise ValueError(f"{wrong[0]} is set by the engine itself")
        return extra

    @field_validator("key_variable")
    @classmethod
    def _a_name(cls, name: str | None) -> str | None:
        # Keys hold small letters, and this name is shown.
        if name is not None and not re.fullmatch("[A-Z][A-Z0-9_]*", name):
            raise ValueError("give the name of an environment variable, in capitals, never the key itself")
        return name

    @model_validator(mode="after")
    def _one_key(self) -> "OpenAI":
        if self.key_variable and self.key_file:
            raise ValueError("give key_variable or key_file, not both")
        return self

    @property
    def key(self) -> str | None:
        """The key, from the environment or from its file."""
        try:
            return keys.read(self.key_variable, self.key_file, self.base_url)
        except keys.NoKey as error:
            raise BadModel(str(error)) from None

    def check(self, asks: bool = False) -> None:
        if asks:
            raise BadModel(CANNOT_ASK)
        with self.served(retries=0) as server:
            names = server.models()
        if names is not None and self.model not in names:
            near = nearest(self.model, names)
            hint = f"did you mean {near}?" if near else f"it has {', '.join(names[:5]) or 'none'}"
            raise BadModel(f"{self.base_url} has no model named '{self.model}'; {hint}")

    def about(self) -> dict[str, Any]:
        return {"name": self.model, "endpoint": self.base_url, **({"revision": self.revision} if self.revision else {})}

    @contextmanager
    def open(self) -> Iterator["OpenOpenAI"]:
        with self.served() as server:
            yield OpenOpenAI(server, self.concurrency)

    @contextmanager
    def served(self, retries: int | None = None) -> Iterator[Server]:
        with Endpoint.connect(self.key, self.timeout, self.retries if retries is None else retries, self.wait) as endpoint:
            yield Server(endpoint, self.base_url, self.model, self.extra, self.concurrency)


class OpenOpenAI(OpenEngine):
    """A connection to the endpoint."""

    template = ""  # the server's own; it is not shown

    def __init__(self, server: Server, concurrency: int):
        self.server, self.concurrency = server, concurrency

    def answer(self, chats: Sequence[Chat], sampling: Sampling, seeds: Sequence[int] | None = None) -> list[Answer]:
        said = [messages(chat) for chat in chats]
        if not all(said):
            raise BadModel(CANNOT_ASK)
        greedy = sampling.temperature == 0 or sampling.top_p == 0
        drawn = {"temperature": 0} if greedy else {"temperature": sampling.temperature, "top_p": sampling.top_p}

        def one(place: int) -> Answer:
            seed = seed_of(sampling.seed, said[place]) if seeds is None else seeds[place]
            # Some servers take no seed of more than 31 bits.
            return self.server.tried(said[place], max_tokens=sampling.max_tokens, seed=seed % (1 << 31), **drawn)

        answers = in_threads(self.concurrency, one, range(len(chats)), self.heard)
        self.server.patience.settle()
        return answers

    def score(self, chats: Sequence[Chat | None], texts: Sequence[str]) -> list[float]:
        said = [canonical(None if chat is None else messages(chat)) for chat in chats]
        distinct = list(dict.fromkeys(said))
        found = in_threads(self.concurrency, lambda key: self.server.prompt(json.loads(key)), distinct)
        prompts = dict(zip(distinct, found, strict=True))
        pairs = zip((prompts[key] for key in said), in_threads(self.concurrency, self.server.tokens, texts), strict=True)
        return in_threads(self.concurrency, lambda pair: self.server.log_likelihood(*pair), pairs)

    def room(self, chats: Sequence[Chat]) -> list[int]:
        return [ROOM] * len(chats)

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(tokens) for tokens in in_threads(self.concurrency, self.server.tokens, texts)]
