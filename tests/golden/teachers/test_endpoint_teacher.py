"""A teacher behind a server says what the same model says in this process, and is asked of each row once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("httpx2", reason="polydistill[openai] is not installed")

import tiny
import torch
from tiny_endpoint import Loopback, Reply, Request, model_server, serving

from polydistill.batch import Tokens, padded
from polydistill.engines import BadModel
from polydistill.engines._endpoint import EndpointFailed
from polydistill.engines.transformers import Transformers
from polydistill.models import load_model, load_tokenizer
from polydistill.signals import Support, Wants
from polydistill.stage import Workspace
from polydistill.student import TOKENS, Student
from polydistill.teachers.endpoint import Endpoint
from polydistill.template import Template

ROWS = [
    Tokens([256, 10, 20, 30, 257], 2, id="a"), Tokens([256, 11, 257], 2, id="b"), Tokens([256, 12, 22], 1, id="c"),
    Tokens([256, 65, 66, 67, 68, 69, 257], 3, id="d"),
]  # fmt: skip
BATCH = padded(ROWS)


def student_of(folder: Path) -> Student:
    template = Template(load_tokenizer(folder))
    return Student(load_model(folder, "float64", "cpu"), (template.end_of_turn,), template)


@pytest.fixture
def student(random_model: Path, space: Workspace) -> Student:
    return student_of(random_model)


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another model with the same vocabulary."""
    return tiny.model_folder(tmp_path_factory.mktemp("big") / "model", seed=3)


def endpoint(server: Loopback, k: int = 8, **changes: Any) -> Endpoint:
    engine = {"base_url": server.url, "model": "tiny", "retries": 0, "wait": 0.0, **changes}
    return Endpoint(engine={"openai": engine}, k=k)


def said(teacher: Endpoint, student: Student) -> Support:
    opened = teacher.open(student, TOKENS)
    opened.prepare([padded(ROWS[:2]), padded(ROWS[2:])])
    found = opened.say(BATCH).top_k
    assert found is not None
    return found


def asked(server: Loopback) -> list[list[int]]:
    """The rows that the server was asked of."""
    return [r.body["prompt"] for r in server.requests if r.path == "/v1/completions" and len(r.body["prompt"]) < 10]


@pytest.mark.parametrize("kind", [
    {}, {"prompt_logprobs": False}, {"tokenizes": False}, {"tokenizes": False, "prompt_logprobs": False},
], ids=str)  # fmt: skip
def test_it_says_what_the_model_says(kind: dict[str, bool], student: Student, big: Path):
    log_p = student_of(big)(BATCH).detach().log_softmax(-1)
    with model_server(big, **kind) as server:
        found = said(endpoint(server), student)
    values, ids = log_p.topk(8)
    assert found.ids.equal(ids)
    assert (found.log_p - values).abs().max() < 2 * 2**-11 * values.abs().max()


def test_tokens_named_by_their_text_are_the_students(student: Student, big: Path, capsys: pytest.CaptureFixture[str]):
    """Bytes that are no letter by themselves have one text between them; they are left to what remains."""
    log_p = student_of(big)(BATCH).detach().log_softmax(-1)
    with model_server(big, prompt_logprobs=False, ids=False) as server:
        found = said(endpoint(server, k=20), student)
    ids = log_p.topk(20).indices
    tokenizer = student.template.tokenizer
    letters = torch.tensor([["\ufffd" not in tokenizer.decode([id]) for id in some] for some in ids.tolist()])
    assert 0 < letters.sum() < letters.numel()
    for place in range(len(ids)):
        some = found.log_p[place].isfinite()
        assert set(ids[place][letters[place]].tolist()) <= set(found.ids[place][some].tolist())
        for id, value in zip(found.ids[place][some].tolist(), found.log_p[place][some].tolist(), strict=True):
            assert value == pytest.approx(float(log_p[place, id]), abs=0.01)
    assert "tokens that the server named are none of the student's by that name" in capsys.readouterr().err


def test_each_row_is_paid_for_once(student: Student, big: Path):
    with model_server(big) as server:
        first = said(endpoint(server), student)
        assert sorted(asked(server)) == sorted(row.ids for row in ROWS)
        server.requests.clear()
        again = said(endpoint(server, timeout=9.0), student)
        assert server.requests == [], "the server is not even tried out"
        assert again.log_p.equal(first.log_p)
        said(endpoint(server, revision="2"), student)
        assert len(asked(server)) == 4


def test_what_was_answered_before_a_failure_is_kept(student: Student, big: Path):
    with model_server(big) as good:
        import httpx2

        credit = 3

        def answer(request: Request) -> Reply:
            nonlocal credit
            if request.path == "/v1/completions" and (credit := credit - 1) < 0:
                return Reply({"error": {"message": "no more credit"}}, 402)
            reply = httpx2.post(good.url.removesuffix("/v1") + request.path, json=request.body)
            return Reply(reply.json(), reply.status_code)

        with serving(answer) as server:
            rows = [padded([row]) for row in ROWS]
            with pytest.raises(EndpointFailed, match=r"402 .*no more credit"):
                endpoint(server, concurrency=1).open(student, TOKENS).prepare(rows)
            credit = 9
            endpoint(server, concurrency=1).open(student, TOKENS).prepare(rows)
        assert sorted(asked(good)) == sorted(row.ids for row in ROWS), "each row was answered once"


@contextmanager
def other_tokenizer(folder: Path) -> Iterator[Path]:
    """The same model with two letters of its tokenizer changed one for the other."""
    path = folder / "tokenizer.json"
    text = path.read_text("utf-8")
    path.write_text(text.replace('"a":', '"@":', 1).replace('"b":', '"a":', 1).replace('"@":', '"b":', 1), "utf-8")
    yield folder
    path.write_text(text, "utf-8")


@pytest.mark.parametrize(("tokenizes", "why"), [
    (True, r"the tokens of .The quick.* are, from number \d+ on, \[.*\] to the student and \[.*\] to the server"),
    (False, r"has another vocabulary: id \d+ is '.' to the student, '.' to the server"),
])  # fmt: skip
def test_another_vocabulary_is_refused_with_both_sides(tokenizes: bool, why: str, student: Student, tmp_path: Path):
    with other_tokenizer(tiny.model_folder(tmp_path / "other", seed=3)) as folder:
        with model_server(folder, tokenizes=tokenizes) as server:
            with pytest.raises(ValueError, match=why):
                said(endpoint(server), student)
            assert asked(server) == [], "no row was paid for"


def test_it_is_checked_without_the_students_weights(random_model: Path, big: Path, tmp_path: Path):
    student = Transformers(path=str(random_model))
    with model_server(big) as server:
        endpoint(server).check(student, TOKENS)
        with pytest.raises(BadModel, match="has no model named 'other'; it has tiny"):
            endpoint(server, model="other").check(student, TOKENS)
        with pytest.raises(ValueError, match="a server gives log-probabilities alone"):
            endpoint(server).check(student, Wants(hidden=(1,)))
    with other_tokenizer(tiny.model_folder(tmp_path / "other", seed=3)) as folder, model_server(folder) as server:
        with pytest.raises(ValueError, match="has another vocabulary"):
            endpoint(server).check(student, TOKENS)


def test_more_than_the_server_gives_is_refused_with_what_to_do(student: Student, big: Path):
    with model_server(big) as server:
        with pytest.raises(
            BadModel, match="gives the 20 likeliest tokens at most, and 50 are asked for: start vLLM with --max-log"
        ):
            said(endpoint(server, k=50), student)


def test_a_server_that_scores_nothing_is_refused(student: Student, big: Path):
    """As llama-server does: it writes on and gives log-probabilities of that alone."""
    with model_server(big, prompt_logprobs=False, echoes=False) as server:
        with pytest.raises(BadModel, match=r"row a: .* cannot give the likeliest tokens in a given text. vLLM can"):
            said(endpoint(server), student)


def test_only_an_engine_with_a_server_can_be_asked(student: Student, random_model: Path):
    with pytest.raises(BadModel, match="the engine transformers asks no server; give"):
        said(Endpoint(engine={"transformers": {"path": str(random_model)}}), student)


def test_rows_are_asked_side_by_side(student: Student, big: Path):
    """More rows than a batch holds are under way at once."""
    import threading

    together, most, lock = 0, 0, threading.Lock()
    meet = threading.Barrier(3, timeout=5)

    def answer(request: Request) -> Reply:
        nonlocal together, most
        if request.path == "/tokenize":
            return Reply({"tokens": student.template.tokenizer.encode(request.body["prompt"])})
        with lock:
            together += 1
            most = max(most, together)
        meet.wait()
        with lock:
            together -= 1
        place = {"5": {"logprob": -1.0, "decoded_token": "x"}}
        return Reply({"choices": [{"prompt_logprobs": [None] + [place] * (len(request.body["prompt"]) - 1)}]})

    with serving(answer) as server:
        opened = endpoint(server, concurrency=3).open(student, TOKENS)
        opened.prepare([padded([row]) for row in [*ROWS, ROWS[0].answered([7, 257]), ROWS[0].answered([8, 257])]])
    assert most == 3
    assert opened.say(BATCH).top_k.ids[:, 0].tolist() == [5] * 10
    assert torch.allclose(opened.say(BATCH).top_k.log_p[:, 0], torch.tensor(-1.0), atol=1e-3)
