"""Questions that the model writes itself."""

from collections import Counter
from collections.abc import Iterator

from pydantic import Field

from .. import progress
from ..component import Beside, Count, Fraction
from ..engines import Sampling
from ..languages import language_id
from ..near import Near
from ..paid import paying
from ..reading import skipped
from ..records import Chat, Lineage, Row, Turn, digest, seed_of
from ..texts import loops, words
from . import BadInput, Languages, Source


class SelfAsk(Source):
    """The model's own questions: its chat template up to the user's turn, and the model goes on from there.

    Kept are those that end by themselves, are long enough, are in the rich language, do not go round in circles and are
    no near-duplicates. Attempt i is drawn with seed (seed, i), so asking for more adds to the same questions.

    Paper: Xu et al. 2024, Magpie, arXiv 2406.08464, section 2 (a known idea, not read closely).
    Checked: on SmolLM2-135M-Instruct about 45 of 64 attempts are kept.
    """

    temperature: float = Field(default=1.0, gt=0)
    """How freely questions are drawn."""
    top_p: Fraction = 0.95
    """Draw from the smallest set of tokens that holds this probability."""
    max_tokens: Count = 48
    """Longer questions are given up."""
    min_words: Count = 4
    """Shorter questions are given up."""
    near: Fraction = 0.7
    """Two questions that share this much of their word pairs are one."""
    seed: int = 0
    """Another seed, other questions."""
    attempts: Beside[Count] = 64
    """Attempts at a time."""

    def read(self, languages: Languages) -> Iterator[Row]:
        assert languages.model is not None
        sampling = Sampling(max_tokens=self.max_tokens, temperature=self.temperature, top_p=self.top_p)
        near, lost, first, kept = Near(self.near), Counter[str](), 0, 0
        with paying(languages.model) as engine:
            while True:
                seeds = [seed_of("self_ask", self.seed, i) for i in range(first, first + self.attempts)]
                for answer in engine.answer([Chat(turns=())] * len(seeds), sampling, seeds):
                    reason = self._reason(answer.text, answer.ended, languages, near)
                    if reason:
                        lost[reason] += 1
                        skipped(self.name(), lost)
                        continue
                    kept += 1
                    turn = Turn(role="user", text=answer.text, lang=languages.rich)
                    name = "q-" + digest(answer.text)[:12]
                    yield Row(id=name, lineage=Lineage(question=name, source="self_ask"), payload=Chat(turns=(turn,)))
                first += len(seeds)
                if first >= 1024 and kept < first / 50:
                    raise BadInput(
                        f"the model writes too few usable questions ({kept} of {first} attempts; lost: {dict(lost)}); "
                        "give questions of your own: ask.source='{file: {path: questions.jsonl}}'"
                    )
                progress.note(f"{kept} of {first} attempts kept")

    def check(self, languages: Languages) -> None:
        """The model itself is checked elsewhere, for a template that lets it ask.

        Raises:
            BadInput: there is no model to ask, as where texts by people are wanted.
        """
        if languages.model is None:
            raise BadInput("self_ask gives questions that the run's model writes; give texts by people from a file")

    def _reason(self, text: str, ended: bool, languages: Languages, near: Near) -> str:
        if not ended:
            return "cut"
        if len(words(text)) < self.min_words:
            return "short"
        if loops(text):
            return "loop"
        found, score = language_id.identify(text)
        if found is not None and score > 0.5 and found.alpha3 != languages.rich.alpha3:
            return "wrong_language"
        return "near_duplicate" if near.seen(text) else ""
