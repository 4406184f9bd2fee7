"""Folders of translation models in CTranslate2's format: which family, which languages, and how they cut text."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ..component import missing_extra
from ..records import Lang
from ._codes import by_language, key

FAMILIES = {
    "nllb": re.compile(r"([a-z]{3}_[A-Z][a-z]{3})"),
    "m2m": re.compile(r"__([a-z]{2,3})__"),
    "madlad": re.compile(r"<2([A-Za-z]{2,3}(?:_[A-Za-z]+)?)>"),
    "marian": re.compile(r">>([A-Za-z]{2,3}(?:_[A-Za-z]+)?)<<"),
}
"""How each family writes a language as a token of its vocabulary."""

PIECES = ("sentencepiece.bpe.model", "sentencepiece.model", "spiece.model", "spm.model", "source.spm")
"""The names of a SentencePiece model, in the order in which they are looked for."""


class Known(NamedTuple):
    """What the vocabulary of a model tells."""

    family: str
    tokens: dict[tuple[str, str], str]
    """The token of each language; empty for a model of two languages."""

    def token(self, lang: Lang) -> str | None:
        """A language's token; without its region or script where only that is known."""
        return self.tokens.get(key(lang)) or self.tokens.get(key(Lang(lang.alpha3)))


class BadFolder(ValueError):
    """A folder that holds no translation model, or not all of one."""


@cache
def known(folder: Path) -> Known:
    """The family of a model and its languages, from its vocabulary alone.

    Raises:
        BadFolder: this is no model folder of CTranslate2.
    """
    if not (folder / "model.bin").is_file():
        raise BadFolder(
            f"{folder} holds no model.bin, so it is no CTranslate2 model; convert one with:"
            " ct2-transformers-converter --model MODEL --output_dir FOLDER --copy_files TOKENIZER_FILES"
        )
    names = ("shared_vocabulary.json", "source_vocabulary.json", "shared_vocabulary.txt", "source_vocabulary.txt")
    path = next((folder / name for name in names if (folder / name).is_file()), None)
    if path is None:
        raise BadFolder(f"{folder} has no vocabulary; there should be one of {', '.join(names)}")
    text = path.read_text("utf-8")
    vocabulary: list[str] = json.loads(text) if path.suffix == ".json" else text.split("\n")
    found: dict[str, dict[str, str]] = {family: {} for family in FAMILIES}
    for token in vocabulary:
        for family, pattern in FAMILIES.items():
            match = pattern.fullmatch(token)
            if match:
                found[family].setdefault(match[1], token)
    family = max(FAMILIES, key=lambda name: (len(found[name]), name == "marian"))
    codes = found[family]
    if not codes and "madeupword0" in vocabulary:  # what M2M and NLLB fill up with
        raise BadFolder(f"{folder} was converted without its language tokens; convert it again with transformers before 5.0")
    return Known(family, {one: codes[code] for one, code in by_language(codes).items()})


def adds_end(folder: Path) -> bool:
    """Whether the model ends its source with ``</s>`` by itself."""
    path = folder / "config.json"
    return path.is_file() and bool(json.loads(path.read_text("utf-8")).get("add_source_eos"))


class Tokenizer(ABC):
    """Cuts text into the tokens of a model, and joins them."""

    @abstractmethod
    def cut(self, texts: Sequence[str]) -> list[list[str]]:
        """The tokens of each text, no special ones added."""

    @abstractmethod
    def join(self, tokens: Sequence[Sequence[str]]) -> list[str]:
        """The text of each list of tokens."""


def tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a folder: SentencePiece models, or a ``tokenizer.json``.

    Raises:
        BadFolder: there is neither.
        ModuleNotFoundError: SentencePiece is not installed.
    """
    name = next((name for name in PIECES if (folder / name).is_file()), None)
    if name is not None:
        target = "target.spm" if name == "source.spm" and (folder / "target.spm").is_file() else name
        return _Pieces(folder / name, folder / target)
    if (folder / "tokenizer.json").is_file():
        return _Json(folder / "tokenizer.json")
    raise BadFolder(f"{folder} has no tokenizer; copy one of {', '.join(PIECES)} or tokenizer.json of the model into it")


class _Pieces(Tokenizer):
    def __init__(self, source: Path, target: Path):
        try:
            from sentencepiece import SentencePieceProcessor
        except ModuleNotFoundError:
            raise ModuleNotFoundError(missing_extra("sentencepiece", "ct2")) from None
        self._source = SentencePieceProcessor(model_file=str(source))
        self._target = SentencePieceProcessor(model_file=str(target)) if target != source else self._source

    def cut(self, texts: Sequence[str]) -> list[list[str]]:
        return self._source.encode(list(texts), out_type=str)

    def join(self, tokens: Sequence[Sequence[str]]) -> list[str]:
        return [self._target.decode_pieces(list(some)) for some in tokens]


class _Json(Tokenizer):
    def __init__(self, path: Path):
        from tokenizers import Tokenizer as Fast

        self._fast = Fast.from_file(str(path))

    def cut(self, texts: Sequence[str]) -> list[list[str]]:
        return [one.tokens for one in self._fast.encode_batch(list(texts), add_special_tokens=False)]

    def join(self, tokens: Sequence[Sequence[str]]) -> list[str]:
        ids = [[self._fast.token_to_id(token) for token in some] for some in tokens]
        return self._fast.decode_batch([[one for one in some if one is not None] for some in ids])
