"""A model's chat template: from a chat to tokens, the same way for asking, answering, training and scoring.

Strings inside the data that look like special tokens are encoded as plain text, so that a row cannot forge a turn.
"""

import functools
import hashlib
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

from .engines import BadModel
from .records import Chat, Text

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
        self._source = _FIXED_DATE + source if "strftime_now" in source else source
        # A data string may hold any of these; they must not become the token. Of the added tokens that are not special
        # (runs of spaces, tags) those control that the template itself writes.
        added = tokenizer.added_tokens_decoder.values()
        self._written = _any_of({t.content for t in added if not t.special and t.content.strip() and t.content in source})
        special = {t.content for t in added if t.special} | {str(t) for t in tokenizer.all_special_tokens}
        self._special = re.compile(f"{_any_of(special).pattern}|{self._written.pattern}")
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

    def answer(self, text: str) -> list[int]:
        """Tokens of a text as plain text."""
        # Special tokens can be switched off, others only cut in two.
        cuts = [0, *(found.start() + 1 for found in self._written.finditer(text)), len(text)]
        ids: list[int] = []
        for begin, end in pairwise(cuts):
            ids += self.tokenizer.encode(text[begin:end], add_special_tokens=False, split_special_tokens=True)
        return ids

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
            return self._encode_template(
                self._render([{"role": t["role"], "content": t["text"]} for t in turns], open_answer=True)
            )
        # Render with stand-ins, then encode the template's text and the data's text each in its own way.
        stand_ins = [f"\ue000{number}\ue001" for number in range(len(turns))]
        rendered = self._render(
            [{"role": t["role"], "content": mark} for t, mark in zip(turns, stand_ins, strict=True)], open_answer=True
        )
        ids: list[int] = []
        for part in re.split("(\ue000\\d+\ue001)", rendered):
            ids += self.answer(contents[stand_ins.index(part)]) if part in stand_ins else self._encode_template(part)
        return ids


def _any_of(strings: set[str]) -> re.Pattern[str]:
    """Finds any of these strings, a longer one before what it begins with; nothing where there are none."""
    return re.compile("|".join(re.escape(s) for s in sorted(strings, key=len, reverse=True) if s) or r"(?!)")
