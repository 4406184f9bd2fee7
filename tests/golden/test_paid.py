"""What was paid for is kept, whatever happens next, and a run that is asked to stop does so soon."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tiny_endpoint import Loopback, Reply, Request, said, serving

from polydistill import paid as paid_for
from polydistill.engines import Answer, Engine, GaveUp, OpenEngine, Sampling
from polydistill.engines.openai import OpenAI
from polydistill.engines.transformers import Transformers
from polydistill.paid import paying
from polydistill.records import Chat, Lang, Turn
from polydistill.sources import Languages
from polydistill.sources.self_ask import SelfAsk
from polydistill.stage import Stopped, Workspace, working, workspace


def chats(*texts: str) -> list[Chat]:
    return [Chat(turns=(Turn(role="user", text=text, lang=Lang("eng")),)) for text in texts]


def engine(server: Loopback, concurrency: int = 1) -> OpenAI:
    return OpenAI(base_url=server.url, model="m", wait=0.0, retries=0, timeout=5.0, concurrency=concurrency)


@pytest.mark.parametrize(("concurrency", "lot"), [(1, 256), (4, 256), (1, 3)])
def test_a_row_that_fails_for_good_loses_no_answer_of_the_others(
    tmp_path: Path, concurrency: int, lot: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(paid_for, "LOT", lot)
    broken, asked = [True], list[str]()

    def reply(request: Request) -> Reply:
        text = request.body["messages"][0]["content"]
        asked.append(text)
        return Reply({"error": {"message": "no"}}, 400) if text == "3" and broken[0] else said(f"to {text}")

    questions = chats(*map(str, range(4)))
    with serving(reply) as server, working(Workspace(tmp_path)):
        with (
            pytest.raises(GaveUp, match=r"1 of 4 questions have no answer: .* answered 400"),
            paying(engine(server, concurrency)) as paid,
        ):
            paid.answer(questions, Sampling())
        with paying(engine(server, concurrency)) as paid:
            assert [bool(answer.failed) for answer in paid.tried(questions, Sampling())] == [False, False, False, True]
        assert sorted(asked) == ["0", "1", "2", "3"], "what was refused is not asked again"
        broken[0] = False
        with paying(engine(server, concurrency)) as paid:
            answers = paid.answer(questions, Sampling())
    assert [answer.text for answer in answers] == ["to 0", "to 1", "to 2", "to 3"]
    assert sorted(asked) == ["0", "1", "2", "3", "3"], "where every answer is needed it is"


def test_what_a_server_refuses_that_refuses_everything_is_asked_again(tmp_path: Path):
    broken = [True]
    questions = chats(*map(str, range(20)))
    with serving(lambda request: Reply(status=400) if broken[0] else said("yes")) as server, working(Workspace(tmp_path)):
        with pytest.raises(GaveUp, match="answered 400"), paying(engine(server)) as paid:
            paid.tried(questions, Sampling())
        broken[0] = False
        with paying(engine(server)) as paid:
            assert [answer.text for answer in paid.tried(questions, Sampling())] == ["yes"] * 20


def test_each_answer_of_a_server_is_kept_as_it_comes(tmp_path: Path):
    """A second Ctrl-C, or anything else, in the middle of a lot."""
    asked, kept = list[str](), list[int]()

    def reply(request: Request) -> Reply:
        asked.append(request.body["messages"][0]["content"])
        return said(f"to {asked[-1]}")

    questions = chats(*map(str, range(9)))
    with serving(reply) as server, working(Workspace(tmp_path)):
        with pytest.raises(KeyboardInterrupt), paying(engine(server)) as paid:  # noqa: PT012
            put = paid._store.put

            def stops(values: dict[str, object]) -> None:
                put(values)
                kept.append(len(values))
                if len(kept) == 4:
                    raise KeyboardInterrupt

            paid._store.put = stops  # type: ignore[method-assign]
            paid.tried(questions, Sampling())
        assert kept == [1] * 4
        before = len(asked)
        with paying(engine(server)) as paid:
            assert [answer.text for answer in paid.tried(questions, Sampling())] == [f"to {n}" for n in range(9)]
        assert len(asked) - before == 5


def test_what_the_tokenizer_tells_is_kept_and_asks_for_no_model(tmp_path: Path):
    with serving(lambda request: said("yes")) as server, working(Workspace(tmp_path)):
        given = engine(server)
        with paying(given) as paid:
            first = paid.room(chats("a", "b")), paid.template
        with paying(given) as paid:
            assert (paid.room(chats("a", "b")), paid.template) == first
            assert paid._open is None, "the model was loaded"


class Stopping(Engine):
    """Answers and scores anything, and has the run asked to stop while it does so for the second time."""

    @contextmanager
    def open(self) -> Iterator[OpenEngine]:
        yield OpenStopping()


class OpenStopping(OpenEngine):
    template = "t"
    calls: list[list[str]]

    def __init__(self) -> None:
        self.calls = []

    def _called(self, texts: Sequence[str]) -> None:
        self.calls.append(list(texts))
        workspace().stopping = len(self.calls) == 2

    def answer(self, chats: Sequence[Chat], sampling: Sampling, seeds: Sequence[int] | None = None) -> list[Answer]:
        self._called([chat.question.text if chat.turns else "" for chat in chats])
        return [Answer("a", True)] * len(chats)

    def score(self, chats: Sequence[Chat | None], texts: Sequence[str]) -> list[float]:
        self._called(texts)
        return [-float(text) for text in texts]

    def room(self, chats: Sequence[Chat]) -> list[int]:
        return [9] * len(chats)

    def count(self, texts: Sequence[str]) -> list[int]:
        return [1] * len(texts)


@pytest.mark.parametrize("what", ["answer", "score"])
def test_a_stop_comes_after_a_lot_and_the_lot_is_kept(what: str, space: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(paid_for, "LOT", 2)
    texts, calls = list("123456"), []
    for _ in range(2):
        with paying(Stopping()) as paid, suppress(Stopped):
            paid.answer(chats(*texts), Sampling()) if what == "answer" else paid.score([None] * 6, texts)
        calls.append(paid.live.calls)
    assert calls == [[["1", "2"], ["3", "4"]], [["5", "6"]]]


def test_a_stop_comes_also_while_no_question_is_found(space: Workspace):
    with pytest.raises(Stopped):
        list(SelfAsk().read(Languages(Lang("eng"), model=Stopping())))


def test_lots_change_no_result(space: Workspace, taught_model: Path, monkeypatch: pytest.MonkeyPatch):
    engine = Transformers(path=str(taught_model), dtype="float64", device="cpu")
    questions = chats("where is the cat?", "a", "who sees the big red house?", "door and window", "what is it?", "my dog " * 20)
    sampling, seeds = Sampling(max_tokens=12, temperature=1.5), [3, 1, 4, 1, 5, 9]
    asked = [chat for chat in (*questions, None) for _ in range(3)]
    texts = [text for _ in range(7) for text in ("the cat sees a house.", "a", "my bird")]
    with engine.open() as plain:
        answers, scores = plain.answer(questions, sampling, seeds), plain.score(asked, texts)
    monkeypatch.setattr(paid_for, "LOT", 4)
    with paying(engine) as paid:
        assert paid.answer(questions, sampling, seeds) == answers
        assert paid.score(asked, texts) == pytest.approx(scores, rel=1e-12)
