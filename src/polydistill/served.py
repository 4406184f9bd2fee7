"""Whether a model's folder answers as it did when it was measured, after it is loaded by plain transformers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import progress
from .choose import Model
from .component import Count, Settings
from .engines import Answer, Engine, Sampling
from .evaluators import Asked, heldout_chats
from .models import offline
from .records import Chat, Lang, Record, split_of
from .stage import Artifact, Rows, stage
from .storage.files import file_digest, write_json
from .template import Template


class ServedSettings(Settings):
    """What is asked of the student's folder."""

    questions: Count = 8
    """Held-out questions, over all languages."""
    max_tokens: Count = 24
    """The longest answer, in tokens."""
    model: Engine
    """The student, as it was measured."""
    languages: tuple[Lang, ...]
    """The rich language and the targets."""


class Served(Record):
    """How many answers are the same, and what else would make a difference to who serves the folder."""

    equal: int
    of: int
    differing: tuple[str, ...] = ()
    """Questions whose answers differ: ids with their languages."""
    faults: tuple[str, ...] = ()
    """What is wrong with the folder, each in a sentence."""

    @property
    def sentence(self) -> str:
        """All of it in words."""
        same = f"{self.equal} of {self.of} answers are the same after reload in plain transformers"
        return "; ".join((same, *self.faults)) + "."


class Reloaded(Artifact):
    """A finished check, in ``served.json``."""

    @property
    def found(self) -> Served:
        return Served.model_validate_json((self.folder / "served.json").read_text("utf-8"))


@stage()
def served(settings: ServedSettings, student: Model, answers: Rows, translated: Rows, *, out: Path) -> Reloaded:
    """Loads the student's folder afresh, twice, and asks held-out questions of both."""
    held = [row for rows in (answers, translated) for row in rows if split_of(row.lineage.question) == "test"]
    each = -(-settings.questions // len(settings.languages))
    asked = [one for some in heldout_chats(held, settings.languages, each).values() for one in some][: settings.questions]
    sums = {Path(name).name: file["sha256"] for name, file in student.manifest["files"].items() if name.startswith("model/")}
    with progress.line("reload", unit=f"{len(asked)} questions, one at a time"):
        found = check_served(student.model, settings.model, asked, sums, settings.max_tokens)
    write_json(out / "served.json", found.model_dump(mode="json"))
    progress.say(f"reload: {found.sentence}")
    return Reloaded(out)


def check_served(
    folder: Path, model: Engine, asked: Sequence[Asked], sums: Mapping[str, str], max_tokens: int = 24
) -> Served:  # fmt: skip
    """Asks the same of ``model``, one question at a time and of a fresh engine, and of the folder in plain transformers.

    Both are greedy and compute in the same type on the same device. Plain transformers applies the folder's own template and
    ends where the folder's own settings say. ``sums`` are the SHA-256 of the folder's files when it was measured.
    """
    chats = [one.chat for one in asked]
    ours = engine_answers(model, chats, max_tokens)
    theirs, faults = plain_answers(folder, chats, max_tokens, *model.computes_in)
    differing = [
        f"{one.id} ({one.chat.question.lang})" for one, mine, other in zip(asked, ours, theirs, strict=True) if mine != other
    ]
    return Served(
        equal=len(asked) - len(differing), of=len(asked), differing=tuple(differing),
        faults=(*changed_files(folder, sums), *faults),
    )  # fmt: skip


def changed_files(folder: Path, sums: Mapping[str, str]) -> list[str]:
    """A sentence for each file that is not as it was, read anew byte by byte."""
    now = {file.name: file_digest(file) for file in folder.iterdir() if file.is_file()}
    said = {"is missing": sums.keys() - now, "is new": now.keys() - sums}
    said["is not as it was measured"] = {name for name in now.keys() & sums if now[name] != sums[name]}
    return [f"{name} {what}" for what, names in said.items() for name in sorted(names)]


def engine_answers(model: Engine, chats: Sequence[Chat], max_tokens: int) -> list[Answer]:
    """What the model answers when its engine is opened afresh."""
    with model.model_copy(update={"batch_size": 1}).open() as engine:
        return [engine.answer([chat], Sampling(max_tokens=max_tokens))[0] for chat in chats]


def plain_answers(
    folder: Path, chats: Sequence[Chat], max_tokens: int, device: str, dtype: str
) -> tuple[list[Answer], list[str]]:  # fmt: skip
    """What the folder answers in plain transformers, and what is wrong with its template and its end tokens."""
    import torch
    from jinja2 import TemplateError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    known: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    with offline():
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, **known)
        loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype), use_safetensors=True, **known)
    loaded = loaded.to(device)
    template, stated = Template(tokenizer), loaded.generation_config.eos_token_id
    ends = set(stated if isinstance(stated, list) else [stated])
    faults, answers = [], []
    if template.end_of_turn not in ends:
        end = tokenizer.convert_ids_to_tokens(template.end_of_turn)
        faults.append(f"generation_config.json does not end an answer at {end}, as the chat template does")
    for chat in chats:
        turns = [{"role": turn.role, "content": turn.text} for turn in chat.turns]
        try:
            prompt = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        except TemplateError as error:
            faults.append(f"the chat template refuses {' '.join(turn['role'] for turn in turns)} by itself: {error}")
            answers.append(Answer("", False))
            continue
        ids = prompt["input_ids"]
        if ids[0].tolist() != template.prompt(chat):
            faults.append("the chat template writes another prompt by itself (a date, a switch for thinking) than was measured")
        made = loaded.generate(**prompt.to(device), max_new_tokens=max_tokens, do_sample=False)[0, ids.shape[1] :].tolist()
        text = tokenizer.decode(made, skip_special_tokens=True).strip()
        answers.append(Answer(text, bool(made) and made[-1] in ends))
    return answers, list(dict.fromkeys(faults))
