from math import nan

import pytest
from pydantic import ValidationError

from polydistill.component import find
from polydistill.evaluators._countries import countries
from polydistill.records import Lang

Capitals = find("evaluators", "capitals")
ENG, SPA, HIN = Lang("eng"), Lang("spa"), Lang("hin")


def test_four_cities_after_one_question(tools):
    engine = tools.Scripted()
    choice, generated = Capitals(items=20, generated=5)(engine, [SPA], [])
    assert len(engine.scored) == 80
    for at in range(0, 80, 4):
        chats, cities = zip(*engine.scored[at : at + 4], strict=True)
        assert len({id(chat) for chat in chats}) == 1
        assert len(set(cities)) == 4
        assert choice.items[at // 4].reference == cities[0]
    assert (choice.name, choice.n, generated.name, generated.n) == ("capitals_choice", 20, "capitals_generated", 5)
    assert engine.scored[0][0].question.text.startswith("¿Qué ciudad es la capital de este país: ")


def test_equal_likelihood_per_token_is_chance(tools):
    choice, _ = Capitals(items=30)(tools.Scripted(nats=lambda q, t: -3.0 * len(t.split())), [ENG], [])
    assert choice.value == 0.25
    choice, _ = Capitals(items=30)(tools.Scripted(nats=lambda q, t: -3.0), [ENG], [])
    assert choice.value != 0.25  # names of several words are likelier by the token


def test_a_country_with_a_city_that_has_no_likelihood_has_failed(tools):
    lost, kept = Capitals(items=30)(tools.Scripted(), [ENG], [])[0].items[:2]
    engine = tools.Scripted(nats=lambda q, t: nan if q == lost.prompt and t == lost.reference else -3.0)
    choice, _ = Capitals(items=30)(engine, [ENG], [])
    assert (choice.n, len(choice.items)) == (29, 30)
    first, second = choice.items[:2]
    assert (first.id, first.value, first.answer) == (lost.id, None, "")
    assert second.value is not None
    assert second.id == kept.id
    assert choice.warning == f"1 of 30 items failed, as the model gives an option no finite likelihood: {lost.id}"


def test_a_name_counts_in_either_language_whatever_its_accents(tools):
    countries_asked = {}
    Capitals(items=300, generated=300)(
        tools.Scripted(says=lambda q: countries_asked.setdefault(q.rsplit(": ", 1)[1].rstrip("?"), "") or ""), [SPA], []
    )
    assert {"Japón", "Austria", "Colombia"} <= countries_asked.keys()
    answers = {"Japón": "Es TOKIO.", "Austria": "Vienna, I think", "Colombia": "bogota", "Noruega": "Oslos", "China": "Pekin!"}
    engine = tools.Scripted(says=lambda q: answers.get(q.rsplit(": ", 1)[1].rstrip("?"), ""))
    _, generated = Capitals(items=300, generated=300)(engine, [SPA], [])
    hits = {item.id: item.value for item in generated.items}
    assert (hits["JP"], hits["AT"], hits["CO"], hits["NO"], hits["CN"], hits["FR"]) == (1, 1, 1, 0, 1, 0)


def test_the_same_countries_in_every_language_and_180_by_default(tools):
    scores = Capitals()(tools.Scripted(), [ENG, SPA, Lang("por"), Lang("epo")], [])
    assert [score.n for score in scores] == [180, 60] * 4
    assert len({tuple(item.id for item in score.items) for score in scores}) == 2
    assert (
        len(countries([Lang(code) for code in ["eng", "spa", "cat", "glg", "epo", "swa", "por", "fra", "deu", "ita"]])) >= 190
    )


def test_a_language_needs_a_question_or_is_given_one(tools):
    assert Capitals()(tools.Scripted(), [HIN], []) == []
    choice, _ = Capitals(questions={"hi": "{country} की राजधानी?"}, items=200)(tools.Scripted(), [HIN], [])
    assert "जापान की राजधानी?" in {item.prompt for item in choice.items}
    with pytest.raises(ValidationError, match=r"must hold \{country\}"):
        Capitals(questions={"hin": "राजधानी?"})


def test_no_more_are_named_than_are_chosen():
    assert Capitals(items=30).sizes([ENG]) == {"capitals_choice": ("accuracy", 30), "capitals_generated": ("accuracy", 30)}
    assert Capitals().sizes([ENG])["capitals_generated"] == ("accuracy", 60)
