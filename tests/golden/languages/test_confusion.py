from polydistill.evaluators import Item, Score
from polydistill.languages.confusion import matrix
from polydistill.records import Lang

ENG, SPA = Lang("eng"), Lang("spa")


def score(lang, *answered_in, name="language_fidelity_lines"):
    items = tuple(Item(id=str(n), value=None, answered_in=language) for n, language in enumerate(answered_in))
    return Score(
        name=name, lang=lang, value=0, unit="share", higher_is_better=True, n=len(items), standard_error=None, items=items
    )


def test_counts_by_asked_and_answered_language():
    scores = [
        score(ENG, "eng", "eng"),
        score(SPA, "eng", "spa", "mixed", "spa", "", "unknown", "spa"),
        score(SPA, "fra", name="identifier_on_people"),
    ]
    found = matrix(scores)
    assert found == {ENG: {"eng": 2}, SPA: {"spa": 3, "eng": 1, "mixed": 1, "unknown": 1}}
    assert next(iter(found[SPA])) == "spa"
    assert found[SPA][SPA] == 3
    assert matrix(iter(scores), "identifier_on_people") == {SPA: {"fra": 1}}


def test_too_short_answers_alone_are_an_empty_line_and_no_score_is_none():
    assert matrix([score(SPA, "", "")]) == {SPA: {}}
    assert matrix([]) == {}
