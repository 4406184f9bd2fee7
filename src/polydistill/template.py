"""A model's chat template: from a chat to tokens, the same way for asking, answering, training and scoring.

Strings inside the data that look like special tokens are encoded as plain text, so that a row cannot forge a turn.
"""

import functools
import hashlib
import json
import re
from collections.abc import Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from . import models, progress
from .engines import BadModel
from .foreign import template_trial
from .records import Chat, Preference, Text

SHIPPED = Path(__file__).parent / "data" / "templates"
_PROBE = "\ue000a\ue001", "\ue000b\ue001"
_FIXED_DATE = "{%- macro strftime_now(format) -%}2025-01-01{%- endmacro %}"


def template_file(template: str | None) -> Path | None:
    """The file of a chat template: a path, or the name of a shipped one.

    Raises:
        FileNotFoundError: there is none.
    """
    if template is None:
        return None
    shipped = SHIPPED / f"{template}.jinja"
    given = shipped if shipped.is_file() else Path(template).expanduser()
    if not given.is_file():
        raise FileNotFoundError(f"no chat template at {given}; shipped: {sorted(p.stem for p in SHIPPED.glob('*.jinja'))}")
    return given


@functools.cache
def _known() -> dict[str, dict[str, str]]:
    return json.loads((SHIPPED / "known.json").read_text("utf-8"))


def known_as(source: str) -> str | None:
    """What a template is known as, and by whom: one of those that well-known projects publish; None for another."""
    found = _known().get(_digest(source))
    return f"{found['name']} ({found['from']})" if found else None


def _digest(source: str) -> str:
    """SHA-256 of a template; a line's end at its very end is not written by Jinja."""
    return hashlib.sha256(source.removesuffix("\n").encode("utf-8", "surrogatepass")).hexdigest()


def try_template(model: object, source: str) -> str:
    """Lets a template pass that is known, or that has shown in a trial that it ends; a sentence where it is not known.

    Raises:
        BadModel: it took too much time or memory, or wrote too much.
    """
    if known_as(source):
        return ""
    shown = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    tried = models.CACHE.expanduser() / "templates" / f"{_digest(source)}-{template_trial.VERSION}"
    if not tried.is_file():
        if fault := template_trial.fault(source):
            raise BadModel(
                f"the chat template of {model} is refused (SHA-256 {shown}): {fault}; give another with "
                "model.template=FILE.jinja"
            )
        models.remember(tried, "")
    return f"the chat template is none of the known ones (SHA-256 {shown}); the report shows it"


def no_template(model: object) -> BadModel:
    """The error for a model without a chat template."""
    return BadModel(
        f"{model} has no chat template; give one with model.template=FILE.jinja "
        "(`plain` is shipped: a question and an answer, for base models)"
    )


class Template:
    """The chat template of a tokenizer. A thinking switch is off; a template that writes today's date writes a fixed one.

    Raises:
        BadModel: there is none, or its answers have no end token.
    """

    def __init__(self, tokenizer: Any):
        if not tokenizer.chat_template:
            raise no_template(tokenizer.name_or_path)
        self.tokenizer = tokenizer
        source = tokenizer.chat_template
        self.not_known = try_template(tokenizer.name_or_path, source)
        """A sentence where the template is none of the known ones, else empty."""
        if self.not_known:
            progress.say_once(self.not_known)
        self._source = _FIXED_DATE + source if "strftime_now" in source else source
        # A data string may hold any of these; they must not become the token. Of the added tokens that are not special
        # (runs of spaces, tags) those control that the template itself writes.
        added = tokenizer.added_tokens_decoder.values()
        self._written = _any_of({t.content for t in added if not t.special and t.content.strip() and t.content in source})
        special = {t.content for t in added if t.special} | {str(t) for t in tokenizer.all_special_tokens}
        self._special = re.compile(f"{_any_of(special).pattern}|{self._written.pattern}")
        # Tokens that no data may become. The unknown token stands for letters of any kind, one letter for itself.
        long = {id: t for id, t in tokenizer.added_tokens_decoder.items() if len(t.content.strip()) > 1}
        kept = {id for id, t in long.items() if t.special or self._written.fullmatch(t.content)}
        self._control = kept - {tokenizer.unk_token_id}
        self._controls = functools.cache(self._controls_of)
        self.end_of_turn = self._end_of_turn()
        """The token that ends an answer: what the template writes right after it."""

    @functools.cached_property
    def digest(self) -> str:
        """The first 12 digits of the template's SHA-256."""
        return hashlib.sha256(self.tokenizer.chat_template.encode()).hexdigest()[:12]

    def _end_of_turn(self) -> int:
        turns = [{"role": "user", "content": _PROBE[0]}, {"role": "assistant", "content": _PROBE[1]}]
        after = self._around(_PROBE[1], turns, open_answer=False)[1].strip() or (self.tokenizer.eos_token or "")
        ids = self.tokenizer.encode(after, add_special_tokens=False)
        if not ids:
            raise BadModel(
                f"the chat template of {self.tokenizer.name_or_path} does not end an answer, and there is no end token"
            )
        return ids[0]

    @functools.cached_property
    def ends(self) -> frozenset[int]:
        """Every token that ends a generated turn."""
        return frozenset({self.end_of_turn, self.tokenizer.eos_token_id} - {None})

    @functools.cached_property
    def before_question(self) -> list[int]:
        """Tokens up to where the user's own words begin: the model goes on from here with a question of its own."""
        # A word's token holds the space before it.
        return self._encode_template(self._around_question[0].rstrip(" "))

    @functools.cached_property
    def ends_question(self) -> frozenset[int]:
        """Tokens that end a question the model wrote itself."""
        return self.ends | frozenset(self._encode_template(self._around_question[1].lstrip())[:1])

    @functools.cached_property
    def takes_system(self) -> bool:
        """Whether the template has a place for a system line; where it has none, the line goes before the first question."""
        turns = [{"role": "system", "content": _PROBE[0]}, {"role": "user", "content": _PROBE[1]}]
        try:
            return _PROBE[0] in self._write(turns, open_answer=True)
        except BadModel:
            return False

    @functools.cached_property
    def _around_question(self) -> tuple[str, str]:
        return self._around(_PROBE[0], [{"role": "user", "content": _PROBE[0]}], open_answer=True)

    def _around(self, text: str, turns: list[dict[str, str]], open_answer: bool) -> tuple[str, str]:
        """What the template writes before and after a turn's text."""
        parts = self._render(turns, open_answer).split(text)
        if len(parts) != 2:
            raise BadModel(
                f"the chat template of {self.tokenizer.name_or_path} writes a turn's text {len(parts) - 1} times, not once; "
                "give another with model.template=FILE.jinja"
            )
        return parts[0], parts[1]

    def prompt(self, chat: Chat) -> list[int]:
        """Tokens of the chat up to where the answer begins; without a turn, up to where the question begins."""
        if not chat.turns:
            return self.before_question or self.start
        return self._encode([turn.model_dump(include={"role", "text"}) for turn in chat.asked.turns]) or self.start

    @functools.cached_property
    def start(self) -> list[int]:
        """What plain text follows: the token that parts texts in pre-training.

        Chat models may name a turn's marker as their beginning token; where the vocabulary has GPT-2's ``<|endoftext|>``
        that is the separator, else the beginning token is, else the end of a turn.
        """
        added = {token.content: id for id, token in self.tokenizer.added_tokens_decoder.items()}
        separator = added.get("<|endoftext|>", self.tokenizer.bos_token_id)
        return [separator if separator is not None else self.end_of_turn]

    def training(self, chat: Chat | Text) -> tuple[list[int], int]:
        """(tokens of the whole row, how many of them are prompt): the same prompt that asking gives, the answer's
        tokens, and the end of the turn unless the answer was cut. Plain text is all answer, without an end."""
        if isinstance(chat, Text):
            return self.start + self.answer(chat.text), 1
        assert chat.answer is not None
        prompt = self.prompt(chat)
        answer = self.answer(chat.answer.text)
        return prompt + answer + ([self.end_of_turn] if chat.ended else []), len(prompt)

    def lengths(self, rows: Sequence[Chat | Text | Preference]) -> list[int]:
        """How many tokens a student reads of each of many rows: what `training` gives, of a preference for both answers.

        What a teacher is shown more is not counted. In half the time: the usual rows are encoded together.
        """
        parts = [row.answered if isinstance(row, Preference) else (row,) for row in rows]
        found = iter(self._lengths([part for some in parts for part in some]))
        return [sum(islice(found, len(some))) for some in parts]

    def _lengths(self, rows: Sequence[Chat | Text]) -> list[int]:
        found: list[int | None] = [None] * len(rows)
        usual = [
            (place, chat, [{"role": turn.role, "content": turn.text} for turn in chat.asked.turns])
            for place, chat in enumerate(rows)
            if isinstance(chat, Chat) and len(chat.turns) > 1 and not any(self._special.search(t.text) for t in chat.turns)
        ]
        prompts = self._together([self._render(turns, open_answer=True) for _, _, turns in usual], plain=False)
        answers = self._together([chat.turns[-1].text for _, chat, _ in usual], plain=True)
        for (place, chat, turns), prompt, answer in zip(usual, prompts, answers, strict=True):
            controls = [id for id in prompt if id in self._control]
            if controls == self._controls(tuple(t["role"] for t in turns)) and self._control.isdisjoint(answer):
                found[place] = len(prompt or self.start) + len(answer) + chat.ended
        return [len(self.training(row)[0]) if known is None else known for row, known in zip(rows, found, strict=True)]

    def _together(self, texts: list[str], plain: bool) -> list[list[int]]:
        return self.tokenizer(texts, add_special_tokens=False, split_special_tokens=plain)["input_ids"] if texts else []

    def answer(self, text: str) -> list[int]:
        """Tokens of a text as plain text."""
        # Special tokens can be switched off, others only cut in two.
        cuts = [0, *(found.start() + 1 for found in self._written.finditer(text)), len(text)]
        ids: list[int] = []
        for begin, end in pairwise(cuts):
            ids += self._plain(text[begin:end])
        return ids

    def _plain(self, text: str) -> list[int]:
        """Tokens of a text, none of which controls: some tokenizers make such a one of plain letters all the same, because
        it stands in their vocabulary, or of other letters that they change into it. Then the text is cut in two."""
        ids = self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        if self._control.isdisjoint(ids):
            return ids
        if len(text) == 1:
            return [id for id in ids if id not in self._control]
        half = len(text) // 2
        return self._plain(text[:half]) + self._plain(text[half:])

    def special_strings(self, text: str) -> int:
        """How many strings of a text look like a token that it must not become; they are encoded as plain text."""
        return sum(1 for _ in self._special.finditer(text))

    def _render(self, turns: list[dict[str, str]], open_answer: bool) -> str:
        if [turn["role"] for turn in turns[:2]] == ["system", "user"] and not self.takes_system:
            system, question, *rest = turns
            turns = [{"role": "user", "content": f"{system['content']}\n\n{question['content']}"}, *rest]
        return self._write(turns, open_answer)

    def _write(self, turns: list[dict[str, str]], open_answer: bool) -> str:
        try:
            return self.tokenizer.apply_chat_template(
                turns, chat_template=self._source, tokenize=False, add_generation_prompt=open_answer, enable_thinking=False
            )
        except Exception as error:
            roles = " ".join(turn["role"] for turn in turns)
            raise BadModel(f"the chat template of {self.tokenizer.name_or_path} refuses the turns {roles}: {error}") from None

    def _encode_template(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False)

    def _encode(self, turns: list[dict[str, str]]) -> list[int]:
        contents = [turn["text"] for turn in turns]
        if not any(self._special.search(content) for content in contents):
            ids = self._encode_template(
                self._render([{"role": t["role"], "content": t["text"]} for t in turns], open_answer=True)
            )
            if [id for id in ids if id in self._control] == self._controls(tuple(turn["role"] for turn in turns)):
                return ids
        return self._encode_apart([turn["role"] for turn in turns], contents)

    def _controls_of(self, roles: tuple[str, ...]) -> list[int]:
        """The controlling tokens of a chat, all of them the template's."""
        return [id for id in self._encode_apart(roles, ["x"] * len(roles)) if id in self._control]

    def _encode_apart(self, roles: Sequence[str], contents: Sequence[str]) -> list[int]:
        # Render with stand-ins, then encode the template's text and the data's text each in its own way.
        stand_ins = [f"\ue000{number}\ue001" for number in range(len(roles))]
        rendered = self._render(
            [{"role": role, "content": mark} for role, mark in zip(roles, stand_ins, strict=True)], open_answer=True
        )
        ids: list[int] = []
        for part in re.split("(\ue000\\d+\ue001)", rendered):
            ids += self.answer(contents[stand_ins.index(part)]) if part in stand_ins else self._encode_template(part)
        return ids


def _any_of(strings: set[str]) -> re.Pattern[str]:
    """Finds any of these strings, a longer one before what it begins with; nothing where there are none."""
    return re.compile("|".join(re.escape(s) for s in sorted(strings, key=len, reverse=True) if s) or r"(?!)")
