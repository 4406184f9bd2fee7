"""Training rows of a plan before it has any: what its own builders make."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import tiny

from polydistill.plan import read_plan
from polydistill.records import Chat, Lang, Row, Turn
from polydistill.stage import Rows
from polydistill.stand_ins import training_rows

ENG, SPA = Lang("eng"), Lang("spa")
CHATS = [
    Chat(turns=(Turn(role="user", text=f"why is number {n} red?", lang=ENG),)).answered(f"it is the {n}th.", ENG)
    for n in range(4)
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.world(tmp_path_factory.mktemp("world"), taught=False)


def groups(rows: list[Row]) -> dict[str, int]:
    return dict(Counter(row.lineage.builder for row in rows))


def test_rows_are_what_the_builders_make_in_turn_by_their_shares(world: Path):
    builders = "[{language_pairs: {rich: 0.2, target: 0.6, to_target: 0, to_rich: 0}}, {completion_rows: {target: 0.2}}]"
    rows = training_rows(read_plan(str(world), [f"mix.builders={builders}"]), CHATS, 10)
    assert groups(rows) == {"rich": 2, "target": 6, "complete": 2}
    assert {row.payload.answer.lang for row in rows if row.lineage.builder == "target"} == {SPA}


def test_a_teacher_is_shown_what_it_will_be_shown_and_pairs_are_pairs(world: Path):
    rows = training_rows(read_plan(str(world), ["mix.builders=[shown_answers, language_gap_rows]"]), CHATS, 8)
    assert groups(rows) == {"shown": 4, "language_gap": 4}
    shown, pairs = ([row.payload for row in rows if row.payload.type == kind] for kind in ("chat", "preference"))
    assert [one.shown for one in shown] == [chat.turns for chat in CHATS]
    assert all(len(pair.chosen) == len(pair.rejected) and pair.chosen != pair.rejected for pair in pairs)


def test_the_rows_of_a_finished_mixture_are_taken(lifted: Any):
    assert training_rows(lifted.plan, [], 5) == list(Rows(lifted.folder("mix")))[:5]
