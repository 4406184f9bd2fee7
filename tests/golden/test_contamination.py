"""Test items that stand in the training text."""

import time
from collections.abc import Iterator

import pytest
import sacrebleu
from tiny_rows import ENG, SPA

from polydistill.contamination import clean, contaminated
from polydistill.evaluators import Item, Score, mean
from polydistill.records import Chat, Lang, Lineage, Parallel, Row, Text, Turn

TEN = "a river of ten words flows past the old mill"
HAN = "今天天气很好我们一起去公园散步吧明天也去那里"


def score(*items: Item, name: str = "x", lang: Lang = ENG, combine: str = "mean") -> Score:
    return Score(
        name=name, lang=lang, value=0.5, unit="share", higher_is_better=True, n=len(items), standard_error=None,
        combine=combine, items=items,
    )  # fmt: skip


def text(said: str, rejected: str = "") -> Row:
    return Row(id=said, lineage=Lineage(question="q"), payload=Text(text=said, lang=ENG), rejected=rejected)


def found(*rows: Row, n: int = 10, items: tuple[Item, ...]) -> list[str]:
    return contaminated(iter(rows), [score(*items)], n)["x", ENG]


PROMPT, REFERENCE, OTHER = (
    Item(id="p", value=1, prompt=f"Where? {TEN}."),
    Item(id="r", value=1, reference=TEN.upper()),
    Item(id="o", value=1, prompt="Something else that nobody has ever written down before in here", answer=TEN),
)


def test_prompts_and_references_are_looked_at_and_answers_are_not():
    assert found(text(f"Once {TEN}, they say"), items=(PROMPT, REFERENCE, OTHER)) == ["p", "r"]


def test_a_run_has_ten_words():
    nine = TEN.rsplit(" ", 1)[0]
    assert found(text(f"{nine} and goes on to the sea"), items=(REFERENCE,)) == []
    assert found(text(nine), n=9, items=(REFERENCE,)) == ["r"]


def test_in_scripts_without_spaces_a_run_has_twenty_characters():
    item = Item(id="h", value=1, reference=HAN)
    assert len(HAN) == 22
    assert found(text(f"他说{HAN[:20]}"), items=(item,)) == ["h"]
    assert found(text(f"他说{HAN[:19]}呢"), items=(item,)) == []
    short = Item(id="s", value=1, reference="今天天气很好。")
    assert found(text("今天天气很好"), items=(short,)) == ["s"]
    assert found(text("天天今好很气"), items=(short,)) == []


def test_a_text_shorter_than_a_run_is_compared_whole():
    items = (
        Item(id="same", value=1, reference="Buscar notas."),
        Item(id="near", value=1, reference="Add and edit a Microsoft account"),
        Item(id="far", value=1, reference="Add and remove an account"),
        Item(id="within", value=1, reference="a river of words"),
    )
    rows = (text("buscar notas"), text("Add and edit a Microsoft Exchange account"), text("I saw a river of words, they say"))
    assert found(*rows, items=items) == ["same", "near"]


def test_a_short_prompt_is_found_by_equal_words_alone():
    items = (
        Item(id="spain", value=1, prompt="What is the capital city of Spain, please?", reference="Madrid"),
        Item(id="peru", value=1, prompt="What is the capital city of Peru, please?", reference="Lima"),
    )
    assert found(text("What is the capital city of Peru please"), items=items) == ["peru"]


def test_a_single_word_tells_nothing():
    assert (
        found(text("yes"), text("18"), items=(Item(id="y", value=1, reference="Yes."), Item(id="n", value=1, reference="18")))
        == []
    )


def test_thousands_of_short_items_take_no_time():
    items = tuple(Item(id=str(at), value=1, reference=f"how to open window {at}") for at in range(5000))
    rows = [text(f"how to close window {at} again") for at in range(5000)] + [text("Open: how to window 77?")]
    started = time.process_time()
    assert found(*rows, items=items) == ["77"]
    assert time.process_time() - started < 5


def test_every_text_of_every_kind_of_row_counts_and_rejected_rows_do_not():
    def turn(role, said):
        return Turn(role=role, text=said, lang=SPA)

    pair = Parallel(source="x", target=TEN, source_lang=ENG, target_lang=SPA)
    for payload in (Chat(turns=(turn("user", "?"), turn("assistant", TEN))), Chat(turns=(turn("user", TEN),)), pair):
        assert found(Row(id="r", lineage=Lineage(), payload=payload), items=(REFERENCE,)) == ["r"]
    assert found(text(TEN, rejected="looping"), items=(REFERENCE,)) == []


def test_each_score_has_its_own_items():
    scores = [score(REFERENCE, OTHER), score(OTHER, lang=SPA), score(PROMPT, name="y")]
    assert contaminated([text(TEN)], scores) == {("x", ENG): ["r"], ("x", SPA): [], ("y", ENG): ["p"]}


def test_rows_are_read_once():
    read = []

    def rows() -> Iterator[Row]:
        for number in range(3):
            read.append(number)
            yield text(f"{number} {TEN}")

    assert contaminated(rows(), [score(REFERENCE)])["x", ENG] == ["r"]
    assert read == [0, 1, 2]


def test_a_mean_over_the_clean_items():
    items = [Item(id=str(at), value=v) for at, v in enumerate([1.0, 0.0, 0.2, 0.4, None])]
    left = clean(score(*items), ["0"])
    assert (left.value, left.n, [item.id for item in left.items]) == (pytest.approx(0.2), 3, ["1", "2", "3", "4"])
    # The bootstrap's has no n - 1 in it.
    assert left.standard_error == pytest.approx(mean([0.0, 0.2, 0.4])[1] * (2 / 3) ** 0.5, rel=0.1)


def test_a_corpus_score_is_scored_anew():
    said = [("the cat sat", "the cat sits"), ("a dog", "a dog runs"), ("it rains", "it is raining")]
    items = [Item(id=str(at), value=0, answer=a, reference=r) for at, (a, r) in enumerate(said)]
    left = clean(score(*items, combine="chrf"), {"1"})
    direct = sacrebleu.corpus_chrf(["the cat sat", "it rains"], [["the cat sits", "it is raining"]], word_order=2)
    assert left.value == pytest.approx(direct.score, abs=1e-9)


def test_nothing_left_is_no_score_and_an_unknown_item_is_a_mistake():
    one = score(Item(id="a", value=1), Item(id="b", value=None))
    assert clean(one, ["a"]) is None
    assert clean(one, []).standard_error is None
    with pytest.raises(ValueError, match="x in eng has no item c"):
        clean(one, ["a", "c"])
