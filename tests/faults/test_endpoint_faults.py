"""An endpoint that fails in every way: bounded retries, right accounting, and no row learned from garbage."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_endpoint import Loopback, Reply, Request, said, serving
from tiny_faults import Ended, World

from polydistill.stage import Rows

pytestmark = pytest.mark.faults

QUESTIONS, RETRIES = 40, 2


class Server:
    """Answers every question unless ``fault``, told the question and how often it came, gives another reply."""

    def __init__(self, fault: Callable[[str, int], Reply | None]):
        self.fault, self.asked, self.alone = fault, Counter[str](), threading.Lock()
        self.healthy = False

    def __call__(self, request: Request) -> Reply:
        if request.method == "GET":
            return Reply({"data": [{"id": "m"}]})
        question = request.body["messages"][-1]["content"]
        with self.alone:
            self.asked[question] += 1
            times = self.asked[question]
        return (None if self.healthy else self.fault(question, times)) or said(good(question))


def good(question: str) -> str:
    return f"the answer to {question.split('.')[0]} is here."


def ran(world: World, here: Loopback, verb: str = "answer", lots: dict[str, int] | None = None, **engine: Any) -> Ended:
    settings = {
        "base_url": here.url,
        "model": "m",
        "retries": RETRIES,
        "wait": 0.01,
        "timeout": 0.4,
        "concurrency": 2,
        **engine,
    }
    given = ", ".join(f"{name}: {value}" for name, value in settings.items())
    return world.run(verb, f"answer.model={{openai: {{{given}}}}}", changes=lots)


def rows(world: World) -> list[Any]:
    return list(Rows(world.runs / "tiny" / "answer"))


def nothing_learned_from_garbage(world: World, here: Loopback, wanted: set[str]) -> None:
    """The mixture holds rows of the questions that have a whole answer, and of no others."""
    ended = ran(world, here, "mix")
    assert ended.code == 0, ended.errors
    questions = {row.lineage.question for row in rows(world)}
    learned = {row.lineage.question for row in Rows(world.runs / "tiny" / "mix")} & questions
    assert learned
    assert learned <= wanted


PASSING: dict[str, Callable[[str, int], Reply | None]] = {
    "429": lambda q, n: Reply({"error": "slow"}, 429) if n == 1 else None,
    "429 with Retry-After": lambda q, n: Reply({"error": "slow"}, 429, {"Retry-After": "0.02"}) if n == 1 else None,
    "429 with another Retry-After": lambda q, n: Reply({"error": "slow"}, 429, {"Retry-After": "soon"}) if n == 1 else None,
    "500": lambda q, n: Reply({"error": {"message": "oops"}}, 500) if n <= 2 else None,
    "503": lambda q, n: Reply(b"<html>busy</html>", 503) if n == 1 else None,
    "cut connection": lambda q, n: Reply({"choices": []}, promised=5000) if n == 1 else None,
    "no JSON": lambda q, n: Reply(b"<html>no</html>") if n == 1 else None,
    "JSON that is cut": lambda q, n: Reply(b'{"choices": [{"message": {"content": "ha') if n == 1 else None,
    "another shape": lambda q, n: Reply({"choices": []}) if n == 1 else None,
    "a list": lambda q, n: Reply([1]) if n == 1 else None,
    "content that is a number": lambda q, n: said(7) if n == 1 else None,  # type: ignore[arg-type]
    "200 with an error": lambda q, n: Reply({"error": {"message": "no"}}) if n == 1 else None,
    "not UTF-8": lambda q, n: (
        Reply(b'{"choices": [{"message": {"content": "\xff\xfe"}, "finish_reason": "stop"}]}') if n == 1 else None
    ),
}
"""What may pass, and does."""


@pytest.mark.parametrize("what", PASSING)
def test_what_passes_is_asked_again(what: str, whole: Any, place: Path, figures: dict[str, int]):
    world, server = whole.state("answer", place), Server(PASSING[what])
    with serving(server) as here:
        ended = ran(world, here)
        assert ended.code == 0, ended.errors
        assert max(server.asked.values()) <= RETRIES + 1
        found = rows(world)
        assert [row.rejected for row in found] == [""] * QUESTIONS
        assert all(row.payload.answer.text == good(row.payload.question.text) for row in found)
    figures["endpoint faults"] = figures.get("endpoint faults", 0) + 1


def hangs(question: str, times: int) -> Reply | None:
    if question.startswith("the ") and times == 1:
        time.sleep(1.2)
    return None


def test_a_hang_is_given_up_and_asked_again(whole: Any, place: Path):
    world, server = whole.state("answer", place), Server(hangs)
    with serving(server) as here:
        began = time.monotonic()
        assert ran(world, here).code == 0
        assert time.monotonic() - began < 30
        assert all(not row.rejected for row in rows(world))


LASTING: dict[str, Callable[[str, int], Reply | None]] = {
    "400": lambda q, n: Reply({"error": {"message": "refused by the content filter"}}, 400),
    "422": lambda q, n: Reply({"error": {"message": "refused by the content filter"}}, 422),
    "empty": lambda q, n: said(""),
    "null": lambda q, n: said(None),
    "white space": lambda q, n: said(" \n\t "),
    "a filter's stop": lambda q, n: said("", "content_filter"),
}


@pytest.mark.parametrize("what", LASTING)
def test_half_of_the_questions_have_no_answer(what: str, whole: Any, place: Path, figures: dict[str, int]):
    """Their rows are out with a reason that is counted; the next run does not ask for them again."""

    def half(question: str, times: int) -> Reply | None:
        return LASTING[what](question, times) if len(question) % 2 else None

    world, server = whole.state("answer", place), Server(half)
    with serving(server) as here:
        ended = ran(world, here)
        assert ended.code == 0, ended.errors
        assert max(server.asked.values()) == 1, "what will not pass is asked once"
        found = rows(world)
        out = {row.payload.question.text for row in found if row.rejected}
        assert out == {row.payload.question.text for row in found if len(row.payload.question.text) % 2}
        assert 10 < len(out) < 30
        good_ones = {row.lineage.question for row in found if not row.rejected}
        nothing_learned_from_garbage(world, here, good_ones)
        before = server.asked.total()
        for shard in world.stage("answer").glob("rows-*"):
            shard.unlink()
        ran(world, here)
        again = server.asked.total() - before
        assert again == 0, "kept: neither answers nor refusals are paid for twice"
    figures["endpoint faults"] = figures.get("endpoint faults", 0) + 1


DOWN: dict[str, Callable[[str, int], Reply | None]] = {
    "500": lambda q, n: Reply({"error": {"message": "the disk of the server is full"}}, 500),
    "401": lambda q, n: Reply({"error": {"message": "no such key"}}, 401),
    "404": lambda q, n: Reply({"error": {"message": "no such model"}}, 404),
    "429 for long": lambda q, n: Reply({"error": {"message": "quota"}}, 429, {"Retry-After": "86400"}),
    "wrong JSON": lambda q, n: Reply({"hello": "world"}),
    "a redirection": lambda q, n: Reply(b"", 302, {"Location": "http://127.0.0.1:9/"}),
    # The last one, from the first question on: a server that answers others refuses a question, not the run.
    "400 for all": lambda q, n: Reply({"error": {"message": "no"}}, 400),
}


@pytest.mark.parametrize(("what", "healthy"), [(what, healthy) for what in DOWN for healthy in (0, 20)][:-1])
def test_a_server_that_is_down_stops_the_run_and_costs_no_answer(
    what: str, healthy: int, whole: Any, place: Path, figures: dict[str, int]
):
    """From the first question or the 21st on: one sentence, few requests; what was answered is there when it is up again."""
    served: set[str] = set()

    def down(question: str, times: int) -> Reply | None:
        if len(served) < healthy:
            served.add(question)
            return None
        return DOWN[what](question, times)

    lots = {} if what == "400 for all" else None  # a lot of 4 is too few to tell a server from its questions
    world, server = whole.state("answer", place), Server(down)
    with serving(server) as here:
        ended = ran(world, here, lots=lots)
        assert (ended.code, ended.in_words) == (1, True), ended.errors
        assert here.url in ended.errors
        assert ended.errors.count("error: ") == 1, ended.errors
        assert server.asked.total() <= healthy + 4 * (RETRIES + 1) + 8, "it is not asked for every row"
        server.healthy, before = True, server.asked.copy()
        ended = ran(world, here, lots=lots)
        assert ended.code == 0, ended.errors
        assert not any(row.rejected for row in rows(world))
        assert all((server.asked - before)[question] == 0 for question in served), "what was answered is kept"
    figures["endpoint faults"] = figures.get("endpoint faults", 0) + 1


def test_a_server_that_fails_every_other_time(whole: Any, place: Path):
    turns = iter(range(10_000))
    world, server = whole.state("answer", place), Server(lambda q, n: Reply(b"", 500) if next(turns) % 2 else None)
    with serving(server) as here:
        ended = ran(world, here, retries=6)
        assert ended.code == 0, ended.errors
        assert server.asked.total() <= 2 * QUESTIONS + 10
        assert all(row.payload.answer.text == good(row.payload.question.text) for row in rows(world))
