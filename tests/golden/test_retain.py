"""The best candidate within what a language may lose."""

from collections.abc import Mapping

import pytest
from pydantic import ValidationError
from tiny_rows import CAT, ENG, SPA

from polydistill.evaluators import Item, Score
from polydistill.records import Lang
from polydistill.retain import Front, Point, RetainSettings, Rule, front, improvement, named
from polydistill.sources import BadInput

SPREAD = [0.0, 0.2, -0.1, 0.05, -0.15, 0.1, -0.05, 0.15, -0.2, 0.0]


def score(
    value: float, lang: Lang = ENG, name: str = "text_bits_toy", unit: str = "bits per character", higher: bool = False,
    noise: float = 0.01,
) -> Score:  # fmt: skip
    """A mean of ten items around a value; the more they differ the wider the intervals of changes."""
    items = tuple(Item(id=str(at), value=value * (1 + noise * part)) for at, part in enumerate(SPREAD))
    return Score(
        name=name, lang=lang, value=value, unit=unit, higher_is_better=higher, n=len(items), standard_error=None, items=items
    )


def rule(worse_by: str | None = "2%", **changed: object) -> Rule:
    retain = None if worse_by is None else RetainSettings(score="text_bits", worse_by=worse_by)
    return Rule(by="text_bits", targets=(SPA, CAT), language=ENG, retain=retain)._replace(**changed)


def chosen(measured: Mapping[Point, tuple[float, float]], by: Rule | None = None, noise: float = 0.01) -> Front:
    """Of candidates with (bits in Spanish, bits in English); the untouched model has 4 and 2."""
    return front(
        by or rule(), [score(2.0), score(4.0, SPA)],
        {point: [score(rich, noise=noise), score(target, SPA)] for point, (target, rich) in measured.items()},
    )  # fmt: skip


# The scores that are meant


@pytest.mark.parametrize(
    ("given", "known", "meant"),
    [
        ("text_bits", ["text_bits_docs", "loops"], "text_bits_docs"),
        ("text_bits_docs", ["text_bits_docs"], "text_bits_docs"),
        ("language_fidelity", ["language_fidelity", "language_fidelity_lines"], "language_fidelity"),
    ],
)
def test_a_score_is_named_by_its_name_or_by_the_beginning_of_one_alone(given: str, known: list[str], meant: str):
    assert named(given, known, "choose.by") == meant


@pytest.mark.parametrize(
    ("given", "known", "said"),
    [
        ("text_bits", ["text_bits_b", "text_bits_a"], "by: 'text_bits' may be text_bits_a or text_bits_b; give one of them"),
        ("text_bit", ["text_bits_a", "loops"], "by: no score named 'text_bit' is measured; did you mean text_bits_a?"),
        ("zzz", ["capitals", "loops"], "by: no score named 'zzz' is measured; measured are capitals, loops"),
        ("zzz", [], "by: no score named 'zzz' is measured; measured are none"),
    ],
)
def test_any_other_name_is_refused_with_what_there_is(given: str, known: list[str], said: str):
    with pytest.raises(BadInput) as refused:
        named(given, known, "by")
    assert str(refused.value) == said


def test_a_score_without_items_in_the_language_is_refused():
    with pytest.raises(BadInput, match=r"text_bits_toy has no items in Catalan \(cat\), only in eng; give another score, or "):
        rule(language=CAT).keeps([score(1.0)])
    with pytest.raises(BadInput, match=r"choose\.by: text_bits_toy has no items in spa, cat"):
        rule().aims([score(1.0)])
    assert list(rule().aims([score(1.0), score(2.0, SPA)])) == [SPA], "a target without items is left out"


def test_nothing_need_be_kept():
    assert rule(None).keeps([score(1.0)]) == []


def test_a_margin_is_stated_in_per_cent_or_points():
    assert RetainSettings.model_validate({"score": "a", "worse_by": "2%"}).model_dump(mode="json")["worse_by"] == "2%"
    with pytest.raises(ValidationError, match="worse_by"):
        RetainSettings.model_validate({"score": "a", "worse_by": "a little"})


# By hand


def test_improvement_is_the_mean_over_the_targets_of_the_relative_one():
    before = {SPA: score(4.0, SPA), CAT: score(2.0, CAT)}
    assert improvement(before, {SPA: score(3.0, SPA), CAT: score(2.2, CAT)}) == pytest.approx((0.25 - 0.1) / 2)


def test_improvement_of_what_is_better_higher():
    def found(spanish: float, catalan: float) -> dict[Lang, Score]:
        return {lang: score(value, lang, higher=True) for lang, value in ((SPA, spanish), (CAT, catalan))}

    assert improvement(found(0.2, 0.4), found(0.3, 0.3)) == pytest.approx((0.5 - 0.25) / 2)
    # Nothing is a part of 0, so shares are compared as they are.
    assert improvement(found(0.0, 0.4), found(0.3, 0.3)) == pytest.approx((0.3 - 0.1) / 2)


def test_the_best_that_keeps_the_language_is_chosen():
    found = chosen({Point(9, 1.0): (2.0, 2.2), Point(9, 0.6): (3.0, 2.02), Point(9, 0.3): (3.5, 2.0)})
    assert (found.step, found.scale, found.met) == (9, 0.6, True)
    assert [(one.scale, one.verdict, one.chosen) for one in found.candidates] == [
        (0.3, "kept", False), (0.6, "kept", True), (1.0, "lost", False),
    ]  # fmt: skip
    assert [one.gain for one in found.candidates] == pytest.approx([0.125, 0.25, 0.5])
    assert found.sentence == (
        "Chosen: step 9, scale 0.6, the best in spa by text_bits_toy of the 2 of 3 that keep English within 2% (text_bits_toy)."
    )
    assert (found.by, found.retain, found.language, found.worse_by) == ("text_bits_toy", "text_bits_toy", ENG, "2%")
    assert found.margin == pytest.approx(0.04)
    last = found.candidates[2].change
    assert last is not None
    assert last.value == pytest.approx(0.2)
    assert last.low < 0.2 < last.high
    assert found.untouched is not None
    assert (found.untouched.targets, found.untouched.gain) == ({SPA: 4.0}, 0.0)


def test_what_is_not_shown_to_be_kept_is_not_chosen():
    """Its loss is within the margin, but its interval is not."""
    found = chosen({Point(1, 0.5): (3.0, 2.03), Point(1, 0.1): (3.9, 1.9)}, noise=2.0)
    assert [one.verdict for one in found.candidates] == ["not shown", "not shown"]
    assert found.met is False


def test_where_none_keeps_it_the_one_least_far_beyond_is_chosen_and_that_is_said():
    found = chosen({Point(9, 1.0): (1.0, 3.0), Point(9, 0.5): (3.0, 2.2), Point(5, 1.0): (2.0, 2.5)})
    assert (found.step, found.scale, found.met) == (9, 0.5, False)
    assert found.sentence == (
        "None of 3 is shown to keep English within 2% (text_bits_toy); chosen all the same is the one least far beyond: "
        "step 9, scale 0.5."
    )


def test_least_far_beyond_of_what_is_better_higher():
    def some(value: float) -> list[Score]:
        return [score(value, lang, "capitals", "accuracy", higher=True) for lang in (ENG, SPA)]

    asked = rule(by="capitals", retain=RetainSettings(score="capitals", worse_by="2 points"))
    found = front(asked, some(0.8), {Point(1, 1.0): some(0.2), Point(1, 0.5): some(0.6)})
    assert (found.scale, found.met) == (0.5, False)
    assert found.margin == pytest.approx(0.02)


UNTOUCHED = "The student is the untouched model"


def test_the_untouched_model_is_said_to_be_the_student_where_nothing_else_keeps_the_language():
    found = chosen({Point(9, 1.0): (1.0, 3.0), Point(9, 0.5): (3.0, 2.2), Point(9, 0.0): (4.0, 2.0)})
    assert (found.scale, found.met) == (0.0, True)
    assert found.unchanged == f"{UNTOUCHED}: no other candidate is shown to keep English within 2%."
    assert found.sentence.endswith(f"of the 1 of 3 that keep English within 2% (text_bits_toy). {found.unchanged}")


def test_the_untouched_model_is_said_to_be_the_student_where_the_others_are_worse():
    found = chosen({Point(9, 0.5): (5.0, 2.0), Point(9, 0.0): (4.0, 2.0)})
    assert (found.scale, found.unchanged) == (0.0, f"{UNTOUCHED}.")
    assert found.sentence.endswith(f"of the 2 of 2 that keep English within 2% (text_bits_toy). {UNTOUCHED}.")
    nothing_kept = chosen({Point(9, 0.5): (5.0, 2.0), Point(9, 0.0): (4.0, 2.0)}, rule(None))
    assert nothing_kept.sentence == f"Chosen: step 9, scale 0, the best of 2 in spa by text_bits_toy. {UNTOUCHED}."
    assert Front.alone(Point(4, 0.0)).sentence == f"One candidate alone: step 4, scale 0. {UNTOUCHED}."


def test_a_trained_student_is_not_called_untouched():
    assert chosen({Point(9, 0.5): (3.0, 2.0), Point(9, 0.0): (4.0, 2.0)}).unchanged == ""


def test_of_equals_it_is_the_larger_scale_then_the_later_checkpoint():
    same = (3.0, 2.0)
    found = chosen({Point(1, 0.5): same, Point(2, 0.5): same, Point(1, 1.0): same, Point(2, 1.0): same})
    assert (found.step, found.scale) == (2, 1.0)
    found = chosen({Point(3, 0.5): same, Point(1, 1.0): same})
    assert (found.step, found.scale) == (1, 1.0)


def test_without_a_promise_the_best_in_the_targets_is_chosen():
    found = chosen({Point(9, 1.0): (2.0, 9.0), Point(9, 0.5): (3.0, 2.0)}, rule(None))
    assert (found.scale, found.met, found.retain) == (1.0, None, "")
    assert found.sentence == "Chosen: step 9, scale 1, the best of 2 in spa by text_bits_toy."
    assert found.candidates[0].change is None


def test_it_is_written_and_read_back():
    found = chosen({Point(9, 1.0): (2.0, 2.2), Point(9, 0.6): (3.0, 2.0)})
    assert Front.model_validate_json(found.model_dump_json()) == found
    assert Front.alone(Point(4, 1.0)).sentence == "One candidate alone: step 4, scale 1."
