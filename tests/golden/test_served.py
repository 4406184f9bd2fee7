"""A folder answers in plain transformers as it did when it was measured, and where it does not that is found."""

import json
import shutil
from pathlib import Path

import pytest
import tiny
from safetensors.torch import load_file, save_file
from tiny_engine import change, engine
from tiny_rows import ENG, SPA, chat, names_in

from polydistill.choose import Model
from polydistill.engines import BadModel, Engine
from polydistill.engines.transformers import Transformers
from polydistill.evaluators import Asked, heldout_chats
from polydistill.records import Row
from polydistill.served import ServedSettings, changed_files, check_served, served
from polydistill.stage import Rows, Workspace, finish, write_rows
from polydistill.storage.files import file_digest

QUESTIONS = ["the cat", "my dog?", "who sees the moon?", "a bird in the tree"]


def rows(count: int = 4) -> list[Row]:
    """Held-out questions in two languages, and one that was trained on."""
    held = zip(names_in("test", count), QUESTIONS, strict=False)
    found = [chat(name, lang, text, "yes.") for name, text in held for lang in (ENG, SPA)]
    return [*found, chat(names_in("train", 1)[0], ENG, "not this one", "no.")]


def asked() -> list[Asked]:
    return heldout_chats(iter(rows()[:-1]), (ENG,), 4)[ENG]


def sums(folder: Path) -> dict[str, str]:
    return {file.name: file_digest(file) for file in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path, taught_model: Path) -> Path:
    return Path(shutil.copytree(taught_model, tmp_path / "student"))


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_a_sound_folder_answers_the_same(folder: Path, dtype: str):
    found = check_served(folder, engine(folder, dtype=dtype), asked(), sums(folder), max_tokens=64)
    assert (found.equal, found.of, found.differing, found.faults) == (4, 4, (), ())
    assert found.sentence == "4 of 4 answers are the same after reload in plain transformers."


def test_another_template_than_the_measured_one_is_caught(folder: Path, tmp_path: Path):
    """The engine is given a template of its own; who serves the folder has the folder's."""
    other = tmp_path / "other.jinja"
    other.write_text(tiny.TEMPLATE.replace("assistant", "moon"))
    found = check_served(folder, engine(folder, template=str(other)), asked(), sums(folder))
    assert found.equal < found.of == 4
    assert len(found.differing) == 4 - found.equal
    assert found.differing[0].endswith("(eng)")


def test_a_template_that_writes_something_by_itself_is_caught(folder: Path):
    (folder / "chat_template.jinja").write_text("{{ 'off' if enable_thinking is defined else 'on' }}" + tiny.TEMPLATE)
    found = check_served(folder, engine(folder), asked(), sums(folder))
    assert found.faults == (
        "the chat template writes another prompt by itself (a date, a switch for thinking) than was measured",
    )


def test_a_template_that_refuses_a_chat_by_itself_is_caught(folder: Path):
    refusing = "{% if enable_thinking is not defined %}{{ raise_exception('say how') }}{% endif %}" + tiny.TEMPLATE
    (folder / "chat_template.jinja").write_text(refusing)
    found = check_served(folder, engine(folder), asked(), sums(folder))
    assert (found.equal, found.faults) == (0, ("the chat template refuses user by itself: say how",))


def test_a_missing_end_token_is_caught(folder: Path):
    for name in ("config.json", "generation_config.json"):
        change(folder / name, eos_token_id=None)
    found = check_served(folder, engine(folder), asked(), sums(folder), max_tokens=64)
    assert found.equal < found.of
    assert found.faults == ("generation_config.json does not end an answer at <|end|>, as the chat template does",)


def test_settings_of_generation_that_change_answers_are_caught(folder: Path):
    change(folder / "generation_config.json", repetition_penalty=9.0)
    assert check_served(folder, engine(folder), asked(), sums(folder), max_tokens=64).equal < 4


def test_what_was_changed_since_it_was_measured_is_caught(folder: Path):
    before = sums(folder)
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][0] += 1e-6
    (folder / "model.safetensors").unlink()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "chat_template.jinja").write_text(tiny.TEMPLATE + " ")
    (folder / "generation_config.json").unlink()
    (folder / "extra.json").write_text("{}")
    assert changed_files(folder, before) == [
        "generation_config.json is missing", "extra.json is new", "chat_template.jinja is not as it was measured",
        "model.safetensors is not as it was measured",
    ]  # fmt: skip


def test_an_engine_that_runs_elsewhere_cannot_be_reloaded(folder: Path):
    class Elsewhere(Engine):
        open = Transformers.open

    with pytest.raises(BadModel, match="does not say what its model computes in"):
        _ = Elsewhere().computes_in
    assert engine(folder, dtype="float32").computes_in == ("cpu", "float32")


def student(space: Workspace, taught: Path) -> Model:
    shutil.copytree(taught, space.root / "stages/choose-1/model")
    finish(space.root / "stages/choose-1", {})
    return Model(space.root / "stages/choose-1")


def rows_of(space: Workspace, name: str, some: list[Row]) -> Rows:
    out = space.root / "stages" / name
    out.mkdir(parents=True)
    write_rows(out, some)
    finish(out, {})
    return Rows(out)


def test_the_stage_asks_held_out_questions_of_every_language(space: Workspace, taught_model: Path):
    model, some = student(space, taught_model), rows()
    answers = rows_of(space, "answer-1", [row for row in some if row.payload.question.lang == ENG])
    translated = rows_of(space, "translate-1", [row for row in some if row.payload.question.lang == SPA])
    settings = ServedSettings(questions=5, max_tokens=64, model=engine(model.model), languages=(ENG, SPA))
    done = served(settings, model, answers, translated)
    assert (done.found.equal, done.found.of, done.found.faults) == (5, 5, ())
    assert json.loads((done.folder / "served.json").read_text())["of"] == 5
    again = served(settings, model, answers, translated)
    assert [there for _, _, there in space.finished] == [False, True]
    assert again.folder == done.folder


def test_without_held_out_questions_the_files_are_looked_at_all_the_same(space: Workspace, taught_model: Path):
    model, none = student(space, taught_model), rows_of(space, "answer-1", [])
    (model.model / "extra.json").write_text("{}")
    done = served(ServedSettings(model=Transformers(path=str(model.model)), languages=(ENG,)), model, none, none)
    assert (done.found.equal, done.found.of, done.found.faults) == (0, 0, ("extra.json is new",))
