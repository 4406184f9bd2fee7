"""What was paid for is kept, whatever happens next."""

from pathlib import Path

import pytest
from tiny_endpoint import Loopback, Reply, Request, said, serving

from polydistill.engines import GaveUp, Sampling
from polydistill.engines.openai import OpenAI
from polydistill.paid import paying
from polydistill.records import Chat, Lang, Turn
from polydistill.stage import Workspace, working


def chats(*texts: str) -> list[Chat]:
    return [Chat(turns=(Turn(role="user", text=text, lang=Lang("eng")),)) for text in texts]


def engine(server: Loopback, concurrency: int = 1) -> OpenAI:
    return OpenAI(base_url=server.url, model="m", wait=0.0, retries=0, timeout=5.0, concurrency=concurrency)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_row_that_fails_for_good_loses_no_answer_of_the_others(tmp_path: Path, concurrency: int):
    broken, asked = [True], list[str]()

    def reply(request: Request) -> Reply:
        text = request.body["messages"][0]["content"]
        asked.append(text)
        return Reply({"error": {"message": "no"}}, 400) if text == "3" and broken[0] else said(f"to {text}")

    questions = chats(*map(str, range(4)))
    with serving(reply) as server, working(Workspace(tmp_path)):
        with pytest.raises(GaveUp, match="answered 400"), paying(engine(server, concurrency)) as paid:
            paid.answer(questions, Sampling())
        broken[0] = False
        with paying(engine(server, concurrency)) as paid:
            answers = paid.answer(questions, Sampling())
    assert [answer.text for answer in answers] == ["to 0", "to 1", "to 2", "to 3"]
    assert sorted(asked) == ["0", "1", "2", "3", "3"]


def test_what_the_tokenizer_tells_is_kept_and_asks_for_no_model(tmp_path: Path):
    with serving(lambda request: said("yes")) as server, working(Workspace(tmp_path)):
        given = engine(server)
        with paying(given) as paid:
            first = paid.room(chats("a", "b")), paid.template
        with paying(given) as paid:
            assert (paid.room(chats("a", "b")), paid.template) == first
            assert paid._open is None, "the model was loaded"
