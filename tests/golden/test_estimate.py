"""What a plan would do and cost, by hand; the probe and its words are tested in tests/flow/test_cli.py."""

from pathlib import Path

import pytest
import tiny

from polydistill.engines import Sampling
from polydistill.estimate import Counting, Speed, costs, disk
from polydistill.plan import Plan, read_plan
from polydistill.records import Chat, Lang, Turn
from polydistill.template import Template


def test_counting_pays_for_a_prompt_once_and_for_every_text():
    template = Template(tiny.tokenizer())
    chat = Chat(turns=(Turn(role="user", text="why?", lang=Lang("eng")),))
    counting = Counting(template)
    assert counting.score([chat, chat, None], ["a", "bcd", "efgh"]) == [-1.0] * 3
    prompt = len(template.prompt(chat))
    assert counting.scored == prompt + sum(counting.count(["a", "bcd", "efgh"]))
    assert [answer.text for answer in counting.answer([chat, chat], Sampling(max_tokens=7))] == ["", ""]
    assert counting.generated == 14


# The tiny world: 40 questions, answers of 64 tokens, one target, 3,000 tokens twice over


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.world(tmp_path_factory.mktemp("world"), taught=False)


def plan_of(world: Path, *changes: str) -> Plan:
    return read_plan(str(world), list(changes))


SPEED = Speed(generated=10.0, scored=100.0, trained=(50.0, 25.0), translated=20.0, question=5.0, memory=1.0)


def test_tokens_and_seconds_of_the_long_stages(world: Path):
    found = {cost.stage: cost for cost in costs(plan_of(world, "evaluate.evaluators=[loops]"), SPEED)}
    assert list(found) == ["answer", "translate", "train", "evaluate"]
    assert found["answer"][1:] == (40 * 64, 40 * 64 / 10)
    assert found["translate"][1:] == (40 * (5 + 64), 40 * (5 + 64) / 20)
    assert found["train"][1:] == (2 * 3000, 2 * 3000 / 50)
    # A fifth of the questions is held out, in both languages; each answer has 96 tokens; two models are measured.
    assert found["evaluate"][1:] == (2 * 8 * 2 * 96, 2 * 8 * 2 * 96 / 10)


def test_a_plan_that_asks_itself_generates_what_it_throws_away(world: Path):
    asks = plan_of(world, "ask={source: {self_ask: {max_tokens: 10}}, questions: 70}", "evaluate.evaluators=[loops]")
    first = next(costs(asks, SPEED))
    assert (first.stage, first.tokens) == ("ask", 70 / 0.7 * 10)


def test_each_round_costs_what_it_does_again(world: Path):
    mix, rest = "mix: {builders: [language_gap_rows], tokens: 500}", "train: {objective: preferred}, choose: {scales: [1.0]}"
    plan = plan_of(world, "evaluate.evaluators=[loops]", f"rounds=[{{{mix}, {rest}}}]")
    found = {cost.stage: cost for cost in costs(plan, SPEED)}
    assert list(found) == ["answer", "translate", "train", "mix 2", "train 2", "evaluate"]
    assert found["train"][1:] == (2 * 3000, 2 * 3000 / 50)
    assert found["mix 2"][1:] == (40 * 64, 40 * 64 / 10)  # the student's own answers
    assert found["train 2"][1:] == (2 * 500, 2 * 500 / 25)


def test_what_does_not_translate_costs_nothing(world: Path):
    assert "translate" not in {cost.stage for cost in costs(plan_of(world), SPEED._replace(translated=0.0))}


def test_every_candidate_is_measured_and_the_untouched_model_too(world: Path):
    text_bits = f"text_bits: {{label: toy, split: development, texts: {{parallel: {{path: {world.parent}/parallel.tsv}}}}}}"
    chosen = f"choose={{by: text_bits, scales: [0.5, 1.0], evaluators: [{{{text_bits}}}]}}"
    plans = [plan_of(world, chosen, f"train.candidates={count}") for count in (1, 2)]
    one, two = (next(cost for cost in costs(plan, SPEED) if cost.stage == "choose") for plan in plans)
    assert two.tokens * 3 == one.tokens * 5  # 1 + 2 scales, 1 + 2 x 2
    assert one.seconds == pytest.approx(one.tokens / 100)


def test_the_disk_that_is_wanted_grows_with_the_candidates(world: Path, tmp_path: Path):
    size = (world.parent / "model" / "model.safetensors").stat().st_size
    for candidates in (1, 3):
        wanted, free = disk(plan_of(world, f"train.candidates={candidates}", f"runs={tmp_path}/not/there/yet"))
        assert wanted == pytest.approx((7 + candidates) * size / 1e9)
        assert free > 0
