"""What the student will see: shares by tokens, nothing held out, and a funnel that adds up."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tiny_rows import CAT, ENG, SPA, chat, names_in, rival

from polydistill.builders.completion_rows import CompletionRows
from polydistill.builders.evaluation_overlap import EvaluationOverlap
from polydistill.builders.language_gap_rows import LanguageGapRows
from polydistill.builders.language_pairs import LanguagePairs
from polydistill.builders.looping import Looping
from polydistill.builders.near_duplicates import NearDuplicates
from polydistill.builders.translation_rows import TranslationRows
from polydistill.engines.transformers import Transformers
from polydistill.mix import MixSettings, fill, mix
from polydistill.models import load_tokenizer
from polydistill.records import Row, seed_of, split_of
from polydistill.samplers.temperature import Temperature
from polydistill.sources import BadInput, Languages
from polydistill.sources.parallel import Parallel
from polydistill.stage import Rows, Workspace, finish, write_shard
from polydistill.template import Template

WORDS = ["river", "bread", "stone", "cloud", "green", "light", "house", "music", "paper", "table", "water", "night"]


def sentence(*seed: Any, words: int = 6) -> str:
    return " ".join(WORDS[seed_of(*seed, number) % len(WORDS)] for number in range(words))


def question(name: str, lang=ENG) -> Row:
    asked, answer = (sentence(name, lang, side) for side in ("asked", "answer"))
    return chat(name, lang, f"{asked} {name}?", f"{answer}.")


class World:
    """Finished stages for a mixture to begin from."""

    def __init__(self, space: Workspace, model: Path):
        self.space, self.model, self.made = space, model, 0

    def rows(self, *rows: Row) -> Rows:
        self.made += 1
        folder = self.space.root / "stages" / f"given-{self.made}"
        folder.mkdir(parents=True)
        write_shard(folder, 0, rows)
        finish(folder, {})
        return Rows(folder)

    def questions(self, names: list[str], *langs) -> tuple[Rows, Rows]:
        answers = self.rows(*(question(name) for name in names))
        return answers, self.rows(*(question(name, lang) for name in names for lang in langs))

    def settings(self, **changes: Any) -> MixSettings:
        given = {
            "builders": (LanguagePairs(rich=0.2, target=0.5, to_target=0.2, to_rich=0.1),), "sampler": Temperature(),
            "tokens": 4000, "model": Transformers(path=str(self.model)), "rich": ENG, "targets": (SPA,),
        }  # fmt: skip
        return MixSettings(**{**given, **changes})


@pytest.fixture
def world(space: Workspace, random_model: Path) -> World:
    return World(space, random_model)


def funnel(mixture: Rows) -> dict[str, Any]:
    return json.loads((mixture.folder / "funnel.json").read_text())


def tokens_of(mixture: Rows, model: Path) -> Counter[str]:
    template, found = Template(load_tokenizer(model)), Counter[str]()
    for row in mixture:
        found[row.lineage.builder] += len(template.training(row.payload)[0])
    return found


# Shares


def test_groups_have_their_shares_of_the_tokens(world: World):
    mixture = mix(world.settings(tokens=20_000), *world.questions(names_in("train", 150), SPA))
    found = tokens_of(mixture, world.model)
    assert sum(found.values()) == pytest.approx(20_000, rel=0.02)
    for group, share in {"rich": 0.2, "target": 0.5, "to_target": 0.2, "to_rich": 0.1}.items():
        assert found[group] / sum(found.values()) == pytest.approx(share, abs=0.01)
        counted = sum(about["tokens"] for name, about in funnel(mixture)["groups"].items() if name.split()[0] == group)
        assert counted == found[group]


def test_the_sampler_divides_a_share_among_the_targets(world: World):
    names = names_in("train", 120)
    answers = world.rows(*(question(name) for name in names))
    translated = [
        question(name, lang) for number, name in enumerate(names) for lang in (SPA, CAT)[: 2 if number % 4 == 0 else 1]
    ]
    given = (answers, world.rows(*translated))
    only = (LanguagePairs(rich=0, target=1, to_target=0, to_rich=0),)
    for temperature, share in ((1.0, 0.2), (1000.0, 0.5)):
        settings = world.settings(builders=only, sampler=Temperature(temperature=temperature), targets=(SPA, CAT), tokens=3000)
        groups = funnel(mix(settings, *given))["groups"]
        assert groups["target cat"]["wanted"] / 3000 == pytest.approx(share, abs=0.01)
        assert groups["target cat"]["tokens"] == pytest.approx(3000 * share, rel=0.05)


@pytest.mark.parametrize(
    ("most", "tokens", "expected"),
    [
        ({"a": 1000, "b": 1000, "c": 1000}, 100, {"a": 50, "b": 30, "c": 20}),
        ({"a": 10, "b": 1000, "c": 1000}, 100, {"a": 10, "b": 54, "c": 36}),  # 90 by 3 to 2
        ({"a": 10, "b": 52, "c": 1000}, 100, {"a": 10, "b": 52, "c": 38}),  # what b then lacks goes on to c
        ({"a": 10, "b": 20, "c": 30}, 100, {"a": 10, "b": 20, "c": 30}),
        ({"a": 0, "b": 1000, "c": 1000}, 100, {"a": 0, "b": 60, "c": 40}),
    ],
)  # fmt: skip
def test_what_a_group_cannot_fill_goes_to_the_others_in_proportion(most: dict, tokens: int, expected: dict):
    assert fill({"a": 0.5, "b": 0.3, "c": 0.2}, most, tokens) == pytest.approx(expected)


def test_a_group_without_rows_is_named_and_leaves_its_share_to_the_others(world: World, capsys: pytest.CaptureFixture[str]):
    builders = (LanguagePairs(rich=0.25, target=0.25, to_target=0, to_rich=0), TranslationRows(to_target=0.3, to_rich=0.2))
    mixture = mix(world.settings(builders=builders), *world.questions(names_in("train", 60), SPA))
    groups = funnel(mixture)["groups"]
    assert groups["translate_to_target"] == {"candidates": 0, "rows": 0, "tokens": 0, "wanted": 1200}
    assert {name: about["wanted"] for name, about in groups.items()} == {
        "rich eng": 1000, "target spa": 1000, "translate_to_target": 1200, "translate_to_rich": 800,
    }  # fmt: skip
    for name in ("rich eng", "target spa"):
        assert groups[name]["tokens"] == pytest.approx(2000, abs=100)
    said = "mix: no rows for translate_to_rich, translate_to_target: their share of the tokens went to the others"
    assert f"{said}; give text by people: mix.texts='[{{parallel: " in capsys.readouterr().err


def test_rows_are_the_same_as_without_the_groups_that_got_none(world: World):
    given = world.questions(names_in("train", 60), SPA)
    pairs = LanguagePairs(rich=0.2, target=0.3, to_target=0, to_rich=0)
    both = mix(world.settings(builders=(pairs, TranslationRows(to_target=0.3, to_rich=0.2))), *given)
    alone = mix(world.settings(builders=(pairs,)), *given)
    assert [row.to_json() for row in both] == [row.to_json() for row in alone]


def test_a_group_without_a_share_or_with_rows_is_not_named(world: World, capsys: pytest.CaptureFixture[str]):
    builders = (LanguagePairs(rich=0.5, target=0.5, to_target=0, to_rich=0), TranslationRows(to_target=0, to_rich=0))
    mixture = mix(world.settings(builders=builders), *world.questions(names_in("train", 30), SPA))
    assert set(funnel(mixture)["groups"]) == {"rich eng", "target spa"}
    assert "no rows for" not in capsys.readouterr().err


GROUPS = st.dictionaries(st.text(max_size=3), st.tuples(st.floats(0.01, 1), st.integers(0, 500)), min_size=1, max_size=6)


@given(GROUPS, st.integers(1, 2000))
def test_the_budget_is_spent_as_far_as_there_is_something_for_it(groups: dict[str, tuple[float, int]], tokens: int):
    most = {name: have for name, (_, have) in groups.items()}
    budget = fill({name: share for name, (share, _) in groups.items()}, most, tokens)
    assert budget.keys() == most.keys()
    assert all(0 <= budget[name] <= most[name] + 1e-6 for name in most)
    assert sum(budget.values()) == pytest.approx(min(tokens, sum(most.values())))


def test_rows_are_repeated_only_where_they_are_too_few_and_at_most_so_often(world: World):
    given = world.questions(names_in("train", 20), SPA)
    once = mix(world.settings(tokens=1500, repeat=3), *given)
    assert not [row.id for row in once if "#" in row.id]
    thrice = mix(world.settings(tokens=1_000_000, repeat=3), *given)
    times = Counter(row.id.split("#")[0] for row in thrice)
    assert set(times.values()) == {3}
    assert len(times) == 80
    assert {row.id.partition("#")[2] for row in thrice} == {"", "2", "3"}
    assert len({row.id for row in thrice}) == len(thrice) == 240
    assert all("#" not in row.id for row in mix(world.settings(tokens=1_000_000, repeat=1), *given))


def test_every_first_time_comes_before_any_second_is_taken(world: World):
    """A row stands twice only where all rows of its group stand once."""
    given = world.questions(names_in("train", 20), SPA)
    only = (LanguagePairs(rich=0, target=1, to_target=0, to_rich=0),)
    whole = sum(tokens_of(mix(world.settings(builders=only, tokens=10**6, repeat=1), *given), world.model).values())
    mixture = mix(world.settings(builders=only, tokens=round(1.5 * whole)), *given)
    times = Counter(row.id.split("#")[0] for row in mixture)
    assert len(times) == 20
    assert 8 <= list(times.values()).count(2) <= 12


def test_longer_rows_are_left_out(world: World):
    answers = [*(question(name) for name in names_in("train", 5)), chat("long0", ENG, "Why?", "so " * 400)]
    assert split_of("long0") == "train"
    only = (LanguagePairs(rich=1, target=0, to_target=0, to_rich=0),)
    mixture = mix(world.settings(builders=only, max_tokens=300, tokens=10**5), world.rows(*answers), world.rows())
    assert {row.lineage.question for row in mixture} == set(names_in("train", 5))
    assert funnel(mixture)["rejected"] == {"too_many_tokens": 1}


# Order


def test_the_seed_decides_rows_and_order(world: World):
    given = world.questions(names_in("train", 60), SPA)
    first, other = mix(world.settings(tokens=2000), *given), mix(world.settings(tokens=2000, seed=1), *given)
    assert [row.id for row in first] != [row.id for row in other]
    assert {row.id for row in first} != {row.id for row in other}
    every, again = (mix(world.settings(tokens=10**6, repeat=1, seed=seed), *given) for seed in (0, 1))
    assert {row.id for row in every} == {row.id for row in again}
    assert [row.id for row in every] != [row.id for row in again]
    order = [row.lineage.builder for row in first]
    assert order != sorted(order), "rows of one group must not stand together"


def test_the_same_mixture_is_the_same_bytes(world: World, tmp_path: Path):
    given = world.questions(names_in("train", 30), SPA)
    first = mix(world.settings(), *given)
    again = mix(world.settings(model=Transformers(path=str(world.model), batch_size=3)), *given)
    assert again.folder == first.folder
    digest = first.digest
    (first.folder / "manifest.json").unlink()
    assert mix(world.settings(), *given).digest == digest


# Rivals


def test_pairs_of_answers_stand_beside_their_questions_and_count_both_answers(world: World):
    names = names_in("train", 4)
    answers, translated = world.questions(names, SPA, CAT)
    # The second question has rivals of one language, the third of none.
    given = [row for row in translated if row.lineage.question != names[2] and row.id != f"{names[1]}-cat"]
    rivals = world.rows(*(rival(row, f"No sé, {row.id} <|end|>.") for row in given))
    builders = (LanguageGapRows(share=0.5), LanguagePairs(rich=0, target=0.5, to_target=0, to_rich=0))
    settings = world.settings(builders=builders, tokens=10**6, repeat=1, targets=(SPA, CAT))
    mixture = mix(settings, answers, translated, rivals)
    found = {row.id: row for row in mixture}
    assert {id for id in found if id.endswith("-rival")} == {f"{row.id}-rival" for row in given}
    assert {id for id in found if not id.endswith("-rival")} == {row.id for row in translated}
    template = Template(load_tokenizer(world.model))
    pairs = [row for row in mixture if row.payload.type == "preference"]
    tokens = sum(len(template.training(one)[0]) for row in pairs for one in row.payload.answered)
    groups = funnel(mixture)["groups"]
    assert groups["language_gap spa"]["tokens"] + groups["language_gap cat"]["tokens"] == tokens
    assert (groups["language_gap spa"]["rows"], groups["language_gap cat"]["rows"]) == (3, 2)
    assert funnel(mixture)["special strings"] == 5, "those of rejected answers are tokenized as well"
    assert funnel(mixture)["read"] == {"chat rows": 12, "preference rows": 5}


def test_a_question_that_is_out_takes_its_rivals_along(world: World):
    one, two = names_in("train", 2)
    loop = "round and round we go " * 5
    answers = [chat(one, ENG, "Why?", loop), chat(two, ENG, "Who?", "Me.")]
    translated = [chat(one, SPA, "¿Por qué?", "Así."), chat(two, SPA, "¿Quién?", "Yo.")]
    rivals = world.rows(rival(translated[0], "No."), rival(translated[1], loop))
    settings = world.settings(filters=(Looping(),), builders=(LanguageGapRows(),))
    mixture = mix(settings, world.rows(*answers), world.rows(*translated), rivals)
    assert {row.lineage.question for row in mixture} == {two}, "that the model goes round is what it is to unlearn"
    assert funnel(mixture)["rejected"] == {"loop": 1, "source_rejected": 2}


# What stays out


def test_held_out_questions_are_never_in_the_mixture(world: World, tmp_path: Path):
    names = [name for split in ("train", "development", "test") for name in names_in(split, 10)]
    (tmp_path / "pairs.tsv").write_text("".join(f"{sentence(n, words=9)}\t{sentence(n, 'o', words=9)}\t{n}\n" for n in names))
    texts = Parallel(path=tmp_path / "pairs.tsv")
    builders = (LanguagePairs(), TranslationRows(), CompletionRows(rich=0.1))
    settings = world.settings(builders=builders, tokens=10**6, texts=(texts,))
    mixture = mix(settings, *world.questions(names, SPA))
    assert {split_of(row.lineage.question) for row in mixture} == {"train"}
    assert len({row.lineage.question for row in mixture}) >= 20
    splits = Counter(split_of(row.lineage.question) for row in texts.read(Languages(ENG, (SPA,))))
    assert len(splits) == 3
    assert funnel(mixture)["read"] == {
        "held-out chat rows": 40, "held-out parallel rows": 30 - splits["train"],
        "chat rows": 20, "parallel rows": splits["train"],
    }  # fmt: skip


def test_filters_see_held_out_rows_before_any_training_row(world: World):
    held, (first, second) = names_in("test", 1)[0], names_in("train", 2)
    run = "one two three four five six seven eight nine ten"
    answers = [chat(first, ENG, "Why is it so?", f"Because {run}."), chat(second, ENG, "Who was it then?", "Nobody knows."),
               chat(held, ENG, "What comes after it?", f"First {run}!")]  # fmt: skip
    settings = world.settings(filters=(EvaluationOverlap(),), builders=(LanguagePairs(rich=1),))
    mixture = mix(settings, world.rows(*answers), world.rows())
    assert {row.lineage.question for row in mixture} == {second}
    assert funnel(mixture)["rejected"] == {"evaluation_overlap": 1}


def test_filters_are_told_the_languages_of_the_run(world: World):
    one, two = names_in("train", 2)
    article = "The will of the people shall be the basis of the authority of government"
    answers = world.rows(chat(one, ENG, "What is written there?", f"{article}."), chat(two, ENG, "Who was it?", "Nobody."))
    settings = world.settings(filters=(EvaluationOverlap(),), builders=(LanguagePairs(rich=1),))
    mixture = mix(settings, answers, world.rows())
    assert {row.lineage.question for row in mixture} == {two}


def test_near_duplicates_of_a_question_are_out_also_of_a_held_out_one(world: World):
    held, (first, second, third) = names_in("test", 1)[0], names_in("train", 3)
    asked = "why do all the rivers of this country run down to the sea"
    answers = [chat(first, ENG, f"{asked}?", "So."), chat(held, ENG, asked, "So."),
               chat(second, ENG, "What is bread?", "Food."), chat(third, ENG, "what is bread", "Food.")]  # fmt: skip
    settings = world.settings(filters=(NearDuplicates(),), builders=(LanguagePairs(rich=1),))
    mixture = mix(settings, world.rows(*answers), world.rows())
    assert {row.lineage.question for row in mixture} == {second}
    assert funnel(mixture)["rejected"] == {"near_duplicate": 2}


def test_a_question_that_is_out_takes_its_translations_along_but_not_the_other_way(world: World):
    one, two, three = names_in("train", 3)
    loop = "round and round we go " * 5
    answers = [
        chat(one, ENG, "Why?", loop),
        chat(two, ENG, "Who?", "Me."),
        chat(three, ENG, "What?", "It.").reject("cut_answer"),
    ]
    translated = [chat(one, SPA, "¿Por qué?", "Así."), chat(two, SPA, "¿Quién?", loop)]
    mixture = mix(world.settings(filters=(Looping(),)), world.rows(*answers), world.rows(*translated))
    assert {(row.lineage.question, row.lineage.builder) for row in mixture} == {(two, "rich")}
    assert funnel(mixture)["rejected"] == {"loop": 2, "source_rejected": 1, "cut_answer": 1}


def test_the_first_filter_that_minds_gives_the_reason(world: World):
    one, two = names_in("train", 2)
    loop = "what goes round and round we " * 5
    answers = [chat(one, ENG, loop, "So."), chat(two, ENG, loop, "So."), *(question(name) for name in names_in("train", 5)[2:])]
    for filters, reasons in (
        ((Looping(), NearDuplicates()), {"loop": 2}), ((NearDuplicates(), Looping()), {"loop": 1, "near_duplicate": 1})
    ):  # fmt: skip
        assert funnel(mix(world.settings(filters=filters), world.rows(*answers), world.rows()))["rejected"] == reasons


def test_the_funnel_adds_up(world: World):
    names = names_in("train", 30)
    answers = [question(name) if number % 3 else chat(name, ENG, "What is it?", "round and round we go " * (number % 2 * 9 + 1))
               for number, name in enumerate(names)]  # fmt: skip
    given = world.rows(*answers), world.rows(*(question(name, SPA) for name in names))
    mixture = mix(world.settings(filters=(Looping(), NearDuplicates()), tokens=10**6, repeat=1), *given)
    about = funnel(mixture)
    pool = [Row.model_validate_json(line) for line in (mixture.folder / "beside" / "pool.jsonl").read_text().splitlines()]
    assert sum(about["read"].values()) == len(pool) == 60
    assert Counter(row.rejected for row in pool if row.rejected) == about["rejected"]
    assert about["rejected"]["loop"] == 5
    assert about["rejected"]["near_duplicate"] == 4
    kept = Counter(row.payload.question.lang for row in pool if not row.rejected)
    assert {name: group["rows"] for name, group in about["groups"].items()} == {
        "rich eng": kept[ENG], "target spa": kept[SPA], "to_target spa": kept[SPA], "to_rich spa": kept[SPA],
    }  # fmt: skip
    assert sum(group["rows"] for group in about["groups"].values()) == len(mixture)


def test_every_row_knows_where_it_comes_from(world: World):
    for row in mix(world.settings(), *world.questions(names_in("train", 20), SPA)):
        assert row.lineage.question
        assert row.lineage.builder
        assert row.lineage.author == "tiny"
        assert not row.rejected


def test_what_a_source_skipped_is_counted_once(world: World, tmp_path: Path):
    given = world.questions(names_in("train", 5), SPA)
    path = tmp_path / "pairs.tsv"
    path.write_text("one\tuno\nbroken\ntwo\tdos\nbroken\tin\tmore\tparts\n")
    counted = funnel(mix(world.settings(texts=(Parallel(path=path, on_error="skip"),)), *given))
    assert counted["left out"] == {"wrong number of columns": 2}
    assert counted["read"]["chat rows"] == 10
    whole = tmp_path / "whole.tsv"
    whole.write_text("one\tuno\n")
    assert "left out" not in funnel(mix(world.settings(texts=(Parallel(path=whole, on_error="skip"),)), *given))


def test_strings_that_look_like_special_tokens_are_counted_and_said(world: World, capsys: pytest.CaptureFixture[str]):
    one, two, held = *names_in("train", 2), names_in("test", 1)[0]
    answers = world.rows(
        chat(one, ENG, "What is <|end|>?", "It ends: <|end|><|start|>."), chat(two, ENG, "And this <|other|>?", "Nothing."),
        chat(held, ENG, "Why <|start|>?", "So."),
    )  # fmt: skip
    only = (LanguagePairs(rich=1, target=0, to_target=0, to_rich=0),)
    mixture = mix(world.settings(builders=only, tokens=10**5, repeat=2), answers, world.rows())
    assert len(mixture) == 4
    assert funnel(mixture)["special strings"] == 6  # three in a row that stands there twice
    assert "mix: 6 strings in its rows look like special tokens; they are learned as plain text" in capsys.readouterr().err


def test_no_word_of_special_strings_where_there_are_none(world: World, capsys: pytest.CaptureFixture[str]):
    assert "special strings" not in funnel(mix(world.settings(), *world.questions(names_in("train", 10), SPA)))
    assert "special" not in capsys.readouterr().err


# What is refused


def test_an_empty_mixture_says_why(world: World):
    answers = [chat(name, ENG, "Why?", "round and round we go " * 5) for name in names_in("train", 3)]
    with pytest.raises(BadInput, match=r"the mixture is empty: no row passed the filters \({'loop': 3}\); see .*pool.jsonl"):
        mix(world.settings(filters=(Looping(),)), world.rows(*answers), world.rows())
    assert not list(world.space.root.glob("stages/mix-*/manifest.json"))


def test_two_builders_of_one_group_are_refused(world: World):
    with pytest.raises(
        ValidationError, match="two builders make the rows 'complete', which have one share; give each builder once"
    ):
        world.settings(builders=(CompletionRows(), CompletionRows(target=0.2)))
