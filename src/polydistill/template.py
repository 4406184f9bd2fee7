"""A model's chat template: from a chat to tokens, the same way for asking, answering, training and scoring.

Strings inside the data that look like special tokens are encoded as plain text, so that a row cannot forge a turn.
"""

import functools
import hashlib
import re
from typing import Any

from .engines import BadModel
from .records import Chat, Text

_PROBE = "\ue000a\ue001", "\ue000b\ue001"


class Template:
    """The chat template of a tokenizer.

    Raises:
        BadModel: there is none, or its answers have no end token.
    """

    def __init__(self, tokenizer: Any):
        if not tokenizer.chat_template:
            raise BadModel(
                f"{tokenizer.name_or_path} has no chat template; give one with model.template=FILE.jinja "
                "(`plain` is shipped: a question and an answer, for base models)"
            )
        self.tokenizer = tokenizer
        # A data string may hold any of these; they must not become the token.
        specials = {str(t) for t in tokenizer.all_special_tokens} | set(tokenizer.get_added_vocab())
        self._special = re.compile("|".join(re.escape(s) for s in sorted(specials, key=len, reverse=True) if s) or r"(?!)")

    @functools.cached_property
    def digest(self) -> str:
        """The first 12 digits of the template's SHA-256."""
        return hashlib.sha256(self.tokenizer.chat_template.encode()).hexdigest()[:12]

    @functools.cached_property
    def end_of_turn(self) -> int:
        """The token that ends an answer: what the template writes right after it."""
        after = self._around_answer[1].strip() or (self.tokenizer.eos_token or "")
        ids = self.tokenizer.encode(after, add_special_tokens=False)
        if not ids:
            raise BadModel(f"the chat template of {self.tokenizer.name_or_path} does not end an answer, and there is no end token")
        return ids[0]

    @functools.cached_property
    def ends(self) -> frozenset[int]:
        """Every token that ends a generated turn."""
        return frozenset({self.end_of_turn, self.tokenizer.eos_token_id} - {None})

    @functools.cached_property
    def before_question(self) -> list[int]:
        """Tokens up to where the user's own words begin: the model goes on from here with a question of its own."""
        text, _ = self._render([{"role": "user", "content": _PROBE[0]}], open_answer=True).split(_PROBE[0])
        return self._encode_template(text)

    @functools.cached_property
    def ends_question(self) -> frozenset[int]:
        """Tokens that end a question the model wrote itself."""
        _, after = self._render([{"role": "user", "content": _PROBE[0]}], open_answer=True).split(_PROBE[0])
        ids = self._encode_template(after.lstrip())
        return self.ends | frozenset(ids[:1])

    @functools.cached_property
    def _around_answer(self) -> tuple[str, str]:
        turns = [{"role": "user", "content": _PROBE[0]}, {"role": "assistant", "content": _PROBE[1]}]
        before, after = self._render(turns, open_answer=False).split(_PROBE[1])
        return before, after

    def prompt(self, chat: Chat) -> list[int]:
        """Tokens of the chat up to where the answer begins; without a turn, up to where the question begins."""
        if not chat.turns:
            return self.before_question
        return self._encode([turn.model_dump(include={"role", "text"}) for turn in chat.asked.turns])

    @property
    def start(self) -> list[int]:
        """What plain text follows: the token that begins a text, or the one that ended the last."""
        return [self.tokenizer.bos_token_id if self.tokenizer.bos_token_id is not None else self.end_of_turn]

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
        return self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)

    def special_strings(self, text: str) -> int:
        """How many strings of the text look like special tokens."""
        return len(self._special.findall(text))

    def _render(self, turns: list[dict[str, str]], open_answer: bool) -> str:
        try:
            return self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=open_answer)
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
