"""A model behind a server."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..component import Beside, Count, find
from ..engines import Engine
from ..signals import Form, Wants
from . import OpenTeacher, Teacher

if TYPE_CHECKING:
    from ..student import Student

TOP_K: frozenset[Form] = frozenset({"top_k"})


class Endpoint(Teacher):
    """A model behind an OpenAI-compatible server: the k likeliest tokens in the place of each token of the answers.

    The server reads the student's own token ids, so that both must have one vocabulary; that is tried out before anything is
    paid for. Its log-probabilities are those before any temperature. Each row is asked once before the first step and kept
    as `cached` keeps it; what the server really runs cannot be seen from here, and a new ``revision`` of the engine asks anew.

    vLLM gives them (`prompt_logprobs`), up to 20 unless it was started with ``--max-logprobs``, and so do servers that echo a
    prompt with `logprobs`. llama-server and most paid services give those of what they write alone, and are refused.

    Checked: against the same model in this process, behind a server on this machine in both forms.
    """

    engine: Engine
    """The server: {openai: {base_url: ..., model: ...}}."""
    k: Count = 20
    """How many tokens."""
    folder: Beside[Path | None] = None
    """Where what it said is kept; in the runs' folder without it."""

    @property
    def gives(self) -> frozenset[Form]:
        return TOP_K

    @property
    def lives(self) -> bool:
        return False

    @property
    def of_student(self) -> bool:
        return False

    def check(self, student: Engine, wants: Wants) -> None:
        from .. import models
        from ._asking import same_vocabulary

        if wants.hidden or wants.relations:
            raise ValueError("a server gives log-probabilities alone, neither hidden states nor attention")
        self.engine.check()
        with self.engine.served(retries=0) as server:
            same_vocabulary(server, models.load_tokenizer(*student.trainable()))

    def open(self, student: "Student", wants: Wants) -> OpenTeacher:
        from ._asking import OpenEndpoint
        from ._kept import OpenCached

        kept = find("teachers", "cached")(teacher=self, k=self.k, folder=self.folder)
        return OpenCached(kept, student, wants, lambda: OpenEndpoint(self.engine, self.k, student))  # type: ignore[arg-type]
