"""Which charts a report has, and what they say."""

from tiny_scores import answered, change

from polydistill.evaluators import Score
from polydistill.records import Lang
from polydistill.retain import Candidate, Front, RetainSettings
from polydistill.statistics.evidence import Difference
from polydistill.statistics.margin import Margin
from polydistill.views.charts import Figure
from polydistill.views.figures import candidates, cards, confusions, data, flips, losses, named, rich_kept, stages
from polydistill.views.findings import Change

ENG, SPA, ARB = Lang("eng"), Lang("spa"), Lang("ar")


def test_a_language_has_both_its_names():
    assert (named(SPA), named(ENG)) == ("Spanish · español", "English")


def test_a_card_has_its_languages_by_gain_and_the_headline_leads():
    changes = [
        change("loops", SPA, 0.5, 0.4, (-0.2, 0.0), unit="share", higher_is_better=False),
        change("loops", ARB, 0.5, 0.1, (-0.5, -0.3), unit="share", higher_is_better=False),
        change("qa_bits", SPA, 2.0, 1.0, (-1.2, -0.8), headline=True, note="by people"),
    ]  # fmt: skip
    figures: dict[str, Figure] = {}
    found = cards(changes, figures)
    assert [(card.title, card.notes) for card in found] == [("QA bits", ["Spanish: by people"]), ("loops", [])]
    assert [row[0] for row in figures[found[1].differences].rows] == [
        "Arabic -40.0 points [-50.0, -30.0]", "Spanish -10.0 points [-20.0, +0.0]",
    ]  # fmt: skip
    assert figures[found[0].differences].rows == [("Spanish -50.0 % [-60.0, -40.0]", "-50", "[-60, -40]")]
    # 2.0 +- 1.96 x 0.01
    assert figures[found[0].values].rows[0] == ("Spanish · español", "before", "2", "[1.98, 2.02]")


def test_an_interval_of_a_share_ends_at_its_ends():
    figures: dict[str, Figure] = {}
    (card,) = cards([change("x", SPA, 0.01, 0.99, unit="share")], figures)
    assert [row[3] for row in figures[card.values].rows] == ["[0, 2.96]", "[97.04, 100]"]


def test_the_rich_language_is_drawn_with_its_margin():
    retain = RetainSettings(score="text_bits", worse_by=Margin("2%"))
    figure = rich_kept([change("text_bits_udhr", ENG, 1.5, 1.5, (-0.03, 0.015))], ENG, retain)
    assert figure is not None
    assert '"worst": 2.0' in str(figure.spec).replace("'", '"')  # per cent, on the side of more bits
    assert figure.rows == [("English +0.0 % [-2.0, +1.0]", "+0", "[-2, +1]")]
    assert rich_kept([], ENG, retain) is None


def told(name: str, lang: Lang, *answered_in: str) -> Score:
    of = answered(name, lang, [1.0] * len(answered_in))
    items = tuple(item.model_copy(update={"answered_in": to}) for item, to in zip(of.items, answered_in, strict=True))
    return of.model_copy(update={"items": items})


def test_confusion_has_the_asked_languages_first_and_what_is_no_language_last():
    spa = Change(
        told("language_fidelity_lines", SPA, "spa", "mixed", "glg"), told("language_fidelity_lines", SPA, "spa", "spa", "spa")
    )
    eng = Change(told("language_fidelity_lines", ENG, "eng", "unknown"), told("language_fidelity_lines", ENG, "eng", "eng"))
    found = confusions([spa, eng])
    assert found.keys() == {"answered before", "answered after"}
    assert found["answered before"].columns == ("asked in", "Spanish", "English", "Galician", "mixed", "unknown")
    assert found["answered before"].rows == [("Spanish", "1", "0", "1", "1", "0"), ("English", "0", "1", "0", "0", "1")]
    assert found["answered after"].rows == [("Spanish", "3", "0"), ("English", "0", "2")]


def test_the_identifiers_own_errors_are_drawn_where_they_were_measured():
    found = confusions([Change(*[told("identifier_on_people", SPA, "spa", "glg")] * 2)])
    assert found.keys() == {"identified"}
    assert found["identified"].columns == ("written in", "Spanish", "Galician")


def test_what_the_identifier_cannot_judge_is_said_to_be_not_measurable():
    known, unknown = told("identifier_on_people", SPA, "spa"), told("identifier_on_people", ARB, "arb")
    none = unknown.model_copy(update={"items": (), "n": 0, "value": 0.0})
    found = confusions([Change(known, known), Change(none, none)])
    assert found["identified"].rows == [("Spanish", "1")]
    assert found["identified"].note == "Not measurable: Arabic."
    assert confusions([Change(none, none)]) == {}


def test_what_is_about_the_identifier_has_no_card_and_no_flips():
    one = told("identifier_on_people", SPA, "spa")
    change, figures = Change(one, one), {}
    assert cards([change], figures) == []
    assert (figures, flips([change])) == ({}, (None, {}))


def test_flips_are_counted_and_each_line_leads_to_its_rows():
    figure, lines = flips(
        [Change(answered("capitals", SPA, [0, 0, 1]), answered("capitals", SPA, [1, 0, 0])), change("b", SPA, 1, 2)]
    )
    assert figure is not None
    assert figure.columns == ("", "gained", "lost", "both", "neither")
    assert figure.rows == [("Spanish: capitals", "1", "1", "0", "1")]
    assert lines == {"Spanish: capitals": {"score": "capitals", "lang": "spa"}}
    assert flips([change("b", SPA, 1, 2)]) == (None, {})


def test_the_funnel_has_its_reasons_most_first_and_what_sources_skipped():
    groups = {"rich eng": {"tokens": 70, "wanted": 80}}
    found = data({"rejected": {"loop": 2, "cut_back": 5}, "left out": {"bad_line": 3}, "groups": groups})
    assert found["left out"].rows == [("cut back", "5"), ("bad line", "3"), ("loop", "2")]
    assert found["composition"].rows == [("rich eng", "70", "80")]
    assert data({"rejected": {}, "groups": {}}) == {}


def test_losses_have_a_line_for_each_part_that_was_kept():
    rows = {"target spa": {"answer_tokens": 2, "next_token": 6.0, "near": 2.0}}
    events = [
        {"step": 0, "loss": 4.0, "next_token": 3.0, "near": 1.0, "answer_tokens": 2, "rows": rows, "seconds": 9.0},
        {"step": 1, "loss": 2.0, "next_token": 1.5, "near": 0.5, "answer_tokens": 2, "seconds": 1.0},
    ]
    found = losses(events)
    assert found.keys() == {"losses", "losses by kind"}
    assert found["losses"].rows == [
        ("all", "0", "4", "4"), ("all", "1", "2", "2"), ("next token", "0", "3", "3"), ("next token", "1", "1.5", "1.5"),
        ("near", "0", "1", "1"), ("near", "1", "0.5", "0.5"),
    ]  # fmt: skip
    assert found["losses by kind"].rows == [("target spa", "0", "4", "4")]
    assert "The parts add up to all. Training was stopped, and went on at step 1 (dashed)." in found["losses"].note


def test_losses_of_a_training_that_kept_no_kinds_are_drawn_all_the_same():
    found = losses([{"step": 0, "loss": 3.0}, {"step": 1, "loss": 2.0}])
    assert found.keys() == {"losses"}
    assert found["losses"].rows == [("all", "0", "3", "3"), ("all", "1", "2", "2")]
    assert "stopped" not in found["losses"].note
    assert losses([{"step": 0, "loss": 3.0}]) == {}


def test_time_is_in_minutes():
    assert stages({"train": 90.0}).rows == [("train", "1.5")]


def test_candidates_are_drawn_by_gain_with_the_margin():
    def one(step: int, gain: float, chosen: bool) -> Candidate:
        change = Difference(
            before=1.0, after=1.01, value=0.01, low=0.0, high=0.02, p=0.1, unit="bits per character", n=9, groups=9,
            higher_is_better=False, relative=True, smallest=0.1,
        )  # fmt: skip
        return Candidate(step=step, scale=0.5, targets={SPA: 1.0}, gain=gain, change=change, verdict="kept", chosen=chosen)

    front = Front(
        sentence="x", met=True, step=2, scale=0.5, by="capitals", unit="accuracy", higher_is_better=True, retain="text_bits",
        margin=0.02, candidates=(one(1, 0.1, False), one(2, 0.2, True)),
    )  # fmt: skip
    figure = candidates(front)
    assert figure is not None
    assert [row[0] for row in figure.rows] == [
        "step 2, scale 0.5 (chosen): +20.0 % in the targets", "step 1, scale 0.5: +10.0 % in the targets",
    ]  # fmt: skip
    # In per cent of the value before, of the score to keep: the targets' own score is another, of another direction.
    assert figure.rows[0][1:] == ("+1", "[+0, +2]")
    assert "change in % · ← better" in str(figure.spec)
    assert "'worst': 2.0" in str(figure.spec)
    assert candidates(Front(sentence="x", met=None, step=1, scale=1.0)) is None
