import json
from types import SimpleNamespace

import pytest
from tiny import model_folder
from tiny_engine import engine, question

from polydistill.engines import Sampling
from polydistill.records import Chat, Lang, Turn

pytest.importorskip("lm_eval")

from polydistill.evaluators._harness_model import AskedAsChat, until

SPA = Lang("spa")


def request(*args):
    return SimpleNamespace(args=args, task_name="t")


def turns(*said):
    return [{"role": role, "content": text} for role, text in said]


@pytest.mark.parametrize(
    ("text", "stops", "expected"),
    [
        ("one two", ["two"], "one "), ("one two", "two", "one "), ("one two", ["x", "o"], ""), ("one", [], "one"),
        ("a\nb\n\nc", ["\n\n", "\n"], "a"), ("one", [""], "one"),
    ],
)  # fmt: skip
def test_an_answer_ends_at_the_first_stop(text, stops, expected):
    assert until(text, stops) == expected


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("m") / "model"
    model_folder(folder)
    with engine(folder).open() as opened:
        yield opened


def test_what_is_asked_becomes_a_chat(opened):
    model = AskedAsChat(opened, {"t": SPA})
    said = turns(("system", "Short."), ("user", "1?"), ("assistant", "one"), ("user", "2?"))
    context = model.apply_chat_template(said)
    chat, begun = model.read(context, "t")
    assert chat == Chat(turns=tuple(Turn(role=turn["role"], text=turn["content"], lang=SPA) for turn in said))
    assert begun == ""
    assert model.read(context, "t")[0] is chat
    assert model.read(model.apply_chat_template([*said, *turns(("assistant", "It is"))]), "t") == (chat, "It is")
    assert model.read("", "t") == (None, "")
    assert model.read(model.apply_chat_template(turns(("user", ""))), "t") == (None, "")


def test_likelihoods_are_the_engines(opened):
    model = AskedAsChat(opened, {"t": SPA})
    ask = json.dumps(turns(("user", "why?")))
    begun = json.dumps(turns(("user", "why?"), ("assistant", "be")))
    found = model.loglikelihood([request(ask, "because"), request("", "because"), request(begun, "cause")])
    chat = question("why?")
    whole, alone, beginning = opened.score([chat, None, chat], ["because", "because", "be"])
    assert [nats for nats, _ in found] == pytest.approx([whole, alone, whole - beginning])
    assert {greedy for _, greedy in found} == {False}
    assert model.loglikelihood_rolling([request("because")]) == pytest.approx([alone])


def test_answers_are_the_engines(opened):
    model = AskedAsChat(opened, {"t": SPA})
    asks = [json.dumps(turns(("user", text))) for text in ("why?", "who?", "where?")]
    lengths = [{"max_gen_toks": 4}, {"max_gen_toks": 9, "until": []}, {"max_gen_toks": 4}]
    found = model.generate_until([request(ask, kwargs) for ask, kwargs in zip(asks, lengths, strict=True)])
    for text, kwargs, answer in zip(("why?", "who?", "where?"), lengths, found, strict=True):
        assert answer == opened.answer([question(text)], Sampling(max_tokens=kwargs["max_gen_toks"]))[0].text
