"""What the engine sends to an endpoint, and what it makes of what comes back."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

pytest.importorskip("httpx2", reason="polydistill[openai] is not installed")

from tiny_endpoint import Loopback, Reply, Request, said, serving

from polydistill.component import write_component
from polydistill.engines import Answer, BadModel, Sampling
from polydistill.engines._endpoint import EndpointFailed
from polydistill.engines.openai import OpenAI
from polydistill.plan import PlanError, read_plan
from polydistill.records import Chat, Lang, Turn
from polydistill.storage.store import Failed

GREEDY = Sampling()
KEY = "sk-very-secret-0123456789"


def question(text: str, system: str = "") -> Chat:
    turns = [Turn(role="system", text=system, lang=Lang("eng"))] if system else []
    return Chat(turns=(*turns, Turn(role="user", text=text, lang=Lang("eng"))))


def engine(server: Loopback, **settings: Any) -> OpenAI:
    return OpenAI(base_url=server.url, model="m", **{"wait": 0.0, "retries": 2, "timeout": 5.0, **settings})


def asked(
    reply: Callable[[Request], Reply] | Reply, *texts: str, how: Sampling = GREEDY, **settings: Any
) -> tuple[list[Answer], Loopback]:
    answer = reply if callable(reply) else lambda request: reply
    with serving(answer) as server, engine(server, **settings).open() as opened:
        return opened.answer([question(text) for text in texts], how, list(range(len(texts)))), server


def test_a_request_says_what_is_wanted():
    how = Sampling(max_tokens=7, temperature=0.8, top_p=0.9)
    with serving(lambda request: said(" yes ")) as server, engine(server).open() as opened:
        assert opened.answer([question("why?", system="Be kind.")], how, [2**63 - 1]) == [Answer("yes", True)]
    request = server.requests[0]
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.body == {
        "model": "m", "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "why?"}],
        "max_tokens": 7, "temperature": 0.8, "top_p": 0.9, "seed": 2**31 - 1,
    }  # fmt: skip


@pytest.mark.parametrize("how", [Sampling(), Sampling(temperature=1.0, top_p=0.0)])
def test_the_likeliest_token_is_temperature_zero(how: Sampling):
    _, server = asked(said("yes"), "a", how=how)
    assert server.requests[0].body["temperature"] == 0
    assert "top_p" not in server.requests[0].body


def test_extra_fields_go_with_every_request():
    extra = {"chat_template_kwargs": {"enable_thinking": False}, "top_k": 5}
    _, server = asked(said("yes"), "a", extra=extra)
    assert {name: server.requests[0].body[name] for name in extra} == extra


def test_each_row_has_a_seed_of_its_own():
    with serving(lambda request: said("yes")) as server, engine(server).open() as opened:
        opened.answer([question("a"), question("b"), question("a")], Sampling(temperature=1.0))
        opened.answer([question("a")], Sampling(temperature=1.0, seed=1))
    seeds = {r.body["messages"][0]["content"] + str(r.body["seed"]) for r in server.requests}
    assert len(seeds) == 3
    assert all(0 <= r.body["seed"] < 2**31 for r in server.requests)


@pytest.mark.parametrize(("text", "finish", "answer"), [
    ("yes", "stop", Answer("yes", True)), ("yes", "length", Answer("yes", False)), ("", "stop", Answer("", True)),
    (None, "stop", Answer("", True)), ("  \n", "stop", Answer("", True)),
    ("yes", None, Answer("yes", False)),
])  # fmt: skip
def test_an_answer_counts_as_ended_where_the_server_says_stop(text: str | None, finish: str | None, answer: Answer):
    assert asked(said(text, finish), "a")[0] == [answer]


@pytest.mark.parametrize(
    "body", [{}, {"choices": []}, {"choices": [{"text": "yes"}]}, {"choices": [{"message": {"content": 3}}]}]
)
def test_what_is_no_completion_is_named(body: Any):
    with pytest.raises(EndpointFailed, match="did not answer as such an endpoint does"):
        asked(Reply(body), "a")


def test_the_order_is_kept_whoever_is_first():
    held = threading.Event()

    def reply(request: Request) -> Reply:
        text = request.body["messages"][0]["content"]
        if text == "0":
            held.wait(5)
        if text == "7":
            held.set()
        return said(f"to {text}")

    answers, _ = asked(reply, *map(str, range(8)), concurrency=8)
    assert [answer.text for answer in answers] == [f"to {place}" for place in range(8)]


@pytest.mark.parametrize("message", [
    "This model's maximum context length is 512 tokens. However, you requested 600 tokens.",
    "the request exceeds the available context size, try increasing it", "prompt is too long: 9 tokens > 8 maximum",
])  # fmt: skip
def test_a_question_longer_than_the_context_has_no_answer_and_the_rest_have_theirs(message: str):
    def reply(request: Request) -> Reply:
        too_long = request.body["messages"][0]["content"] == "1"
        return Reply({"error": {"message": message}}, 400) if too_long else said("yes")

    answers, _ = asked(reply, "0", "1", "2")
    assert answers == [Answer("yes", True), Answer("", False), Answer("yes", True)]


def refusing(status: int, *texts: str) -> Callable[[Request], Reply]:
    """A server that refuses these questions."""

    def reply(request: Request) -> Reply:
        refused = request.body["messages"][0]["content"] in texts
        return Reply({"error": {"message": "content policy"}}, status) if refused else said("yes")

    return reply


@pytest.mark.parametrize(("status", "lasting"), [(400, True), (422, True), (451, True), (500, False), (429, False)])
def test_a_question_that_a_server_cannot_answer_is_a_failure_beside_the_answers(status: int, lasting: bool):
    answers, _ = asked(refusing(status, "1"), "0", "1", "2")
    assert [answer.text for answer in answers] == ["yes", "", "yes"]
    assert answers[1].failed is not None
    assert f"answered {status} (content policy)" in answers[1].failed.why
    assert answers[1].failed.lasting == lasting


def test_the_first_question_may_be_the_one_that_is_refused():
    answers, _ = asked(refusing(400, "0"), "0", "1")
    assert [bool(answer.failed) for answer in answers] == [True, False]


@pytest.mark.parametrize("text", ["", None, "the first half of"])
def test_an_answer_that_the_server_s_filter_stopped_is_a_failure(text: str | None):
    answers, _ = asked(lambda request: said(text, "content_filter"), "0")
    assert answers == [Answer("", False, Failed("the server stopped the answer: content_filter"))]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_server_that_refuses_who_asks_ends_it(status: int):
    with pytest.raises(EndpointFailed, match=f"answered {status}"):
        asked(refusing(status, "1"), "0", "1", "2")


def test_a_server_that_refuses_whatever_is_asked_ends_it_soon():
    questions = [str(number) for number in range(100)]
    with serving(refusing(400, *questions)) as server, engine(server).open() as opened:
        with pytest.raises(EndpointFailed, match="answered 400"):
            opened.answer([question(text) for text in questions], Sampling())
        assert 10 <= len(server.requests) <= 10 + 8


@pytest.mark.parametrize("questions", [1, 2, 3])
def test_a_server_that_never_answers_ends_it_however_little_is_asked(questions: int):
    with pytest.raises(EndpointFailed, match="answered 503"):
        asked(Reply(status=503), *map(str, range(questions)))


def test_a_server_that_goes_down_ends_it_soon():
    questions = [str(number) for number in range(100)]
    with serving(refusing(503, *questions[5:])) as server:
        component = engine(server).model_copy(update={"concurrency": 1, "retries": 1})
        with component.open() as opened, pytest.raises(EndpointFailed, match="answered 503") as down:
            opened.answer([question(text) for text in questions], Sampling())
        assert 5 + 3 * 2 <= len(server.requests) <= 5 + 4 * 2, "one more may be under way"
    assert [one.text for one in down.value.found[:5]] == ["yes"] * 5


def test_half_of_all_questions_may_be_refused():
    questions = [str(number) for number in range(60)]
    answers, server = asked(refusing(400, *questions[::2]), *questions)
    assert [bool(answer.failed) for answer in answers] == [True, False] * 30
    assert len(server.requests) == 60


# The key.


def test_the_key_is_read_from_the_environment_and_stands_nowhere(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOME_KEY", KEY)
    with serving(lambda request: said("yes")) as server:
        component = engine(server, key_variable="SOME_KEY", revision="2026-11")
        with component.open() as opened:
            opened.answer([question("a")], Sampling())
            shown = repr(opened) + repr(vars(opened))
    assert server.requests[0].headers["Authorization"] == f"Bearer {KEY}"
    written = json.dumps([component.identity(), component.about(), write_component(component)])
    assert KEY not in written + repr(component) + str(component) + shown
    assert "SOME_KEY" not in json.dumps(component.identity())


def test_a_key_that_is_not_there_is_missed_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SOME_KEY", raising=False)
    for value in (None, "", "  "):
        if value is not None:
            monkeypatch.setenv("SOME_KEY", value)
        with serving(lambda request: said("yes")) as server:
            with pytest.raises(BadModel, match="environment variable SOME_KEY is not set; put the key for http"):
                engine(server, key_variable="SOME_KEY").check()
            assert server.requests == []


@pytest.mark.parametrize("name", [KEY, "hf_aBcDeF0123", "", "A B", "A=b"])
def test_a_key_in_place_of_a_name_is_refused_and_not_repeated(name: str):
    with pytest.raises(ValidationError, match="never the key itself") as refused:
        OpenAI(base_url="http://localhost:1/v1", model="m", key_variable=name)
    assert not name or name not in str(refused.value)


def test_the_key_may_come_from_a_file_and_stands_nowhere(tmp_path: Path):
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    file.chmod(0o600)
    with serving(lambda request: said("yes")) as server:
        component = engine(server, key_file=file)
        with component.open() as opened:
            opened.answer([question("a")], Sampling())
            shown = repr(opened) + repr(vars(opened))
        assert component.identity() == engine(server).identity()
    assert server.requests[0].headers["Authorization"] == f"Bearer {KEY}"
    written = json.dumps([component.identity(), component.about(), write_component(component)])
    assert KEY not in written + repr(component) + shown
    file.chmod(0o644)
    with pytest.raises(BadModel, match=r"others may read it; close it with: chmod 600"):
        component.check()


def test_a_key_stands_in_one_place():
    with pytest.raises(ValidationError, match="not both"):
        OpenAI(base_url="http://a/v1", model="m", key_variable="A", key_file="b")


@pytest.mark.parametrize("held", ["hunter2hunter2\nX-More: 1", "hunter2 hunter2", "hunter2é"])
def test_what_would_break_the_header_is_not_sent_and_not_said(held: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOME_KEY", held)
    with serving(lambda request: said("yes")) as server:
        with pytest.raises(BadModel, match="SOME_KEY holds no key") as refused:
            engine(server, key_variable="SOME_KEY").check()
        assert server.requests == []
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "setting",
    [
        "extra: {api_key: hunter2}", "extra: {headers: {Authorization: hunter2}}", "extra: {a: [{Token: hunter2}]}",
        "extra: {a: 'http://me:hunter2@b/'}", "api_key: hunter2", "revision: 'Bearer hunter2hunter2hunter2'",
        "extra: {a: 'Cookie: hunter2'}", "revision: sk-hunter2aB3dE5gH7jK9",
    ],
)  # fmt: skip
def test_a_key_in_a_plan_is_refused_and_not_repeated(setting: str, tmp_path: Path):
    given = f"{{openai: {{base_url: 'http://a/v1', model: m, {setting}}}}}"
    (tmp_path / "plan.yaml").write_text(f"recipe: sdrrl\nmodel: {given}\nfrom: eng\nto: spa\nanswer: {{max_tokens: 0}}\n")
    change = f"answer.model={given}"
    for read in (lambda: read_plan(str(tmp_path / "plan.yaml")), lambda: read_plan("sdrrl", ["to=spa", change])):
        with pytest.raises(PlanError, match="key") as refused:
            read()
        assert "hunter2" not in str(refused.value)
        assert "max_tokens" not in str(refused.value)  # nothing was made of it


# The settings.


@pytest.mark.parametrize(
    "url", ["localhost:8000/v1", "ftp://a/v1", "http://", "http://me:secret@a/v1", "http://a/v1?key=secret", "http://a/ b"]
)
def test_an_address_that_is_none_or_holds_a_secret_is_refused(url: str):
    with pytest.raises(ValidationError, match="give an address such as") as refused:
        OpenAI(base_url=url, model="m")
    assert "secret" not in str(refused.value)


def test_no_secret_is_repeated_by_the_reading_of_a_plan():
    given = "model={openai: {base_url: 'http://me:secret@a/v1', model: m, key_variable: sk-secret}}"
    with pytest.raises(PlanError, match="key_variable") as refused:
        read_plan("sdrrl", ["to=spa", given])
    assert "secret" not in str(refused.value)


def test_a_slash_at_the_end_is_no_part_of_the_address():
    assert OpenAI(base_url="http://a/v1/", model="m").identity() == OpenAI(base_url="http://a/v1", model="m").identity()


@pytest.mark.parametrize("name", ["seed", "messages", "stream", "n"])
def test_what_the_engine_says_itself_is_not_extra(name: str):
    with pytest.raises(ValidationError, match=f"{name} is set by the engine itself"):
        OpenAI(base_url="http://a/v1", model="m", extra={name: 1})


def test_revision_model_and_address_decide():
    given = {"base_url": "http://a/v1", "model": "m", "revision": "1"}
    changes = [{"base_url": "http://b/v1"}, {"model": "n"}, {"revision": "2"}, {"extra": {"top_k": 1}}]
    identities = [json.dumps(OpenAI(**{**given, **change}).identity()) for change in [{}, *changes]]
    assert len(set(identities)) == 5


# Looking before leaping.


def models_of(*names: str) -> Callable[[Request], Reply]:
    return lambda request: Reply({"data": [{"id": name} for name in names]})


def test_a_check_asks_for_the_models_and_for_nothing_else():
    with serving(models_of("x", "m")) as server:
        engine(server).check()
    assert [(r.method, r.path) for r in server.requests] == [("GET", "/v1/models")]


@pytest.mark.parametrize(("names", "hint"), [
    (("llama-8b", "qwen-1b"), r"did you mean llama-8b\?"), (("qwen", "phi"), "it has qwen, phi"), ((), "it has none"),
])  # fmt: skip
def test_a_model_that_is_not_there_is_named_with_the_nearest(names: tuple[str, ...], hint: str):
    with serving(models_of(*names)) as server:
        with pytest.raises(BadModel, match=rf"has no model named 'lama-8b'; {hint}"):
            OpenAI(base_url=server.url, model="lama-8b").check()


@pytest.mark.parametrize("status", [404, 405])
def test_a_service_need_not_list_its_models(status: int):
    with serving(lambda request: Reply(status=status)) as server:
        engine(server).check()


@pytest.mark.parametrize("status", [401, 500])
def test_a_check_tries_once(status: int):
    with serving(lambda request: Reply(status=status)) as server:
        with pytest.raises(EndpointFailed, match=str(status)):
            engine(server, retries=9).check()
    assert len(server.requests) == 1


# Scoring.


def scores(reply: Callable[[Request], Reply], chats: list[Chat | None], texts: list[str]) -> list[float]:
    with serving(reply) as server, engine(server, retries=0).open() as opened:
        return opened.score(chats, texts)


def vllm(echo: Any, begins: tuple[int, ...] = (1,)) -> Callable[[Request], Reply]:
    """Tokens are the letters' numbers; ``echo`` makes the log-probabilities of a prompt."""

    def reply(request: Request) -> Reply:
        body = request.body
        if request.path == "/tokenize":
            if "messages" in body:
                assert body["add_generation_prompt"] is True
                return Reply({"tokens": [ord(letter) for m in body["messages"] for letter in m["content"]] + [10]})
            return Reply({"tokens": [*(begins if body["add_special_tokens"] else ()), *map(ord, body["prompt"])]})
        assert body["echo"] is True
        return Reply({"choices": [{"text": "", "logprobs": echo(body["prompt"])}]})

    return reply


def each_its_number(prompt: list[int]) -> Any:
    return {"token_logprobs": [None, *(-id / 128 for id in prompt[1:]), -99.0]}


def test_the_text_alone_is_scored():
    nats = [-sum(map(ord, text)) / 128 for text in ("yes", "no")]
    assert scores(vllm(each_its_number), [question("a"), question("bcd"), question("a")], ["yes", "no", ""]) == [*nats, 0.0]


@pytest.mark.parametrize(("begins", "start"), [((1,), [1]), ((), [10])])
def test_plain_text_follows_what_begins_a_text_or_a_line_break(begins: tuple[int, ...], start: list[int]):
    prompts: list[list[int]] = []

    def noting(prompt: list[int]) -> Any:
        prompts.append(prompt)
        return each_its_number(prompt)

    assert scores(vllm(noting, begins), [None], ["yes"]) == [-sum(map(ord, "yes")) / 128]
    assert prompts == [[*start, *map(ord, "yes")]]


@pytest.mark.parametrize("logprobs", [
    None,
    {"content": [{"token": "x", "logprob": -0.1}]},  # echo unheard, as by llama-server
    {"token_logprobs": [-0.1]},
    {"token_logprobs": [None] * 40},
])  # fmt: skip
def test_a_server_that_does_not_echo_is_not_believed(logprobs: Any):
    with pytest.raises(BadModel, match=r"cannot score given text\. vLLM can.*transformers or llama_cpp"):
        scores(vllm(lambda prompt: logprobs), [question("a")], ["yes"])


@pytest.mark.parametrize("status", [400, 404, 501])
def test_a_server_that_knows_no_such_request_cannot_score_or_count(status: int):
    refuses = Reply({"error": {"message": "Only no echo is supported"}}, status)
    with pytest.raises(BadModel, match=f"cannot score an answer.*answered {status} .Only no echo is supported"):
        scores(lambda request: refuses, [question("a")], ["yes"])
    with serving(lambda request: refuses) as server, engine(server).open() as opened:
        with pytest.raises(BadModel, match="cannot count tokens"):
            opened.count(["yes"])


def test_a_server_that_finds_no_tokens_in_a_text_is_not_believed():
    with serving(lambda request: Reply({"tokens": []})) as server, engine(server).open() as opened:
        for ask in (
            lambda: opened.count(["yes"]), lambda: opened.score([question("a")], ["yes"]),
            lambda: opened.score([None], ["yes"]),
        ):  # fmt: skip
            with pytest.raises(BadModel, match=r"cannot .*vLLM can"):
                ask()
        assert opened.count([""]) == [0]


def test_a_server_that_is_down_is_down():
    with pytest.raises(EndpointFailed, match="503"):
        scores(lambda request: Reply(status=503), [question("a")], ["yes"])


def test_tokenize_lies_beside_v1():
    with serving(vllm(each_its_number)) as server, engine(server).open() as opened:
        assert opened.count(["yes", ""]) == [3, 0]
        assert opened.room([question("a")])[0] > 100_000
    assert {request.path for request in server.requests} == {"/tokenize"}
