"""One settings tree: what is read, and everything that is wrong with it, each with its line."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError
from tiny_plan import GOOD

from polydistill.component import ALLOWED, identity
from polydistill.plan import RECIPES, Plan, PlanError, read_plan
from polydistill.run_folder import as_yaml
from polydistill.schedules.constant import Constant
from polydistill.schedules.cosine import Cosine


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "plan.yaml").write_text(GOOD)
    return tmp_path / "plan.yaml"


def mistakes(path: Path, text: str | None = None, changes: tuple[str, ...] = (), **short: str) -> list[str]:
    """What is wrong with a plan, without the file's name."""
    if text is not None:
        path.write_text(text)
    with pytest.raises(PlanError) as caught:
        read_plan(str(path), list(changes), **short)
    return [mistake.replace(f"{path}, ", "").replace(str(path), "PLAN") for mistake in caught.value.mistakes]


# What is right


def test_what_is_stated_on_top_reaches_every_section(path: Path):
    plan = read_plan(str(path))
    assert plan.model.path == plan.ask.model.path == plan.train.model.path == "m"
    assert (plan.rich, plan.to) == ("eng", ("spa",))
    assert plan.mix.targets == plan.evaluate.targets == plan.report.targets == ("spa",)
    assert plan.answer.max_tokens == 12


def test_a_section_may_have_a_model_of_its_own(path: Path):
    plan = read_plan(str(path), ["answer.model={transformers: {path: teacher}}"])
    assert (plan.answer.model.path, plan.train.model.path) == ("teacher", "m")


def test_no_is_norwegian(path: Path):
    assert read_plan(str(path), target="no").to == ("nor",)
    path.write_text(GOOD.replace("to: [spa]", "to: no"))
    assert read_plan(str(path)).to == ("nor",)
    path.write_text(GOOD.replace("to: [spa]", "to: [no, es]"))
    assert read_plan(str(path)).to == ("nor", "spa")
    path.write_text(GOOD.replace("from: eng", "from: no"))
    assert read_plan(str(path)).rich == "nor"


def test_several_targets_in_one_word(path: Path):
    assert read_plan(str(path), target="spa,ca, pt-BR").to == ("spa", "cat", "por-BR")
    assert read_plan(str(path), ["to=[spa,cat]"]).to == ("spa", "cat")


def test_changes_on_the_command_line(path: Path):
    plan = read_plan(
        str(path), ["train.epochs=2", "train.schedule.cosine.end=0.5", "mix.filters=[looping]", "train.lora.rank=4"]
    )
    assert (plan.train.epochs, plan.train.schedule, plan.train.lora.rank) == (2, Cosine(end=0.5), 4)
    assert [one.name() for one in plan.mix.filters] == ["looping"]
    assert read_plan(str(path), ["train.schedule=constant"]).train.schedule == Constant()


@pytest.mark.parametrize("name", ["a folder/with [odd] #name: x", "123", "no", "~/m"])
def test_a_models_path_is_taken_as_it_is(path: Path, name: str):
    assert read_plan(str(path), model=name).model.path == name


def test_a_recipe_is_the_base(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_text("recipe: sdrrl\nmodel: m\nfrom: eng\nto: spa\ntrain: {epochs: 7}\n")
    plan, base = read_plan(str(path)), read_plan("sdrrl", model="m", source="eng", target="spa")
    assert plan.train.epochs == 7
    assert plan.train.model_copy(update={"epochs": base.train.epochs}) == base.train
    assert (plan.mix, plan.recipe, base.recipe) == (base.mix, "sdrrl", "sdrrl")


def test_a_recipe_may_begin_from_another(tmp_path: Path):
    """What it does not name is the other one's, also where a plan begins from it."""
    base, plan = (read_plan(name, model="m", source="eng", target="spa") for name in ("sdrrl", "copsd"))
    assert (plan.recipe, plan.mix, plan.train, len(plan.rounds)) == ("copsd", base.mix, base.train, 1)
    path = tmp_path / "plan.yaml"
    path.write_text("recipe: copsd\nmodel: m\nfrom: eng\nto: spa\ntrain: {epochs: 7}\n")
    own = read_plan(str(path))
    assert (own.recipe, own.train.epochs, own.mix) == ("copsd", 7, base.mix)
    assert own.rounds[0].plan.train.epochs == 7
    assert own.rounds[0].plan.train.learning_rate == plan.rounds[0].plan.train.learning_rate


def test_a_component_over_a_recipes_is_given_as_a_whole(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_text("recipe: sdrrl\nmodel: m\nfrom: eng\nto: spa\ntrain: {schedule: {constant: {}}, lora: {rank: 2}}\n")
    assert read_plan(str(path)).train.schedule == Constant()
    path.write_text("recipe: sdrrl\nmodel: m\nfrom: eng\nto: spa\ntrain: {schedule: {cosine: {end: 0.5}}}\n")
    assert read_plan(str(path)).train.schedule == Cosine(end=0.5)


@pytest.mark.parametrize(
    "changes",
    [
        [],
        ["train.epochs=3", "train.learning_rate=2.0e-5", "answer.max_tokens=11", "choose.scales=[1]"],  # the classes' defaults
        ["train.schedule=constant", "train.lora.rank=3"],
        ["name=mine", "runs=elsewhere", "answer.model={transformers: {path: other}}", "to=spa,cat"],
        ["train.schedule.cosine.warmup=0.06", "mix.filters=[]"],
    ],
)
@pytest.mark.parametrize("recipe", [True, False])
def test_a_written_plan_is_the_same_plan(path: Path, changes: list[str], recipe: bool):
    plan = read_plan("sdrrl" if recipe else str(path), changes, model="m", source="eng", target="spa")
    path.write_text(as_yaml(plan.written()))
    again = read_plan(str(path))
    assert again == plan


def test_only_what_decides_a_result_is_in_the_identity(path: Path, random_model: Path):
    plan = read_plan(str(path), model=str(random_model))
    other = plan.model_copy(update={"name": "b", "runs": Path("c"), "recipe": "d"})
    path.parent.joinpath("questions.jsonl").write_text('{"question": "a"}')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path.parent)
        assert identity(plan) == identity(other)


def test_a_setting_of_the_model_beside_its_path(path: Path):
    plan = read_plan(str(path), ["model.template=plain", "model.transformers.dtype=float32"], model="base")
    assert (plan.model.path, plan.model.template, plan.model.dtype) == ("base", "plain", "float32")
    assert read_plan(str(path), ["model.template=plain"]).model.path == "m"
    plan = read_plan(str(path), ["model={openai: {base_url: 'http://localhost:1/v1', model: a}}", "model.model=b"])
    assert plan.model.model == "b"
    assert mistakes(path, changes=("model.templte=plain",)) == [
        "model.transformers.templte: no setting named 'templte'; did you mean template?"
    ]


def test_a_runs_folder_stands_for_its_plan_and_keeps_its_place(path: Path, tmp_path: Path):
    folder = tmp_path / "somewhere" / "mine"
    folder.mkdir(parents=True)
    (folder / "plan.yaml").write_text(GOOD + "name: mine\nruns: elsewhere\n")
    assert read_plan(str(folder)).folder == folder
    assert read_plan(str(folder), ["runs=other"]).runs == Path("other")
    assert read_plan(str(folder / "plan.yaml")).runs == Path("elsewhere")


def test_a_tilde_in_runs_is_the_home_folder(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert read_plan(str(path), ["runs=~/big", "name=a"]).folder == Path("/home/me/big/a")


# What is wrong


@pytest.mark.parametrize(
    ("device", "said"),
    [("gpu", "; did you mean cuda?"), ("CUDA", "; did you mean cuda?"), ("cudo:1", "; did you mean cuda?"), ("xyz", "")],
)
def test_a_device_has_one_of_few_names(path: Path, device: str, said: str):
    sentence = f"no device named '{device}'{said} (there are auto, cpu, mps, cuda and cuda:N)"
    assert mistakes(path, changes=(f"model.device={device}", f"train.device={device}")) == [
        f"model.transformers.device: {sentence}", f"train.device: {sentence}",
    ]  # fmt: skip


def test_one_of_several_devices_can_answer_but_training_takes_the_first(path: Path):
    assert read_plan(str(path), ["model.device=cuda:1"]).model.device == "cuda:1"
    (found,) = mistakes(path, changes=("train.device=cuda:1",))
    assert "choose with CUDA_VISIBLE_DEVICES=N" in found


@pytest.mark.parametrize("name", ["/home/me/project", "a/b", "..", ".", ".a", "a\\b", "stages", "store", "x" * 201])
def test_a_runs_name_is_one_plain_part_of_a_path(path: Path, name: str):
    (found,) = mistakes(path, changes=(f"name='{name}'",))
    assert found.startswith("name: ")
    assert read_plan(str(path), ["name=a b-c.1"]).folder == Path("runs/a b-c.1")


def test_a_plans_name_of_any_length_is_no_file():
    with pytest.raises(PlanError, match="no recipe, plan file or run named"):
        read_plan("x" * 300)


@pytest.mark.parametrize("given", ["english", "spanich", "esp"])
def test_a_language_that_is_no_code_has_a_nearest_one(path: Path, given: str):
    (found,) = mistakes(path, source="deu", target=given)
    assert found.endswith("for english that is eng" if given == "english" else "did you mean spa (Spanish)?")


def test_a_region_is_a_language_of_its_own_only_beside_another_region(path: Path):
    assert mistakes(path, source="eng", target="en-US") == [
        "to.0: the target eng-US is the rich language itself (eng; regions differ only where both are stated); give another"
    ]
    assert mistakes(path, source="eng", target="pt-BR,por") == [
        "to.1: por is por-BR again (regions differ only where both are stated); give each target language once"
    ]
    assert read_plan(str(path), source="en-GB", target="en-US").to == ("eng-US",)
    assert read_plan(str(path), source="zh", target="zh-Hant").to == ("zho-Hant",)
    plan = read_plan(str(path))
    with pytest.raises(ValidationError, match="the rich language spa itself"):
        Plan.model_validate({key: value for key, value in plan if key != "rich"} | {"from": "spa", "to": ("spa-MX",)})


def test_every_mistake_at_once_with_its_line_and_the_nearest_name(path: Path):
    text = """\
model: m
from: english
to: [spa, eng, spanisch]
ask: {source: {file: {path: a.jsonl, on_eror: skip}}}
answer:
  max_tokens: 0
  temprature: 1
translate: {translator: apertum}
mix:
  builders:
    - language_pairs: {rich: -1}
    - code_swich
  filters: [looping, language_pairs]
  sampler: {temperature: {temperature: 0.5}}
train: {objective: next_token, schedule: {cosine: {warmup: 2, ent: 1}}, lora: {rnk: 4}, epochs: many}
choose: {scales: [1.5]}
evaluat: {}
evaluate: {evaluators: [{loops: {sampling: {max_token: 3}}}]}
report: 7
"""
    assert mistakes(path, text) == [
        "line 2: from: 'english' is no language code; give ISO 639-3 (spa) or BCP-47 (es, pt-BR); for english that is eng",
        "line 3: to.2: 'spanisch' is no language code; give ISO 639-3 (spa) or BCP-47 (es, pt-BR); did you mean spa (Spanish)?",
        "line 4: ask.source.file.on_eror: no setting named 'on_eror'; did you mean on_error?",
        "line 6: answer.max_tokens: Input should be greater than or equal to 1, not 0",
        "line 7: answer.temprature: no setting named 'temprature'; did you mean temperature?",
        "line 8: translate.translator: no translator named 'apertum'; did you mean apertium? (polydistill list translators)",
        "line 11: mix.builders.0.language_pairs.rich: Input should be greater than or equal to 0, not -1",
        "line 12: mix.builders.1: no builder named 'code_swich'; did you mean code_switch? (polydistill list builders)",
        "line 13: mix.filters.1: language_pairs is no filter",
        "line 14: mix.sampler.temperature.temperature: Input should be greater than or equal to 1, not 0.5",
        "line 9: mix.tokens: is missing",
        "line 15: train.schedule.cosine.warmup: Input should be less than or equal to 1, not 2",
        "line 15: train.schedule.cosine.ent: no setting named 'ent'; did you mean end?",
        "line 15: train.epochs: Input should be a valid integer, unable to parse string as an integer, not 'many'",
        "line 15: train.lora.rnk: no setting named 'rnk'; did you mean rank?",
        "line 16: choose.scales.0: Input should be less than or equal to 1, not 1.5",
        "line 18: evaluate.evaluators.0.loops.sampling.max_token: no setting named 'max_token'; did you mean max_tokens?",
        "line 19: report: holds settings: give them as key: value",
        "line 17: evaluat: no setting named 'evaluat'; did you mean evaluate?",
    ]


def test_what_must_be_given_is_said_with_how(path: Path):
    assert mistakes(path, GOOD.replace("model: m\nfrom: eng\nto: [spa]\n", "")) == [
        "model: is missing; give it with --model FOLDER",
        "from: is missing; give it with --from LANGUAGE",
        "to: is missing; give it with --to LANGUAGE[,LANGUAGE]",
    ]


def test_a_target_that_is_the_rich_language_is_one_mistake_among_others(path: Path):
    wrong = GOOD.replace("[spa]", "[spa, en]")
    same = "line 3: to.1: the target eng is the rich language itself; give another"
    assert mistakes(path, wrong) == [same]
    assert mistakes(path, wrong.replace("max_tokens: 12", "max_tokens: x"))[0] == same
    assert len(mistakes(path, wrong.replace("max_tokens: 12", "max_tokens: x"))) == 2


def test_targets_are_some_and_each_once(path: Path):
    assert mistakes(path, GOOD.replace("[spa]", "[spa, es]")) == [
        "line 3: to.1: spa stands there twice; give each target language once"
    ]
    assert mistakes(path, GOOD.replace("[spa]", "[]")) == ["line 3: to: holds no language; give at least one"]


def test_a_mistake_on_the_command_line_has_no_line_of_the_file(path: Path):
    assert mistakes(path, changes=("train.epoch=2", "ask.source={file: {pth: a}}", "train.schedule.cosine.ends=1")) == [
        "ask.source.file.path: is missing",
        "ask.source.file.pth: no setting named 'pth'; did you mean path?",
        "train.schedule.cosine.ends: no setting named 'ends'; did you mean end?",
        "train.epoch: no setting named 'epoch'; did you mean epochs?",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("epochs", "'epochs' is no setting; write key=value, such as train.epochs=2"),
        ("=3", "'=3' is no setting; write key=value, such as train.epochs=2"),
        ("mix.builders.0.rich=1", "mix.builders.0.rich cannot be set: it holds language_pairs"),
        ("mix.builders.language_pair.rich=1", "it holds language_pairs; did you mean language_pairs?"),
        ("mix.tokens.x=1", "mix.tokens.x cannot be set one by one, because tokens is a value"),
        ("mix.filters=[a", "mix.filters=[a: while parsing a flow sequence"),
        ("recipe=sdrl", "no recipe named 'sdrl'; did you mean sdrrl?"),
        ("rounds.2.train.epochs=2", "rounds.2.train.epochs cannot be set: of further rounds there are none"),
        ("mix.filters=&a [*a]", "anchors and aliases are not used in plans"),
        ("mix.filters=!!python/object:os.system []", "tags (!!python/object:os.system) are not used in plans"),
    ],
)
def test_a_change_that_cannot_be_read_is_said(path: Path, change: str, said: str):
    (found,) = mistakes(path, changes=(change,))
    assert said in found


def test_a_setting_of_a_further_round_is_changed_by_its_number(path: Path):
    changes = [
        "rounds=[{train: {epochs: 2}}, {train: {epochs: 3}}]",
        "rounds.3.train.objective=next_token",
        "rounds.2.train.epochs=5",
    ]
    plan = read_plan(str(path), changes, model="m")
    assert [later.given for later in plan.rounds] == [
        {"train": {"epochs": 5}},
        {"train": {"epochs": 3, "objective": "next_token"}},
    ]
    assert "of further rounds there are 2, 3" in mistakes(path, changes=(*changes, "rounds.1.train.epochs=1"))[0]


def test_a_file_begins_from_another_recipe(path: Path):
    plan = read_plan(str(path), ["recipe=copsd"], model="m")
    assert plan.recipe == "copsd"
    assert [list(later.given) for later in plan.rounds] == [["mix", "train"]]
    for kept in (RECIPES / "sdrrl.yaml", path.parent):  # a recipe, and the folder of a run
        assert "only a plan's file can begin from another recipe" in mistakes(kept, changes=("recipe=copsd",))[0]


def test_a_component_in_a_list_is_changed_by_its_name(path: Path):
    whole = "mix.builders=[language_pairs, {code_switch: {share: 0.5}}]"
    changes = [whole, "mix.builders.language_pairs.rich=0.7", "mix.builders.code_switch.fraction=0.3"]
    plan = read_plan(str(path), changes, model="m")
    assert [builder.model_dump(exclude_defaults=True) for builder in plan.mix.builders] == [
        {"rich": 0.7}, {"share": 0.5, "fraction": 0.3},
    ]  # fmt: skip


def test_one_of_two_of_a_name_cannot_be_changed_by_it(path: Path):
    changes = ("evaluate.evaluators=[text_bits, {text_bits: {items: 3}}]", "evaluate.evaluators.text_bits.items=5")
    assert mistakes(path, changes=changes) == ["evaluate.evaluators.text_bits.items cannot be set: 2 are named text_bits"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x [1]\nb: *x\n", "line 1: anchors and aliases are not used in plans"),
        ("a: 1\nb: &x 2\n", "line 2: anchors and aliases are not used in plans"),
        ("a: 1\nb: !!python/object:os.system [ls]\n", "line 2: tags (!!python/object:os.system) are not used in plans"),
        ("a: !secret x\n", "line 1: tags (!secret) are not used in plans"),
        ("a: " + "[" * 5000 + "]" * 5000, "line 1: nested more than 20 deep"),
        ("a: " + "{a: " * 30 + "1" + "}" * 30, "line 1: nested more than 20 deep"),
        ("a: 1\na: 2\n", 'found duplicate key "a"'),
        ("a: [1\nb: 2\n", "line 2:"),
        ("a: 1\n---\nb: 2\n", "line 2: expected a single document in the stream"),
        ("- a\n", "PLAN holds no settings; see: polydistill show sdrrl"),
        ("", "PLAN holds no settings; see: polydistill show sdrrl"),
        ("a: \x00", "special characters are not allowed"),
    ],
)
def test_yaml_that_is_no_plan_is_refused(path: Path, text: str, said: str):
    (found,) = mistakes(path, text)
    assert said in found


def test_a_file_that_is_no_plan_is_refused(path: Path):
    path.write_bytes(b"a: caf\xe9\n")
    assert mistakes(path) == ["PLAN is not UTF-8 (byte 6)"]
    path.write_bytes(b"#" * 1_000_001)
    assert mistakes(path) == ["PLAN is larger than a plan can be (1000001 bytes)"]


def test_an_unknown_plan_or_recipe_says_the_nearest(path: Path):
    with pytest.raises(
        PlanError, match=r"no recipe, plan file or run named 'sdrl'; did you mean sdrrl\? \(polydistill list recipes\)"
    ):
        read_plan("sdrl")
    assert mistakes(path, "recipe: sdrl\n" + GOOD) == [
        "line 1: no recipe named 'sdrl'; did you mean sdrrl? (polydistill list recipes)"
    ]


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    code = (
        Path(sys.modules[Constant.__module__].__file__ or "")
        .read_text()
        .replace("from . import", "from polydistill.schedules import")
    )
    (tmp_path / "my_schedule_parts").mkdir()
    (tmp_path / "my_schedule_parts" / "flat.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "my_schedule_parts.flat"
    for name in ("my_schedule_parts.flat", "my_schedule_parts"):
        sys.modules.pop(name, None)


def test_a_module_of_ones_own_works_only_when_allowed(path: Path, own_module: str):
    text = GOOD.replace("schedule: cosine", f"schedule: {own_module}")
    assert mistakes(path, text) == [
        f"line 11: train.schedule: {own_module} is a module of your own: it runs only with --allow {own_module}"
    ]
    token = ALLOWED.set(frozenset({own_module}))
    try:
        plan = read_plan(str(path))
        assert plan.train.schedule(0.2) == 1
        assert plan.written()["train"]["schedule"] == own_module
        other = own_module.replace("flat", "flt")
        assert mistakes(path, text.replace(own_module, other)) == [
            f"line 11: train.schedule: {other} is a module of your own: it runs only with --allow {other}"
        ]
    finally:
        ALLOWED.reset(token)


@pytest.mark.parametrize("recipe", sorted(path.stem for path in RECIPES.glob("*.yaml")))
def test_every_recipe_is_a_plan_once_model_and_languages_are_given(recipe: str):
    plan = read_plan(recipe, model="m", source="eng", target="spa,cat")
    assert isinstance(plan, Plan)
    assert plan.recipe == recipe


@pytest.mark.parametrize("example", sorted((Path(__file__).parents[2] / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_an_example_is_a_plan_and_says_its_command(example: Path):
    plan = read_plan(str(example), model="m")
    assert read_plan(str(example), ["rounds=[]"], model="m").rounds == ()
    assert len(plan.rounds) == (2 if example.stem == "family" else 0)
    assert f"examples/{example.name}" in example.read_text("utf-8").split("recipe:")[0]


# Rounds


@pytest.mark.parametrize("name", ["evaluate", "report"])
def test_what_is_of_the_whole_run_is_of_no_round(path: Path, name: str):
    (found,) = mistakes(path, changes=(f"rounds=[{{{name}: {{}}}}]",))
    assert f"{name}: is of the whole run; give it outside of rounds" in found


@pytest.mark.parametrize("rounds", ["5", "{train: {epochs: 1}}", "[1]"])
def test_what_are_no_rounds_has_no_settings(path: Path, rounds: str):
    (found,) = mistakes(path, changes=(f"rounds={rounds}", "rounds.2.train.epochs=1"))
    assert "rounds.2.train.epochs cannot be set" in found


def test_a_plan_without_the_rounds_of_its_recipe_is_read_back_as_it_is(path: Path, tmp_path: Path):
    plan = read_plan(str(path), ["recipe=copsd", "rounds=[]"])
    (tmp_path / "again.yaml").write_text(as_yaml(plan.written()))
    assert read_plan(str(tmp_path / "again.yaml")).rounds == ()


def test_the_report_knows_the_parts_of_every_round(path: Path):
    whole = "{other_model: {model: {transformers: {path: large}}}}"
    plan = read_plan(str(path), [f"rounds=[{{train: {{objective: {{word_level: {{teacher: {whole}}}}}}}}}]"])
    assert [part.name() for part in plan.report.parts].count("other_model") == 1
