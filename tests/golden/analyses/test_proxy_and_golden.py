import pytest
from tiny_analyses import World, engine, table


def test_with_the_oracle_as_teacher_golden_is_proxy(analysed: World):
    for row in table(
        "proxy_and_golden", analysed, oracle=engine(analysed.other), teacher=engine(analysed.other), answers=4
    ).rows:
        assert row["golden"] == row["proxy"] > 1


def test_the_untouched_model_is_at_no_distance_from_itself_and_training_leads_away(analysed: World):
    found = table("proxy_and_golden", analysed, oracle=engine(analysed.other), teacher=engine(analysed.untouched), answers=4)
    for lang in ("eng", "spa"):
        rows = [row for row in found.rows if row["language"] == lang]
        assert [row["step"] for row in rows] == sorted(row["step"] for row in rows)
        assert (rows[0]["step"], rows[0]["loss"], len(rows)) == (0, None, 5)
        assert rows[0]["proxy"] == pytest.approx(0, abs=1e-9)
        assert rows[0]["golden"] > 1
        assert rows[-1]["proxy"] > 0.1
        assert rows[-1]["loss"] < rows[1]["loss"]


def test_what_it_learned_from_are_other_answers_than_those_that_are_fresh(analysed: World):
    from polydistill.analyses._models import answers
    from polydistill.records import split_of

    for split in ("test", "train"):
        rows = answers(analysed.run, 1000, split).rows
        assert {split_of(row.id) for some in rows.values() for row in some} == {split}
    models = {"oracle": engine(analysed.other), "teacher": engine(analysed.untouched), "answers": 4}
    fresh, offline = (table("proxy_and_golden", analysed, **models, split=split).rows[-1] for split in ("test", "train"))
    assert fresh["proxy"] != offline["proxy"]


def test_without_an_oracle_golden_is_what_text_by_people_costs_the_student(analysed: World):
    """The toy language is learned: its held-out text costs less after training, as bits per character say too."""
    from polydistill.analyses._models import of_engine, people, surprise
    from polydistill.component import read_component
    from polydistill.engines import Engine

    held = people(analysed.run, 5)
    assert all(row.prompt == 1 for rows in held.rows.values() for row in rows), "plain text"
    with of_engine(held, read_component(Engine, engine(analysed.untouched))) as model:
        of_texts = surprise(model, held.rows["spa"])
    with read_component(Engine, engine(analysed.untouched)).open() as opened:
        texts = [opened.chat.tokenizer.decode(row.ids[1:]) for row in held.rows["spa"]]
        assert of_texts == pytest.approx([-score for score in opened.score([None] * len(texts), texts)], rel=1e-9)
    spa = [row for row in table("proxy_and_golden", analysed, answers=5).rows if row["language"] == "spa"]
    assert spa[0]["golden"] == pytest.approx(sum(of_texts) / len(of_texts))
    assert spa[-1]["golden"] < 0.9 * spa[0]["golden"]
