"""What is said to an OpenAI-compatible server, and what its answers mean."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from ..records import Chat
from ..storage.store import Failed
from . import Answer, BadModel
from ._endpoint import Endpoint, EndpointFailed, Patience

T = TypeVar("T")
Messages = list[dict[str, str]]

OURS = ("model", "messages", "prompt", "max_tokens", "temperature", "top_p", "seed", "n", "stream", "echo", "logprobs")
"""Fields of a request that are set here."""
NO_SUCH = (400, 404, 405, 422, 501)
"""The statuses of a server that does not know a request."""
TOO_LONG = re.compile(r"context (length|size|window)|(prompt|input) is too long|too many (input )?tokens", re.IGNORECASE)
"""How servers say that a chat leaves no room for an answer."""

MOST = re.compile(r"greater than max allowed: (\d+)")
"""How vLLM says that it gives fewer of the likeliest tokens."""
ECHO = {"echo": True, "return_tokens_as_token_ids": True}

CANNOT_ASK = (
    "a model behind an endpoint cannot write the user's turn itself; give questions of your own "
    "(ask.source='{file: {path: questions.jsonl}}'), or run the model here with the engine transformers or llama_cpp"
)


def messages(chat: Chat) -> Messages:
    """A chat as the protocol has it."""
    return [{"role": turn.role, "content": turn.text} for turn in chat.asked.turns]


class Likely(NamedTuple):
    """A token that a server finds likely."""

    id: int | None
    """None where the server does not tell it."""
    text: str
    """Empty where the server does not tell it."""
    log_p: float


def _named(name: str, log_p: float) -> Likely:
    id = name.removeprefix("token_id:")
    return Likely(None, name, log_p) if id == name else Likely(int(id), "", log_p)


def _of_vllm(reply: Any) -> list[list[Likely]] | None:
    places = reply["choices"][0].get("prompt_logprobs")
    return places and [
        [Likely(int(id), one.get("decoded_token") or "", float(one["logprob"])) for id, one in (place or {}).items()]
        for place in places
    ]


def _of_echo(reply: Any) -> list[list[Likely]] | None:
    places = (reply["choices"][0]["logprobs"] or {}).get("top_logprobs")
    return places and [[_named(name, float(log_p)) for name, log_p in (place or {}).items()] for place in places]


class Server:
    """One model of a server. ``extra`` fields go with every request."""

    def __init__(self, endpoint: Endpoint, url: str, model: str, extra: dict[str, Any], concurrency: int = 1):
        self._endpoint, self.url, self._every = endpoint, url, {"model": model, **extra}
        self.patience, self.concurrency = Patience(), concurrency

    def models(self) -> list[str] | None:
        """The names of the server's models; None where it does not list them."""
        try:
            return self._endpoint.get(f"{self.url}/models", lambda reply: [str(each["id"]) for each in reply["data"]])
        except EndpointFailed as error:
            if error.status not in NO_SUCH:
                raise
            return None

    def answer(self, messages: Messages, **how: Any) -> Answer:
        """The model's answer; ended unless the server says otherwise than ``stop``. Empty and cut where there is no room."""

        def read(reply: Any) -> Answer:
            choice = reply["choices"][0]
            if choice["finish_reason"] == "content_filter":
                return Answer("", False, Failed("the server stopped the answer: content_filter"))
            return Answer((choice["message"]["content"] or "").strip(), choice["finish_reason"] == "stop")

        try:
            return self._endpoint.post(f"{self.url}/chat/completions", {**self._every, "messages": messages, **how}, read)
        except EndpointFailed as error:
            if error.status in (400, 413, 422) and TOO_LONG.search(str(error)):
                return Answer("", False)
            raise

    def tried(self, said: Messages, **how: Any) -> Answer:
        """The model's answer, or a failure in its place where the server answers others."""
        if self.patience.over:
            raise self.patience.over
        try:
            answer = self.answer(said, **how)
        except EndpointFailed as error:
            return Answer("", False, self.patience.failed(error))
        self.patience.answered()
        return answer

    def tokens(self, text: str, begins: bool = False) -> list[int]:
        """Tokens of a text; ``begins``: with what the model puts before a text."""
        return self._tokenize("count tokens", {"prompt": text, "add_special_tokens": begins}, bool(text))

    def prompt(self, messages: Messages | None) -> list[int]:
        """Tokens of a chat up to where its answer begins; for plain text what begins a text, or a line break."""
        if messages is None:
            return self.tokens("", begins=True) or self.tokens("\n")
        body = {"messages": messages, "add_generation_prompt": True, "add_special_tokens": False}
        return self._tokenize("score an answer", body, True)

    def log_likelihood(self, prompt: list[int], tokens: list[int]) -> float:
        """Of tokens that follow a prompt, in nats."""
        if not tokens:
            return 0.0
        begin, end = len(prompt), len(prompt) + len(tokens)
        body = {"prompt": prompt + tokens, "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}
        found = self._post("score given text", f"{self.url}/completions", body, lambda reply: reply["choices"][0]["logprobs"])
        # Some servers leave `echo` unheard and give the log-probabilities of what they wrote themselves.
        values = found.get("token_logprobs") if isinstance(found, dict) else None
        if not isinstance(values, list) or len(values) < end or None in values[begin:end]:
            raise BadModel(self._cannot("score given text"))
        return float(sum(values[begin:end]))

    def likeliest(self, tokens: list[int], k: int) -> list[list[Likely]]:
        """In the place of each token but the first the k tokens that the model finds likeliest, and the token that is there.

        As vLLM gives it, or as servers do that echo the prompt (OpenAI's older completions).

        Raises:
            BadModel: the server gives neither, or not so many.
            EndpointFailed: it fails.
        """
        body, refused = {"prompt": tokens, "max_tokens": 1, "temperature": 0}, None
        for more, read in (({"prompt_logprobs": k}, _of_vllm), ({**ECHO, "logprobs": k}, _of_echo)):
            try:
                found = self._post("score given text", f"{self.url}/completions", {**body, **more}, read)
            except BadModel as error:
                if most := MOST.search(str(error)):
                    raise BadModel(
                        f"{self.url} gives the {most[1]} likeliest tokens at most, and {k} are asked for: start vLLM with "
                        f"--max-logprobs {k}, or ask for {most[1]}"
                    ) from None
                refused = refused or error
                continue
            if found and len(found) >= len(tokens) and all(found[1 : len(tokens)]):
                return found[1 : len(tokens)]
        raise refused or BadModel(self._cannot("give the likeliest tokens in a given text"))

    def _tokenize(self, what: str, body: dict[str, Any], some: bool) -> list[int]:
        url = f"{self.url.removesuffix('/v1')}/tokenize"
        found = self._post(what, url, body, lambda reply: [int(id) for id in reply["tokens"]])
        if some and not found:  # llama-server knows the text by another name and finds nothing in it
            raise BadModel(self._cannot(what))
        return found

    def _post(self, what: str, url: str, body: dict[str, Any], read: Callable[[Any], T]) -> T:
        try:
            return self._endpoint.post(url, {**self._every, **body}, read)
        except EndpointFailed as error:
            if error.status not in NO_SUCH:
                raise
            raise BadModel(f"{self._cannot(what)}: {error}") from None

    def _cannot(self, what: str) -> str:
        return (
            f"{self.url} cannot {what}. vLLM can; with another server leave out what is measured by likelihood, "
            "or run the model here with the engine transformers or llama_cpp"
        )
