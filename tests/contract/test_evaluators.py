"""What every evaluator promises; a new file in evaluators/ is enrolled by itself and needs one entry in EXAMPLES."""

import json
import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from polydistill.component import find, names, read_component, write_component
from polydistill.engines import Answer, OpenEngine, Sampling
from polydistill.evaluators import ABOUT_THE_MEASURE, Evaluator, Score
from polydistill.records import Chat, Lang, Lineage, Row, Turn, canonical, seed_of, split_of
from polydistill.sources import BadInput
from polydistill.statistics.tallies import value

ENG, SPA, KLINGON = Lang("eng"), Lang("spa"), Lang("tlh")
TOPICS = {
    "rivers": "ríos", "bridges": "puentes", "harbours": "puertos", "gardens": "jardines", "mountains": "montañas",
    "libraries": "bibliotecas", "forests": "bosques", "islands": "islas", "windows": "ventanas", "kitchens": "cocinas",
}  # fmt: skip
PAGE = """<page xmlns="http://projectmallard.org/1.0/" id="{id}"><info><desc>{desc}</desc></info>
<title>{title}</title><p>{p}</p></page>"""
HELDOUT = [
    Row(
        id=f"{topic}-{lang}",
        lineage=Lineage(question=topic, author="tiny", translator="" if lang == ENG else "apertium"),
        payload=Chat(turns=(Turn(role="user", text=q, lang=lang), Turn(role="assistant", text=a, lang=lang))),
    )
    for topic, tema in TOPICS.items()
    for lang, q, a in (
        (ENG, f"Why do people like {topic} so much?", f"Most people think that {topic} are beautiful and useful to everyone."),
        (SPA, f"¿Por qué gustan tanto los {tema}?", f"La mayoría de las personas piensa que los {tema} son bellos y útiles."),
    )
]


def pages(tmp: Path) -> dict[str, Any]:
    """Mallard pages of the test split in English and Spanish."""
    for number in [n for n in range(200) if split_of(f"page-guide/p{n}") == "test"][:12]:
        one, other = list(TOPICS.items())[number % 10]
        said = {
            "C": (
                f"About {one} {number}",
                f"How to look after {one} of kind {number}.",
                f"Take care of your {one}, number {number}.",
            ),
            "es": (
                f"Sobre {other} {number}",
                f"Cómo cuidar {other} de tipo {number}.",
                f"Cuide bien sus {other}, número {number}.",
            ),
        }
        for folder, (title, desc, p) in said.items():
            file = tmp / "help" / folder / "guide" / f"p{number}.page"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(PAGE.format(id=f"p{number}", title=title, desc=desc, p=p), "utf-8")
    return {"mallard": {"folder": str(tmp / "help"), "documents": ["guide"]}}


def jsonl(path: Path, rows: Sequence[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return str(path)


def belebele(tmp: Path) -> str:
    rows = [
        {
            "link": "somewhere", "question_number": n, "flores_passage": f"{dialect} passage {n}", "dialect": dialect,
            "question": f"{dialect} question {n}?", "correct_answer_num": str(n % 4 + 1),
            **{f"mc_answer{k}": f"{dialect} option {k} of {n}" for k in range(1, 5)},
        }
        for dialect in ("eng_Latn", "spa_Latn") for n in range(60)
    ]  # fmt: skip
    return jsonl(tmp / "belebele.jsonl", rows)


def mkqa(tmp: Path) -> str:
    rows = [
        {
            "example_id": n,
            "queries": {"en": f"who was it {n}", "es": f"quién fue {n}"},
            "answers": {code: [{"type": "entity", "text": f"Ana {code} {n}", "aliases": []}] for code in ("en", "es")},
        }
        for n in range(5)
    ]  # fmt: skip
    return jsonl(tmp / "mkqa.jsonl", rows)


def xlsum(tmp: Path) -> str:
    said = {"english": ("The news of day {n} are long.", "News {n}."), "spanish": ("Las noticias del día {n}.", "Noticia {n}.")}
    for language, (text, summary) in said.items():
        rows = [{"id": str(n), "text": text.format(n=n), "summary": summary.format(n=n)} for n in range(5)]
        jsonl(tmp / f"{language}_test.jsonl", rows)
    return str(tmp / "{lang}_test.jsonl")


def harness(tmp: Path) -> dict[str, Any]:
    pytest.importorskip("lm_eval")
    for code in ("en", "es"):
        rows = [
            {"question": f"{code} question {n}?", "right": f"{code} one {n}", "wrong": f"{code} two {n}"} for n in range(30)
        ]
        jsonl(tmp / f"quiz_{code}.jsonl", rows)
        said = {
            "task": f"quiz_{code}", "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": f"quiz_{code}.jsonl"}},
            "test_split": "test", "output_type": "multiple_choice", "doc_to_text": "{{question}}",
            "doc_to_choice": "{{[right, wrong]}}", "doc_to_target": 0,
            "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
        }  # fmt: skip
        (tmp / f"quiz_{code}.yaml").write_text(json.dumps(said), "utf-8")  # JSON is YAML
    return {"tasks": ["quiz_{lang}"], "folder": str(tmp)}


EXAMPLES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "capitals": lambda tmp: {},
    "documentation_qa": lambda tmp: {"pages": pages(tmp)},
    "harness": harness,
    "language_fidelity": lambda tmp: {},
    "loops": lambda tmp: {},
    "machine_translation_fit": lambda tmp: {},
    "multiple_choice": lambda tmp: {"path": belebele(tmp)},
    "short_answer": lambda tmp: {"path": mkqa(tmp)},
    "summaries": lambda tmp: {"path": xlsum(tmp)},
    "text_bits": lambda tmp: {},
    "translation": lambda tmp: {"pairs": pages(tmp)},
}
"""How to build each evaluator for these tests, so that it has items in English and Spanish."""

CHANCE: dict[str, tuple[float, float]] = {
    "quiz_acc": (0.2, 0.8),
    "capitals_choice": (0.15, 0.35), "capitals_generated": (0, 0), "multiple_choice_plain": (0.05, 0.45),
    "multiple_choice_by_length": (0.05, 0.45), "multiple_choice_by_prior": (0.05, 0.45), "short_answer_exact": (0, 0),
    "short_answer_f1": (0, 0), "language_fidelity_lines": (0, 0), "language_fidelity_accuracy": (0, 0),
    "identifier_on_people": (0.9, 1),
    "looping_answers": (1, 1), "unfinished_answers": (1, 1), "fit_to_machine_translation_chrf": (0, 10),
}  # fmt: skip
"""Where a model that knows nothing ends up; a score that is not here is either in bits (8 or more) or an overlap (under 5)."""


class Watched(OpenEngine):
    """Counts calls; what it says is up to its subclass."""

    template = "none"

    def __init__(self) -> None:
        self.answered: list[Sequence[Chat]] = []
        self.scored: list[tuple[Sequence[Chat | None], Sequence[str]]] = []

    def answer(self, chats: Sequence[Chat], sampling: Sampling, seeds: Any = None) -> list[Answer]:
        self.answered.append(chats)
        return [self.says(chat) for chat in chats]

    def score(self, chats: Sequence[Chat | None], texts: Sequence[str]) -> list[float]:
        assert len(chats) == len(texts)
        self.scored.append((chats, texts))
        return [self.nats(chat, text) for chat, text in zip(chats, texts, strict=True)]

    def room(self, chats: Sequence[Chat]) -> list[int]:
        return [1000 for _ in chats]

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    @abstractmethod
    def says(self, chat: Chat) -> Answer:
        """What is answered."""

    @abstractmethod
    def nats(self, chat: Chat | None, text: str) -> float:
        """The score."""


class Rubbish(Watched):
    """Every byte equally likely, give or take; goes round in circles in Finnish and never ends."""

    def says(self, chat: Chat) -> Answer:
        return Answer("vielä kerran sama vanha juttu ja " * 8, False)

    def nats(self, chat: Chat | None, text: str) -> float:
        noise = seed_of(chat.model_dump_json() if chat else "", text) % 1000 / 100
        return -8 * math.log(2) * len(text.encode()) - noise


class Perfect(Watched):
    """Says what the reference says, and is sure of it."""

    def __init__(self, references: dict[str, str]):
        super().__init__()
        self.references = references | {row.payload.question.text: row.payload.answer.text for row in HELDOUT}  # type: ignore

    def says(self, chat: Chat) -> Answer:
        return Answer(self.references[chat.question.text], True)

    def nats(self, chat: Chat | None, text: str) -> float:
        return 0.0 if chat is None or self.references[chat.question.text] == text else -1000.0


@pytest.fixture(params=names("evaluators"))
def evaluator(request: pytest.FixtureRequest, tmp_path: Path) -> Evaluator:
    if request.param not in EXAMPLES:
        pytest.fail(f"evaluators/{request.param}.py is new: say in EXAMPLES how to build it for these tests")
    return find("evaluators", request.param)(**EXAMPLES[request.param](tmp_path))  # type: ignore[return-value]


def test_every_example_is_an_evaluator() -> None:
    assert set(EXAMPLES) == set(names("evaluators"))


def rubbish(evaluator: Evaluator) -> list[Score]:
    return evaluator(Rubbish(), [ENG, SPA], HELDOUT)


def test_scores_are_whole(evaluator: Evaluator) -> None:
    scores = rubbish(evaluator)
    assert {score.lang for score in scores} == {ENG, SPA}
    assert len({(score.name, score.lang) for score in scores}) == len(scores)
    for score in scores:
        counted = [item for item in score.items if item.value is not None]
        assert score.unit
        assert score.n == len(counted) >= 2
        assert len({item.id for item in score.items}) == len(score.items)
        assert score.standard_error is not None
        assert score.standard_error >= 0
        assert all(item.prompt or item.reference for item in score.items)


class Mixed(Rubbish):
    """Says now this, now that, in English and Spanish."""

    def says(self, chat: Chat) -> Answer:
        number = seed_of(chat.model_dump_json())
        row = HELDOUT[number % len(HELDOUT)].payload
        return Answer(f"{row.answer.text} {number}", number % 3 > 0)  # type: ignore[union-attr]


@pytest.mark.parametrize("engine", [Rubbish, Mixed])
def test_the_items_make_the_score(evaluator: Evaluator, engine: type[Watched]) -> None:
    """So that resampled items make another."""
    for score in evaluator(engine(), [ENG, SPA], HELDOUT):
        assert value(score) == pytest.approx(score.value, rel=0, abs=1e-9), score.name


def test_it_says_beforehand_how_many_items_it_has(evaluator: Evaluator) -> None:
    sizes, scores = evaluator.sizes([ENG, SPA]), rubbish(evaluator)
    for name, (unit, most) in sizes.items():
        same = [score for score in scores if score.name == name] or [s for s in scores if s.name.startswith(f"{name}_")]
        shares = ("share", "accuracy")
        assert all(len(score.items) <= most for score in same), name
        assert all(score.unit == unit or {score.unit, unit} <= {*shares} for score in same), name
    assert sizes


def test_rubbish_is_at_chance(evaluator: Evaluator) -> None:
    for score in rubbish(evaluator):
        low, high = CHANCE.get(score.name, (8.0, math.inf) if "bits" in score.unit else (0.0, 5.0))
        assert low <= score.value <= high, score.name


def test_perfect_answers_give_the_best_value(evaluator: Evaluator) -> None:
    references = {item.prompt: item.reference for score in rubbish(evaluator) for item in score.items if item.reference}
    for score in evaluator(Perfect(references), [ENG, SPA], HELDOUT):
        if score.name in ABOUT_THE_MEASURE:
            continue
        best = 0.0 if not score.higher_is_better else 1.0 if score.unit in ("share", "accuracy") else 100.0
        assert score.value == pytest.approx(best), score.name


def test_only_bits_of_human_answers_are_a_headline(evaluator: Evaluator) -> None:
    assert {score.name for score in rubbish(evaluator) if score.headline} <= {"documentation_qa_bits"}


def test_before_and_after_are_measured_on_the_same_items(evaluator: Evaluator) -> None:
    before = rubbish(evaluator)
    references = {item.prompt: item.reference for score in before for item in score.items if item.reference}
    after = evaluator(Perfect(references), [ENG, SPA], iter(HELDOUT))
    assert [(s.name, s.lang, [i.id for i in s.items]) for s in before] == [
        (s.name, s.lang, [i.id for i in s.items]) for s in after
    ]


def test_a_language_without_items_has_no_score(evaluator: Evaluator) -> None:
    if evaluator.name() in ("documentation_qa", "translation"):  # a source without a language's pages says so itself
        with pytest.raises(BadInput, match="has no pages in Klingon"):
            evaluator(Rubbish(), [ENG, KLINGON], HELDOUT)
        return
    if evaluator.name() == "harness":  # so does the task list
        with pytest.raises(BadInput, match="has no Klingon"):
            evaluator(Rubbish(), [ENG, KLINGON], HELDOUT)
        return
    if evaluator.name() == "summaries":  # so does a file of its own for each language
        with pytest.raises(FileNotFoundError, match="Klingon"):
            evaluator(Rubbish(), [ENG, KLINGON], HELDOUT)
        return
    assert {score.lang for score in evaluator(Rubbish(), [ENG, KLINGON], HELDOUT)} == {ENG}


def test_the_model_is_asked_in_one_go(evaluator: Evaluator) -> None:
    engine = Rubbish()
    evaluator(engine, [ENG, SPA], HELDOUT)
    assert len(engine.scored) <= 2
    assert len(engine.answered) <= 2
    for chats, texts in engine.scored:
        assert len({(id(chat), text) for chat, text in zip(chats, texts, strict=True)}) == len(texts)
        # What one question is scored with comes as one chat, so that an engine can encode it once.
        assert len({id(chat) for chat in chats}) == len({chat and chat.model_dump_json() for chat in chats})


def test_an_evaluator_survives_yaml(evaluator: Evaluator) -> None:
    again = read_component(Evaluator, write_component(evaluator))
    assert again == evaluator
    assert canonical(again.identity()) == canonical(evaluator.identity())


def test_check_needs_no_model(evaluator: Evaluator) -> None:
    evaluator.check([ENG, SPA])
    assert json.dumps(evaluator.about()) is not None
