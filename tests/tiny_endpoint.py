"""Servers on this machine's own loopback that speak the OpenAI protocol: one that says what a test wants, and a real model."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Request:
    """What a client sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Reply:
    """What it gets. ``promised``: the length that is stated, where another one is sent."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    promised: int | None = None


@dataclass
class Loopback:
    """A running server."""

    url: str
    requests: list[Request] = field(default_factory=list)


@contextmanager
def serving(answer: Callable[[Request], Reply]) -> Iterator[Loopback]:
    """A server for the length of a ``with`` block; ``answer`` may be called from several threads."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            request = Request(self.command, self.path, dict(self.headers), json.loads(self.rfile.read(length) or "null"))
            here.requests.append(request)
            reply = answer(request)
            sent = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(reply.promised or len(sent)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = handle_any

        def log_message(self, *about: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    here = Loopback(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def said(text: str | None, finish: str | None = "stop") -> Reply:
    """A chat completion."""
    return Reply({"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": finish}]})


@contextmanager
def model_server(
    folder: Path, tokenizes: bool = True, prompt_logprobs: bool = True, echoes: bool = True, ids: bool = True
) -> Iterator[Loopback]:
    """The tiny world's model behind what vLLM serves: chat completions, completions that echo, and /tokenize.

    Others do not tokenize, do not know ``prompt_logprobs``, leave ``echo`` unheard, or name tokens by their text alone.
    """
    import torch

    from polydistill.engines import Sampling
    from polydistill.engines.transformers import Transformers
    from polydistill.records import Chat, Lang, Turn

    with Transformers(path=str(folder), dtype="float64", device="cpu", batch_size=1).open() as engine:
        alone = threading.Lock()

        def chat(messages: list[dict[str, str]]) -> Chat:
            return Chat(turns=tuple(Turn(role=m["role"], text=m["content"], lang=Lang("eng")) for m in messages))

        def likeliest(log_p: Any, k: int, there: int) -> list[tuple[int, str, float]]:
            """The token that is there, as vLLM has it, and the k likeliest."""
            some = dict.fromkeys([there, *log_p.topk(k).indices.tolist()])
            return [(id, engine.chat.tokenizer.decode([id]), float(log_p[id])) for id in some]

        def answer(request: Request) -> Reply:
            body = request.body
            if body is not None and body["model"] != "tiny":
                return Reply({"error": {"message": f"The model {body['model']} does not exist."}}, 404)
            with alone:
                match request.path:
                    case "/v1/models":
                        return Reply({"data": [{"id": "tiny"}]})
                    case "/v1/chat/completions":
                        asked = chat(body["messages"])
                        if engine.room([asked])[0] < 1:
                            return Reply({"error": {"message": "This model's maximum context length is 512 tokens."}}, 400)
                        how = Sampling(
                            max_tokens=body["max_tokens"], temperature=body["temperature"], top_p=body.get("top_p", 1.0)
                        )
                        found = engine.answer([asked], how, [body["seed"]])[0]
                        return said(found.text, "stop" if found.ended else "length")
                    case "/tokenize" if not tokenizes:
                        pass
                    case "/tokenize" if "messages" in body:
                        return Reply({"tokens": engine.chat.prompt(chat(body["messages"]))})
                    case "/tokenize":
                        begins = engine.chat.start if body["add_special_tokens"] else []
                        return Reply({"tokens": begins + engine.chat.answer(body["prompt"])})
                    case "/v1/completions":
                        prompt, k = torch.tensor([body["prompt"]]), body.get("prompt_logprobs", 0) * prompt_logprobs
                        if max(k, body.get("logprobs", 0)) > 20:
                            why = f"Requested prompt logprobs of {k}, which is greater than max allowed: 20"
                            return Reply({"error": {"message": why}}, 400)
                        with torch.inference_mode():
                            log_p = engine.model(prompt).logits[0].log_softmax(-1)
                        choice: dict[str, Any] = {"text": "", "finish_reason": "length", "logprobs": None}
                        if k:
                            choice["prompt_logprobs"] = [None, *(
                                {str(id): {"logprob": value, "rank": rank, "decoded_token": text}
                                 for rank, (id, text, value) in enumerate(likeliest(one, k, there), 1)}
                                for one, there in zip(log_p, body["prompt"][1:], strict=False)
                            )]  # fmt: skip
                        if body.get("echo") and echoes:
                            named = ids and body.get("return_tokens_as_token_ids")
                            found = log_p[:-1].gather(-1, prompt[0, 1:, None])[:, 0].tolist()
                            places = zip(log_p, [*body["prompt"][1:], 0], strict=True)
                            top = [likeliest(one, body["logprobs"], there) for one, there in places]
                            names = [{f"token_id:{id}" if named else text: value for id, text, value in some} for some in top]
                            choice["logprobs"] = {"token_logprobs": [None, *found, -1.0], "top_logprobs": [None, *names]}
                        return Reply({"choices": [choice]})
            return Reply({"error": {"message": "Not Found"}}, 404)

        with serving(answer) as here:
            yield here
