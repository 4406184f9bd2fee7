import pytest

from polydistill.component import find
from polydistill.evaluators import ABOUT_THE_MEASURE
from polydistill.languages.confusion import matrix
from polydistill.records import Lang, Lineage, Row, Text
from polydistill.sources import BadInput

LanguageFidelity = find("evaluators", "language_fidelity")
ENG, SPA, RUS, THA = Lang("eng"), Lang("spa"), Lang("rus"), Lang("tha")
SPANISH = "La casa de mi abuela está cerca del río y tiene un jardín muy bonito."
ENGLISH = "The house of my grandmother is close to the river and has a nice garden."
RUSSIAN = "Дом моей бабушки стоит рядом с рекой, и у него очень красивый сад."


def measure(tools, answers, lang, **settings):
    said = {f"q{number}": answer for number, answer in enumerate(answers)}
    rows = [tools.asked(question, "x", lang) for question in said]
    scores = LanguageFidelity(**settings)(tools.Scripted(says=said.get), [Lang(lang)], rows)
    return {score.name: score for score in scores}


def test_a_language_has_pass_rates_and_the_identifiers_own(tools):
    found = measure(tools, [SPANISH, ENGLISH], "spa")
    assert set(found) == {"language_fidelity_lines", "language_fidelity_accuracy", *ABOUT_THE_MEASURE}
    assert found["language_fidelity_lines"].value == 0.5
    assert found["identifier_on_people"].value > 0.97


def test_asked_against_answered(tools):
    said = {"q0": SPANISH, "q1": ENGLISH, "q2": f"{SPANISH}\n{ENGLISH}", "q3": "Sí.", "e0": ENGLISH}
    rows = [tools.asked(question, "x", "eng" if question == "e0" else "spa") for question in said]
    scores = LanguageFidelity()(tools.Scripted(says=said.get), [ENG, SPA], rows)
    assert matrix(scores) == {ENG: {"eng": 1}, SPA: {"spa": 1, "eng": 1, "mixed": 1}}
    for score in scores:
        if score.name == "language_fidelity_lines":
            assert matrix(scores)[score.lang][score.lang] == sum(item.value or 0 for item in score.items)


def test_nothing_long_enough_is_no_rate(tools):
    assert set(measure(tools, ["Sí.", ""], "spa")) == set(ABOUT_THE_MEASURE)


def test_a_language_the_identifier_does_not_know_has_only_the_warning(tools):
    found = measure(tools, [SPANISH], "tlh")
    assert set(found) == set(ABOUT_THE_MEASURE)
    assert "not measurable" in found["identifier_on_people"].warning


def test_a_language_without_text_by_people_says_that_the_identifier_was_not_tried(tools):
    found = measure(tools, ["มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกัน"], "tha")
    assert "identifier_on_people" not in found
    assert "no text by people to try lid.176 on" in found["language_fidelity_lines"].note


def test_the_identifier_is_tried_on_texts_of_ones_own(tools):
    payload = Text(text="มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกัน", lang=THA)
    texts = tools.Given(rows=(Row(id="a", lineage=Lineage(question="a"), payload=payload),))
    rows = [tools.asked("q", "x", "tha")]
    scores = LanguageFidelity.model_construct(texts=texts)(tools.Scripted(says=lambda _: ""), [THA], rows)
    assert [(score.name, score.value, {item.group[:2] for item in score.items}) for score in scores] == [
        ("identifier_on_people", 1, {"a/"})
    ]


def test_asked_in_the_rich_language_for_an_answer_in_the_target(tools):
    engine = tools.Scripted(says=lambda question: SPANISH if "Spanish" in question else ENGLISH)
    rows = [tools.asked("Where does she live?", "x", "eng"), tools.asked("¿Dónde vive?", "x", "spa")]
    scores = {(score.name, score.lang): score for score in LanguageFidelity(asked_from_rich=True)(engine, [ENG, SPA], rows)}
    asked = scores["language_fidelity_asked_from_eng_lines", SPA]
    assert asked.value == 1
    assert asked.items[0].prompt.startswith("Where does she live? ")
    assert scores["language_fidelity_lines", SPA].value == 0
    assert ("language_fidelity_asked_from_eng_lines", ENG) not in scores
    assert len(engine.sampling) == 1
    assert len(engine.asked) == 3


def test_no_question_in_the_rich_language_is_no_score_from_it(tools):
    assert "language_fidelity_asked_from_spa_lines" not in measure(tools, [SPANISH], "spa", asked_from_rich=True)


def test_words_come_from_the_list(tools, tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("garden\nof\nParis\nriver\n", "utf-8")
    answers = [RUSSIAN, RUSSIAN.replace("сад", "garden"), RUSSIAN.replace("сад", "of Paris"), ENGLISH]
    found = measure(tools, answers, "rus", english_words=words)
    # 'of' is too short and 'Paris' no small letters: of three answers with every line right, one has an English word.
    assert found["language_fidelity_words"].value == pytest.approx(2 / 3)
    assert found["language_fidelity"].combine == "harmonic"


def test_a_missing_list_is_found_early_and_its_content_is_identity(tmp_path):
    words = tmp_path / "words.txt"
    evaluator = LanguageFidelity(english_words=words)
    with pytest.raises(FileNotFoundError, match=r"words\.txt"):
        evaluator.check([ENG])
    words.write_text("garden\n", "utf-8")
    before = evaluator.identity()
    words.write_text("river\n", "utf-8")
    assert evaluator.identity() != before
    words.write_text("", "utf-8")
    with pytest.raises(BadInput, match="empty"):
        evaluator.check([RUS])


def test_an_identifier_of_ones_own(tools, glotlid):
    found = measure(tools, [SPANISH, ENGLISH], "spa", identifier=glotlid)
    assert found["language_fidelity_lines"].value == 0.5
    assert {item.id: item.answered_in for item in found["language_fidelity_lines"].items} == {"q0": "spa", "q1": "eng"}
    assert "model.bin recognises" in found["identifier_on_people"].note


def test_an_identifiers_file_is_found_early_and_its_content_is_identity(glotlid):
    missing = glotlid.with_name("modell.bin")
    with pytest.raises(FileNotFoundError, match=r"model\.bin"):
        LanguageFidelity(identifier=missing).check([ENG])
    evaluator = LanguageFidelity(identifier=glotlid)
    evaluator.check([ENG])
    before = evaluator.identity()
    assert before != LanguageFidelity().identity()
    glotlid.write_bytes(glotlid.read_bytes() + b"\0")
    assert evaluator.identity() != before
    glotlid.write_bytes(b"PICKLE" * 10)
    with pytest.raises(BadInput, match="no fastText model"):
        evaluator.check([ENG])
