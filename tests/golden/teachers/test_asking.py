"""Whether a server's ids are the student's; what it is asked of each row stands in `test_endpoint_teacher.py`."""

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("httpx2", reason="polydistill[openai] is not installed")

import tiny

from polydistill.engines import BadModel
from polydistill.engines._openai import Likely
from polydistill.teachers._asking import same_vocabulary

OWN = tiny.tokenizer()


class Said:
    """A server with a tokenizer of its own, or with none and a text for each id."""

    url = "http://here/v1"

    def __init__(self, tokens: Any = None, text: Any = None):
        self.tokens, self.text = tokens or self._none, text

    def _none(self, text: str) -> list[int]:
        raise BadModel("no /tokenize")

    def likeliest(self, ids: list[int], k: int) -> list[list[Likely]]:
        return [[Likely(id, self.text(id), -1.0)] for id in ids[1:]]


def own(text: str) -> list[int]:
    return OWN.encode(text, add_special_tokens=False)


def test_the_same_tokens_are_one_vocabulary():
    same_vocabulary(Said(tokens=own), OWN)  # type: ignore[arg-type]


def test_the_first_token_that_differs_is_said_with_both_sides():
    def later(text: str) -> list[int]:
        ids = own(text)
        return [*ids[:2], 0, *ids[3:]]

    with pytest.raises(ValueError, match=r"are, from number 3 on, \[68, 220, .* to the student and \[0, 220, .* to the server"):
        same_vocabulary(Said(tokens=later), OWN)  # type: ignore[arg-type]


def test_without_a_tokenizer_the_texts_of_ids_are_compared():
    """Spaces around them say nothing, and parts of a letter have no text of their own."""

    def texts(id: int) -> str:
        return f" {OWN.decode([id])}"

    same_vocabulary(Said(text=texts), OWN)  # type: ignore[arg-type]
    same_vocabulary(Said(text=lambda id: ""), OWN)  # type: ignore[arg-type]
    h = own("h")[0]
    with pytest.raises(ValueError, match=f"id {h} is 'h' to the student, 'H' to the server"):
        same_vocabulary(Said(text=lambda id: "H" if id == h else texts(id)), OWN)  # type: ignore[arg-type]


def test_a_student_without_a_tokenizer_is_refused():
    from polydistill.teachers._asking import OpenEndpoint

    with pytest.raises(ValueError, match="compares tokenizers, and the student's is not known here"):
        OpenEndpoint(None, 1, SimpleNamespace(template=None))  # type: ignore[arg-type]
